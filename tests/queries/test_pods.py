"""Which pods are measured, and over which samples: the second look of the recipe `resource` (R1)."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Interval, Reading, Sample
from deadband.queries.plan import closer, plan
from deadband.queries.types import Answered, Need, Series
from tests.queries.builders import NOW, cpu, need, parts, raw, series

AT = 1_772_366_400
"""The instant of the evaluation, in Unix seconds."""
SOURCES = {"main": MetricSourceSpec(url="http://prometheus:9090", default=True, rate_window_seconds=60)}
MEMORY = need({"resource": {"name": "memory"}}, "leadgen/Deployment/api")


class Rows:
    """The answer of the second look, written down fact by fact; times are seconds before the evaluation."""

    def __init__(self) -> None:
        self.rows: list[Series] = []

    def fact(self, part: str, value: float | None, *, pod: str, container: str = "", run: str = "") -> "Rows":
        where = {"namespace": "leadgen", "workload": "api", "pod": pod, "container": container, "id": run}
        self.rows.append(series(value, part=part, **where))
        return self

    def pod(
        self,
        name: str,
        *,
        ready: Mapping[str, float] | None = None,
        started: float | None = 1000,
        request: float | None = 1,
        container: str = "app",
    ) -> "Rows":
        """A pod that counts, Ready for a quarter of an hour unless told otherwise, with one container."""
        self.fact("pod", 1, pod=name)
        for part, ago in ({"ready-first": 900, "ready-last": 900} if ready is None else ready).items():
            self.fact(part, AT - ago, pod=name)
        if started is not None:
            self.fact("started", AT - started, pod=name, container=container)
        if request is not None:
            self.fact("request", request, pod=name, container=container)
        return self

    def used(
        self, name: str, rate: float, *, ages: Mapping[int, float] | None = None, container: str = "app", run: str = "a"
    ) -> "Rows":
        """Samples of a counter that rises by `rate`: by the seconds that they were looked for ago, their real age."""
        for span, age in ({0: 10, 60: 70, 30: 40, 15: 25} if ages is None else ages).items():
            self.fact(f"time{span}", AT - age, pod=name, container=container, run=run)
            self.fact(f"value{span}", 5000 - rate * age, pod=name, container=container, run=run)
        return self


def read(rows: Rows, asked: Need | None = None) -> Reading:
    asked = asked or cpu()
    planned = closer([asked], SOURCES)
    return planned.read({planned.questions[0]: Answered(tuple(rows.rows))}, now=NOW)[asked.key]


MEASURED = [
    ("two samples a minute apart", Rows().pod("a").used("a", 0.5), "50"),
    ("two pods", Rows().pod("a").used("a", 0.5).pod("b").used("b", 0.7), "60"),
    (
        "a pod that is Ready for half a minute, over the samples since",
        Rows().pod("a", ready={"ready-first": 40, "ready-last": 40}, started=60).used("a", 0.5),
        "50",
    ),
    (
        "a pod that lost its readiness and has it again counts from the first time on",
        Rows().pod("a", ready={"ready-first": 900, "ready-lately": 20, "ready-last": 5}).used("a", 0.5),
        "50",
    ),
    (
        "a pod that is not Ready now, but was",
        Rows().pod("a", ready={"ready-first": 900}).used("a", 1.2),
        "120",
    ),
    (
        "a container that restarted, from the next Ready on",
        Rows()
        .pod("a", ready={"ready-first": 900, "ready-lately": 45, "ready-last": 45}, started=55)
        .used("a", 0.5)
        .used("a", 9, ages={0: 61, 60: 76}, run="dead"),
        "50",
    ),
    (
        "readiness that comes and goes after a restart counts from its first time",
        Rows().pod("a", ready={"ready-first": 3000, "ready-lately": 80, "ready-last": 5}, started=100).used("a", 0.5),
        "50",
    ),
    (
        "without the time at which it became Ready, a pod that was Ready a window ago",
        Rows().pod("a", ready={}, started=None).fact("ready-before", 1, pod="a").used("a", 0.5),
        "50",
    ),
    (
        "an older pod over the half minute of the younger one, whose load it had before",
        Rows()
        .pod("a")
        .used("a", 0.5, ages={0: 10, 30: 40})
        .used("a", 1.2, ages={60: 70})
        .pod("b", ready={"ready-first": 45, "ready-last": 45}, started=60)
        .used("b", 0.5),
        "50",
    ),
    (
        "the older pods over the whole minute, where no shorter span has more pods",
        Rows().pod("a").used("a", 0.9, ages={0: 10, 30: 10, 60: 70}).pod("b").used("b", 0.5),
        "70",
    ),
    ("the same series from two scrape jobs", Rows().pod("a").used("a", 0.5, run="a").used("a", 0.5, run="b"), "50"),
    ("a lost scrape, so that one sample serves two spans", Rows().pod("a").used("a", 0.5, ages={0: 20, 60: 65}), "50"),
    (
        "a container without a request counts on neither side",
        Rows().pod("a").used("a", 0.5).used("a", 3, container="b"),
        "50",
    ),
    ("a pod without a request counts on neither side", Rows().pod("a").used("a", 0.5).pod("b", request=None), "50"),
]


@pytest.mark.parametrize(("rows", "value"), [pytest.param(*row[1:], id=row[0]) for row in MEASURED])
def test_a_pod_is_measured_over_its_own_samples(rows: Rows, value: str) -> None:
    reading = read(rows)

    assert isinstance(reading, Sample)
    assert reading.value == Fraction(value)


NOT_MEASURED = [
    (
        "it became Ready after its last sample but one",
        Rows().pod("b", ready={"ready-first": 20, "ready-last": 20}, started=60).used("b", 0.5),
        "too few samples since it became Ready",
    ),
    (
        "all that it did was start-up work",
        Rows().pod("b", ready={"ready-first": 5, "ready-last": 5}, started=60).used("b", 8),
        "too few samples since it became Ready",
    ),
    (
        "its container restarted and it has not been Ready since",
        Rows().pod("b", ready={"ready-first": 900}, started=30).used("b", 0.5),
        "it restarted and has not been Ready since",
    ),
    (
        "its container is not running",
        Rows().pod("b").fact("stopped", 0, pod="b", container="app").used("b", 0.5),
        "a container is not running",
    ),
    (
        "its newest sample is too old",
        Rows().pod("b").used("b", 0.5, ages={60: 70, 30: 70}),
        "no sample of app in the last 37.5s",
    ),
    ("it has no sample at all", Rows().pod("b"), "no sample of app in the last 37.5s"),
    (
        "both samples are one",
        Rows().pod("b").used("b", 0.5, ages={0: 30, 15: 30}),
        "too few samples since it became Ready",
    ),
    ("its samples are too far apart", Rows().pod("b").used("b", 0.5, ages={0: 10, 60: 300}), "too few samples"),
    (
        "one of its containers has no sample",
        Rows().pod("b").used("b", 0.5).fact("request", 1, pod="b", container="proxy"),
        "no sample of proxy",
    ),
    (
        "without the time at which it became Ready, it was not Ready a window ago",
        Rows().pod("b", ready={}, started=None).used("b", 0.5),
        "Ready too short a time",
    ),
]


@pytest.mark.parametrize(("rows", "why"), [pytest.param(*row[1:], id=row[0]) for row in NOT_MEASURED])
def test_a_pod_that_is_not_measured_counts_nothing_for_the_low_end_and_all_for_the_high_one(
    rows: Rows, why: str
) -> None:
    alone = read(rows)
    assert isinstance(alone, Absent)
    assert alone.reason is Reason.NOT_MEASURED
    assert why in alone.message

    share = sum(row.value or 0 for row in rows.rows if row.labels["part"] == "request")
    beside = read(rows.pod("a", request=2).used("a", 0.8))

    assert isinstance(beside, Interval)
    whole = 2 + share
    assert beside.low == round(80 / whole, 9) or float(beside.low) == pytest.approx(80 / float(whole))
    assert float(beside.high - beside.low) == pytest.approx(100 * float(share / whole))
    assert (beside.pods, beside.measured) == (2, 1)
    assert why in beside.why[0]


def test_the_high_end_reaches_the_highest_threshold_where_that_is_more_than_all_that_is_requested() -> None:
    rows = Rows().pod("a").used("a", 0.5).pod("b")

    assert read(rows, replace(cpu(), highest=Fraction(80))) == Interval(Fraction(25), Fraction(75), 2, 1)
    assert read(rows, replace(cpu(), highest=Fraction(150))) == Interval(Fraction(25), Fraction(100), 2, 1)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(Rows(), Reason.EMPTY, id="no pod"),
        pytest.param(Rows().used("x", 0.5), Reason.EMPTY, id="samples of a pod that does not count"),
        pytest.param(Rows().pod("a", request=None).used("a", 1), Reason.NO_REQUESTS, id="no request"),
        pytest.param(
            Rows().pod("a").used("a", 0.5).fact("value0", None, pod="a", container="app"),
            Reason.NOT_A_NUMBER,
            id="a usage that is not a number",
        ),
    ],
)
def test_what_cannot_be_a_percentage_is_absent_with_its_reason(rows: Rows, expected: Reason) -> None:
    reading = read(rows)

    assert isinstance(reading, Absent)
    assert reading.reason is expected


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        pytest.param("a/Deployment/b", False, id="a kind whose way to its pods is known"),
        pytest.param("a/Rollout/b", True, id="a kind that may own its pods by another way"),
    ],
)
def test_a_foreign_kind_without_pods_says_which_pods_are_found(workload: str, said: bool) -> None:
    reading = read(Rows(), cpu(workload))

    assert isinstance(reading, Absent)
    assert reading.message.startswith("no ready pod of b is known")
    assert ("pods are found that a Rollout or a ReplicaSet of it owns" in reading.message) is said


@pytest.mark.parametrize(
    ("age", "measured"),
    [pytest.param(10, True, id="after it became Ready"), pytest.param(50, False, id="before it became Ready")],
)
def test_memory_needs_one_sample_from_after_the_pod_became_ready(age: int, measured: bool) -> None:
    rows = Rows().pod("a", ready={"ready-first": 40, "ready-last": 40}, started=60, request=512)
    rows.fact("time0", AT - age, pod="a", container="app", run="a").fact(
        "value0", 256, pod="a", container="app", run="a"
    )

    reading = read(rows, MEMORY)

    assert reading == Sample(Fraction(50), pods=1) if measured else isinstance(reading, Absent)


def test_a_container_that_a_metric_selects_is_read_alone() -> None:
    rows = Rows().pod("a").used("a", 0.5).fact("request", 1, pod="a", container="proxy")

    reading = read(rows.used("a", 0.9, container="proxy"), cpu(container="proxy"))

    assert reading == Sample(Fraction(90), pods=1)


@given(
    rate=st.integers(0, 300),
    ready=st.integers(0, 200),
    ages=st.lists(st.integers(0, 37), min_size=4, max_size=4),
)
def test_whatever_the_samples_a_single_number_is_what_was_really_used(rate: int, ready: int, ages: list[int]) -> None:
    """Samples may be late by any time: a number is either the true one or none."""
    looked_for = {span: span + late for span, late in zip((0, 15, 30, 60), ages, strict=True)}
    rows = Rows().pod("a", ready={"ready-first": ready, "ready-last": ready}, started=200)

    reading = read(rows.used("a", rate / 100, ages=looked_for))

    assert isinstance(reading, Absent) or reading == Sample(Fraction(rate), pods=1)


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=8))
def test_the_truth_lies_in_the_interval_when_no_pod_uses_more_than_it_requests(pods: list[tuple[int, bool]]) -> None:
    rows = Rows()
    for number, (use, measured) in enumerate(pods):
        rows.pod(f"p{number}")
        if measured:
            rows.used(f"p{number}", use / 100)
    truth = Fraction(sum(use for use, _ in pods), len(pods))

    match read(rows):
        case Absent(reason=reason):
            assert reason is Reason.NOT_MEASURED
            assert not any(measured for _, measured in pods)
        case Interval(low, high):
            assert low - 1 < truth < high + 1
        case Sample(value):
            assert abs(value - truth) < Fraction(1, 10**8)


@pytest.mark.parametrize("asked", [cpu(), cpu(container="app"), MEMORY, cpu("a/Rollout/b"), cpu("a/StatefulSet/b")])
def test_every_expression_of_the_second_look_parses(asked: Need) -> None:
    (question,) = closer([asked], SOURCES).questions

    promql_parser.parse(question.promql)


@pytest.mark.parametrize("measured", [True, False], ids=["a number", "an interval"])
def test_the_pods_of_a_database_are_not_taken_for_those_of_the_target(measured: bool) -> None:
    database = {"database": {"system": "PostgreSQL", "instance": "api", "measure": "Cpu"}}
    rows = Rows().pod("a").used("a", 0.5)

    reading = read(rows if measured else rows.pod("b"), need(database, "leadgen/Deployment/shop"))

    assert isinstance(reading, Sample | Interval)
    assert reading.pods is None


def test_a_pod_that_has_ended_does_not_count_however_lately_it_was_ready() -> None:
    (question,) = closer([cpu()], SOURCES).questions

    ended = 'kube_pod_status_phase{namespace="leadgen",phase=~"Failed|Succeeded"} == 1'
    assert f"unless on (namespace,pod,uid) ({ended})" in question.promql


def test_without_the_time_of_ready_a_first_look_doubts_pods_that_were_not_ready_before_the_window() -> None:
    (question,) = plan([cpu()], SOURCES).questions

    ready = 'kube_pod_status_ready{namespace="leadgen",condition="true"}'
    unknown = f'{ready} unless on (namespace,pod,uid) kube_pod_status_ready_time{{namespace="leadgen"}}'
    assert f"max by (namespace,pod) ({unknown} unless on (namespace,pod,uid) ({ready} offset 98s == 1))" in (
        question.promql
    )


def test_without_the_time_of_ready_a_container_that_restarted_lately_is_not_taken_for_long_ready() -> None:
    (question,) = closer([cpu()], SOURCES).questions

    lately = 'kube_pod_container_state_started{namespace="leadgen"} > time() - 98'
    assert f'unless on (namespace,pod,uid) ({lately})),"part","ready-before"' in (question.promql)


def test_only_workloads_in_doubt_are_looked_at_again() -> None:
    calm, doubtful, other = cpu(policy="a"), cpu("leadgen/Deployment/other", policy="b"), raw("up", policy="c")
    first = plan([calm, doubtful, other], SOURCES)
    both = Answered(parts(0.7, 1).series + parts(0.1, 1, doubt=True, workload="other").series)
    answers = {question: both if "other" in question.promql else Answered((series(1),)) for question in first.questions}

    unclear = first.unclear(first.read(answers, now=NOW))

    assert unclear == [doubtful]
