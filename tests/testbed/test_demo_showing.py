"""How the demo shows itself: as lines, and as charts."""

import io
from pathlib import Path

import pytest
import yaml

from e2e.testbed.demo import story
from e2e.testbed.demo.drawing import Point, plot, steps
from e2e.testbed.demo.frame import Band, Frame, Gauge, Row, bands
from e2e.testbed.demo.judge import Verdict
from e2e.testbed.demo.observed import Change, PolicySeen, WorkloadSeen
from e2e.testbed.demo.plain import PlainView, clock, reading, verdict_line
from e2e.testbed.demo.portrait import save_portrait
from e2e.testbed.demo.story import ACTS, POLICIES

CPU = Band("cpu", " %", 20, 70)


def moment(at: float, *, replicas: int = 2, sentence: str = "Holding at 2", cpu: float | None = 63.4) -> Frame:
    seen = WorkloadSeen(replicas, 2)
    row = Row("api", seen, PolicySeen(target="api", sentence=sentence), (Gauge(CPU, cpu),))
    return Frame(at, "act", (row,))


def shown(*frames: Frame) -> list[str]:
    stream = io.StringIO()
    view = PlainView(stream)
    for frame in frames:
        view.show(frame)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("gauge", "text"),
    [
        pytest.param(Gauge(CPU, 63.4), "cpu 63 % (<20 >70)", id="a percentage in its band"),
        pytest.param(Gauge(Band("depth", "", 100, 10000), 12345), "depth 12,345 (<100 >10,000)", id="a count"),
        pytest.param(Gauge(Band("memory", " %", None, 80), 47), "memory 47 % (>80)", id="one threshold"),
        pytest.param(Gauge(Band("memory", " %", None, None), None), "memory ?", id="neither a value nor a threshold"),
    ],
)
def test_a_reading_is_written_with_its_thresholds(gauge: Gauge, text: str) -> None:
    assert reading(gauge) == text


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        pytest.param(70, "inside", id="at the upper threshold"),
        pytest.param(70.1, "above", id="above the upper threshold"),
        pytest.param(20, "inside", id="at the lower threshold"),
        pytest.param(19.9, "below", id="below the lower threshold"),
        pytest.param(None, "inside", id="unknown"),
    ],
)
def test_a_threshold_itself_is_inside_the_band(value: float | None, zone: str) -> None:
    assert Gauge(CPU, value).zone == zone


def test_time_is_written_in_minutes_and_seconds() -> None:
    assert [clock(seconds) for seconds in (0, 5.9, 65, 600)] == ["0:00", "0:05", "1:05", "10:00"]


def test_a_line_is_written_for_news_and_every_few_seconds_but_not_for_every_look() -> None:
    lines = shown(
        moment(0.0),
        moment(0.5),
        moment(1.0, sentence="Scaling up"),
        moment(1.5, sentence="Scaling up", replicas=5),
        moment(2.0, sentence="Scaling up", replicas=5),
        moment(6.5, sentence="Scaling up", replicas=5),
    )

    assert lines == [
        "[ 0:00] api 2/2 ready, cpu 63 % (<20 >70): Holding at 2",
        "[ 0:01] api 2/2 ready, cpu 63 % (<20 >70): Scaling up",
        "[ 0:01] api 2/5 ready, cpu 63 % (<20 >70): Scaling up",
        "[ 0:06] api 2/5 ready, cpu 63 % (<20 >70): Scaling up",
    ]


def test_a_policy_without_a_workload_has_a_line_without_pods() -> None:
    row = Row(
        "leads-db", None, PolicySeen(sentence="Asking a person"), (Gauge(Band("connections", " %", None, 80), 88),)
    )

    assert shown(Frame(0.0, "act", (row,))) == ["[ 0:00] leads-db, connections 88 % (>80): Asking a person"]


def test_everything_that_happens_is_a_line_with_its_time() -> None:
    stream = io.StringIO()
    with PlainView(stream) as view:
        view.preparing("Prometheus")
        view.begin("Load rises", 61)
        view.changed(Change("Load rises", 72.4, "api", 2, 5))
        view.quote("kubectl get scalingpolicies", "NAME\napi-pods\n")

    assert stream.getvalue().splitlines() == [
        "[start] Prometheus",
        "[ 1:01] --- Load rises",
        "[ 1:12] >>> api scaled up, 2 to 5 replicas",
        "$ kubectl get scalingpolicies",
        "NAME",
        "api-pods",
    ]


def test_a_verdict_says_whether_when_what_and_why() -> None:
    good = Verdict("act", "api up", "api 2 → 5", holds=True, at=23.0, sentence="Scaling up from 2 to 5")
    bad = Verdict("act", "nothing is scaled", "api 5 → 6", holds=False)

    assert verdict_line(good) == "ok    0:23  api up: api 2 → 5. Scaling up from 2 to 5"
    assert verdict_line(bad) == "FAIL        nothing is scaled: api 5 → 6"


def test_the_bands_are_those_of_the_policies_that_are_applied() -> None:
    policies = {policy["metadata"]["name"]: policy for policy in yaml.safe_load_all(POLICIES.read_text())}

    assert bands(policies["api-pods"]) == (CPU, Band("memory", " %", None, 80))
    assert bands(policies["lead-workers"]) == (Band("depth", "", 100, 10000),)


def test_the_story_names_workloads_and_acts_that_exist() -> None:
    applied = [(each["kind"], each["metadata"]["name"]) for each in story.workloads()]
    policies = {policy["metadata"]["name"] for policy in yaml.safe_load_all(POLICIES.read_text())}
    scaled = {name for kind, name in applied if kind == "Deployment"}
    floors = {story.floor_of(name) for kind, name in applied if kind == "HorizontalPodAutoscaler"}
    named = {scaling.workload for act in ACTS for scaling in (*act.expects, *act.allows)}

    assert floors <= named <= scaled | floors
    assert {each for act in ACTS for each in (*act.asks, *act.approves_late, *act.settles)} <= policies
    assert len({act.title for act in ACTS}) == len(ACTS)
    assert all(act.shortest <= act.longest for act in ACTS)


def test_a_chart_draws_each_value_as_a_column() -> None:
    values = [0.0, 1.0, 2.0, 4.0]
    points = [Point(float(at), value, "green") for at, value in enumerate(values)]
    drawn = plot(points, width=4, height=2, top=4, span=4)

    assert [line.plain for line in drawn] == ["   █", " ▄██"]


def test_a_chart_keeps_the_newest_when_time_runs_out_of_columns() -> None:
    points = [Point(float(at), float(at % 2), "green") for at in range(10)]
    (line,) = plot(points, width=4, height=1, top=1, span=4)

    assert line.plain == " █ █"


def test_a_chart_repeats_a_value_over_time_without_a_new_one_and_ends_at_the_newest() -> None:
    (line,) = plot([Point(0.0, 1, "green"), Point(3.0, 1, "green")], width=6, height=1, top=1, span=6)

    assert line.plain == "████  "


def test_numbers_stand_where_they_change() -> None:
    points = [Point(float(at), value, "green") for at, value in enumerate([2, 2, 2, 2, 12, 12, 12, 3])]
    line = steps(points, width=10, span=10)

    assert line.plain == "2   12 3  "


def test_a_number_that_would_run_into_the_one_before_waits_for_room() -> None:
    points = [Point(float(at), value, "green") for at, value in enumerate([12, 3, 4, 4])]
    line = steps(points, width=6, span=6)

    assert line.plain == "12 4  "


def test_a_chart_marks_thresholds_where_nothing_covers_them() -> None:
    upper, lower = plot([Point(0.0, 4, "red")], width=3, height=2, top=4, span=3, thresholds=(3, 100))

    assert (upper.plain, lower.plain) == ("█╌╌", "█  ")


def test_the_picture_is_an_svg_with_the_sentence_in_it(tmp_path: Path) -> None:
    path = tmp_path / "demo.svg"
    verdict = Verdict("act", "api up", "api 2 → 5", holds=True, at=1.0, sentence="Because of cpu")
    save_portrait(path, [moment(0.0), moment(1.0, replicas=5)], [verdict], ("kubectl get spol", "NAME\napi-pods"))

    text = path.read_text().replace("&#160;", " ")
    assert text.startswith("<svg")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    assert "Because of cpu" in text
    assert "kubectl get spol" in text
