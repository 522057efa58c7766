"""What Prometheus recorded: each finding from a past of a few instants, and the nearest past that is free of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.hindsight import hindsight_findings
from deadband.advice.past import Past, Sampling, interval_of, look_back
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.ranges import Grid, RangeAnswered, RangeSeries
from deadband.scenario.recorded.recording import Recording, Track
from deadband.scenario.recorded.wanted import wanted
from tests.core.builders import spec

HOUR = 3600
SOURCES = {"": MetricSourceSpec(url="http://prometheus.invalid")}
Column = Sequence[int | None]
"""One value for each hour; None where nothing was read."""


def past(
    policy: ScalingPolicySpec,
    columns: Mapping[str, Column],
    *,
    replicas: Sequence[int | None] = (),
    sampling: Sequence[Sampling] = (),
    stale_after: int = 60,
) -> Past:
    """A look back at hourly values, by the text of the query, of 48 hours or as many as there are."""
    count = max(map(len, columns.values()))
    grid = Grid(0, HOUR, count)
    asked = wanted(policy, "leadgen", SOURCES, "")
    tracks = {}
    for question in asked.plan.questions:
        track = tracks[question] = Track(grid, question)
        points = [
            (float(index * HOUR), Fraction(value))
            for index, value in enumerate(columns[question.promql])
            if value is not None
        ]
        track.add(RangeAnswered(grid, (RangeSeries({}, points),) if points else ()))
    found = look_back(
        policy,
        Recording(asked.plan, tracks, grid),
        replicas=replicas or [None] * count,
        ready=replicas or [None] * count,
    )
    found.sampling = {"cpu": list(sampling)}
    found.stale_after = {"cpu": timedelta(seconds=stale_after)}
    return found


def said(policy: ScalingPolicySpec, of: FindingId, seen: Past) -> list[Finding]:
    return [finding for finding in hindsight_findings(policy, seen) if finding.id is of]


def sentences(policy: ScalingPolicySpec, of: FindingId, seen: Past) -> list[str]:
    return [finding.sentence for finding in said(policy, of, seen)]


@pytest.mark.parametrize(
    ("column", "fires"),
    [
        pytest.param([50] * 23 + [None] * 25, True, id="its last value is older than a day"),
        pytest.param([50] * 24 + [None] * 24, False, id="it had one a day ago to the hour"),
        pytest.param([None] * 48, True, id="it never had any"),
    ],
)
def test_a_metric_had_no_value_in_the_last_day(column: Column, fires: bool) -> None:
    found = sentences(spec(), FindingId.NO_VALUE_IN_A_DAY, past(spec(), {"cpu": column}))

    told = (
        "cpu had a value at 0 of 25 instants of the last day (Empty at 25 of them): scaleDown cannot act on what is not "
        "known."
    )
    assert found == ([told] if fires else [])


def test_a_metric_whose_emptiness_is_answered_is_as_its_author_wants_it() -> None:
    policy = spec(metrics=[{"name": "cpu", "query": "cpu", "onNoData": {"value": 0}}])

    assert said(policy, FindingId.NO_VALUE_IN_A_DAY, past(policy, {"cpu": [None] * 48})) == []


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param([10, 71], [], id="both thresholds were crossed"),
        pytest.param(
            [10, 70],
            ["cpu read 10 to 70 in 23 hours (24 of 24 instants): it was never above 70."],
            id="70 is not above 70",
        ),
        pytest.param(
            [20, 71],
            ["cpu read 20 to 71 in 23 hours (24 of 24 instants): it was never below 20."],
            id="20 is not below 20",
        ),
        pytest.param(
            [71, 90],
            [
                "cpu read 71 to 90 in 23 hours (24 of 24 instants): it was always above 70.",
                "cpu read 71 to 90 in 23 hours (24 of 24 instants): it was never below 20.",
            ],
            id="always above",
        ),
        pytest.param(
            [70, 90],
            ["cpu read 70 to 90 in 23 hours (24 of 24 instants): it was never below 20."],
            id="once it was not above",
        ),
        pytest.param(
            [10, 11, None],
            ["cpu read 10 to 11 in 35 hours (24 of 36 instants): it was never above 70."],
            id="always below is what a quiet week looks like",
        ),
    ],
)
def test_a_threshold_lies_outside_of_everything_seen(column: Column, words: list[str]) -> None:
    assert sentences(spec(), FindingId.THRESHOLD_NEVER_SEEN, past(spec(), {"cpu": [*column] * 12})) == words


@pytest.mark.parametrize(
    ("column", "speaks"),
    [
        pytest.param([50, 50, 50], False, id="three hours"),
        pytest.param([None] * 145 + [50] * 23, False, id="23 hours of a week"),
        pytest.param([None] * 144 + [50] * 24, True, id="a day of a week"),
    ],
)
def test_less_than_a_day_of_readings_says_nothing_of_thresholds(column: Column, speaks: bool) -> None:
    assert bool(said(spec(), FindingId.THRESHOLD_NEVER_SEEN, past(spec(), {"cpu": column}))) is speaks


@pytest.mark.parametrize(
    ("column", "severity"),
    [
        pytest.param([1, 8], Severity.INFO, id="8 against 70 may be a quiet week"),
        pytest.param([1, 7], Severity.WARNING, id="7 against 70 is a tenth: another unit"),
        pytest.param([71, 90], Severity.WARNING, id="always above"),
    ],
)
def test_a_threshold_of_another_magnitude_is_a_warning(column: Column, severity: Severity) -> None:
    found = said(spec(), FindingId.THRESHOLD_NEVER_SEEN, past(spec(), {"cpu": [*column] * 12}))

    assert (found[0].severity, found[0].field) == (severity, "spec.scaleUp.anyOf[0].above")


def test_a_down_threshold_below_everything_is_a_warning() -> None:
    (found,) = said(spec(), FindingId.THRESHOLD_NEVER_SEEN, past(spec(), {"cpu": [25, 71] * 12}))

    assert (found.severity, found.field) == (Severity.WARNING, "spec.scaleDown.allOf[0].below")


def test_a_value_of_the_whole_is_compared_as_its_triggers_compare_it() -> None:
    """100 over 4 ready replicas is 25 each."""
    policy = spec(metrics=[{"name": "cpu", "query": "cpu", "per": "Average"}])
    found = sentences(
        policy, FindingId.THRESHOLD_NEVER_SEEN, past(policy, {"cpu": [100, 300] * 12}, replicas=[4, 4] * 12)
    )

    assert found == ["cpu read 25 to 75 in 23 hours (24 of 24 instants): it was never below 20."]


def test_a_value_of_the_whole_is_not_compared_where_nothing_tells_what_was_ready() -> None:
    policy = spec(metrics=[{"name": "cpu", "query": "cpu", "per": "Average"}])

    assert list(hindsight_findings(policy, past(policy, {"cpu": [100, 300] * 12}))) == []


def test_what_could_not_be_asked_from_here_is_not_missed() -> None:
    seen = past(spec(), {"cpu": [None] * 48})
    seen.unasked = frozenset({"cpu"})

    assert said(spec(), FindingId.NO_VALUE_IN_A_DAY, seen) == []


def sampled(seconds: float, window: int | None = None, function: str = "") -> Sampling:
    return Sampling(timedelta(seconds=seconds), timedelta(seconds=window) if window else None, function)


@pytest.mark.parametrize(
    ("held", "sampling", "words"),
    [
        # Evaluations 15 s apart: 45 s hold from the first to the fourth, and all four may read one sample.
        pytest.param(
            45,
            [sampled(60)],
            ["A sample of cpu comes every 60 s, and 45 s are over before the second one: a single sample decides."],
            id="45 s in one scrape of 60 s",
        ),
        pytest.param(46, [sampled(60)], [], id="46 s are over at 60 s, when the second sample is there"),
        pytest.param(45, [sampled(60), sampled(30)], [], id="another series of the expression comes sooner"),
        pytest.param(0, [sampled(60)], [], id="no time at all is wanted so"),
        pytest.param(45, [], [], id="how often it comes is not known"),
    ],
)
def test_a_for_time_is_over_before_the_second_sample(held: int, sampling: list[Sampling], words: list[str]) -> None:
    policy = spec(scaleUp={"anyOf": [{"metric": "cpu", "above": 70}], "forSeconds": held})
    seen = past(policy, {"cpu": [10, 71]}, sampling=sampling)

    assert sentences(policy, FindingId.FOR_SHORTER_THAN_SCRAPE, seen) == words


@pytest.mark.parametrize(
    ("sampling", "severity", "words"),
    [
        pytest.param(sampled(30, 120, "rate"), None, "", id="four scrapes"),
        pytest.param(
            sampled(31, 120, "rate"),
            Severity.WARNING,
            "cpu is a rate over 120 s of samples that come every 31 s: it takes 4 to outlast one that is missed.",
            id="fewer than four",
        ),
        pytest.param(sampled(60, 120, "rate"), Severity.WARNING, "", id="two scrapes"),
        pytest.param(
            sampled(61, 120, "increase"),
            Severity.ERROR,
            "cpu is a rate over 120 s of samples that come every 61 s: often there are no two of them, and it reads "
            "Empty.",
            id="fewer than two",
        ),
        pytest.param(sampled(61, 120, "max_over_time"), None, "", id="a maximum needs one"),
        pytest.param(sampled(20, 60, "deriv"), None, "", id="three samples of the kubelet's"),
        pytest.param(sampled(21, 60, "deriv"), Severity.WARNING, "it takes 3 to outlast", id="fewer than three"),
    ],
)
def test_a_rate_needs_four_scrapes(sampling: Sampling, severity: Severity | None, words: str) -> None:
    found = said(spec(), FindingId.RATE_WINDOW_TOO_SHORT, past(spec(), {"cpu": [10, 71]}, sampling=[sampling]))

    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert words in "".join(finding.sentence for finding in found)


@pytest.mark.parametrize(
    ("sampling", "severity"),
    [
        pytest.param(sampled(24), None, id="2.5 samples in 60 s"),
        pytest.param(sampled(25), Severity.WARNING, id="fewer"),
        pytest.param(sampled(59), Severity.WARNING, id="one that is late is missed"),
        pytest.param(sampled(60), Severity.ERROR, id="as old as it may be is too old: the lookback is open"),
        pytest.param(sampled(61), Severity.ERROR, id="a second older"),
        pytest.param(sampled(61, 300, "rate"), None, id="a range looks back for itself"),
    ],
)
def test_a_sample_is_stale_before_the_next_one_comes(sampling: Sampling, severity: Severity | None) -> None:
    seen = past(spec(), {"cpu": [10, 71]}, sampling=[sampling])

    found = said(spec(), FindingId.STALE_BEFORE_NEXT_SCRAPE, seen)

    assert [finding.severity for finding in found] == ([severity] if severity else [])


VETO = {"vetoes": [{"name": "freeze", "query": "freeze", "direction": "Both"}]}


@pytest.mark.parametrize(
    ("query", "column", "words"),
    [
        pytest.param("freeze", [0, 1, 0], [], id="it can be read"),
        pytest.param("freeze", [None, None, None], [], id="nothing is as good as 0"),
    ],
)
def test_a_veto_that_can_be_read_is_no_finding(query: str, column: Column, words: list[str]) -> None:
    policy = spec(**VETO)

    assert sentences(policy, FindingId.VETO_CANNOT_BE_READ, past(policy, {"cpu": [10, 71, 50], query: column})) == words


def test_a_veto_that_cannot_be_read_now_is_told_with_how_often_it_stopped() -> None:
    policy = spec(vetoes=[{"name": "freeze", "query": "freeze", "direction": "Both"}])
    grid = Grid(0, HOUR, 3)
    asked = wanted(policy, "leadgen", SOURCES, "")
    tracks = {question: Track(grid, question) for question in asked.plan.questions}
    two = [RangeSeries({"n": str(n)}, [(HOUR, Fraction(0)), (2 * HOUR, Fraction(0))]) for n in range(2)]
    next(track for question, track in tracks.items() if question.promql == "freeze").add(
        RangeAnswered(grid, tuple(two))
    )
    seen = look_back(policy, Recording(asked.plan, tracks, grid), replicas=[None] * 3, ready=[None] * 3)

    (found,) = sentences(policy, FindingId.VETO_CANNOT_BE_READ, seen)

    assert seen.unreadable["freeze"].reason is Reason.MANY_SERIES
    assert found.startswith("The veto freeze cannot be read now (ManySeries: ")
    assert found.endswith("which stops what it is for; it did at 2 of 3 instants in 2 hours.")


def test_the_maximum_holds_what_the_load_needs() -> None:
    policy = spec(maxReplicas=5)
    columns = {"cpu": [80] * 2 + [50] * 18}

    (found,) = sentences(policy, FindingId.MAXIMUM_HOLDS_UP, past(policy, columns, replicas=[5] * 20))
    assert found == (
        "In 19 hours scaleUp was true with 5 replicas or more for 10 % of the time, and nothing could be added."
    )
    assert not said(policy, FindingId.MAXIMUM_HOLDS_UP, past(policy, {"cpu": [80, *[50] * 19]}, replicas=[5] * 20))
    assert not said(policy, FindingId.MAXIMUM_HOLDS_UP, past(policy, columns, replicas=[4] * 20))
    assert not said(policy, FindingId.MAXIMUM_HOLDS_UP, past(policy, columns))


def test_the_minimum_is_more_than_the_load_needs() -> None:
    policy = spec(minReplicas=3)
    columns = {"cpu": [5] * 18 + [50] * 2}

    (found,) = sentences(policy, FindingId.MINIMUM_HOLDS_DOWN, past(policy, columns, replicas=[3] * 20))
    assert found == (
        "In 19 hours scaleDown was true at 3 replicas or fewer for 90 % of the time: the minimum is more than the load "
        "needs."
    )
    assert not said(policy, FindingId.MINIMUM_HOLDS_DOWN, past(policy, {"cpu": [5] * 17 + [50] * 3}, replicas=[3] * 20))
    assert not said(policy, FindingId.MINIMUM_HOLDS_DOWN, past(policy, columns, replicas=[4] * 20))


def test_a_minimum_of_zero_is_never_more_than_the_load_needs() -> None:
    policy = spec(minReplicas=0)

    assert not said(policy, FindingId.MINIMUM_HOLDS_DOWN, past(policy, {"cpu": [5] * 20}, replicas=[0] * 20))


def test_what_the_bounds_were_under_overrides_is_not_guessed() -> None:
    override: Any = {"name": "day", "schedule": "0 8 * * *", "durationSeconds": 3600, "maxReplicas": 9}
    policy = spec(maxReplicas=5, overrides=[override])

    assert past(policy, {"cpu": [80] * 20}, replicas=[5] * 20).recorded == 0


def test_what_an_hpa_makes_of_its_bounds_is_its_own_matter() -> None:
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}
    policy = spec(maxReplicas=5, scaleTargetRef=hpa)

    assert past(policy, {"cpu": [80] * 20}, replicas=[5] * 20).recorded == 0


def series(*at: float) -> RangeSeries:
    return RangeSeries({}, [(each, Fraction(1)) for each in at])


@pytest.mark.parametrize(
    ("found", "interval"),
    [
        pytest.param([series(0, 15, 30, 45)], 15, id="evenly"),
        pytest.param([series(0, 15, 30, 60, 75)], 15, id="one scrape was missed"),
        pytest.param([series(0.1, 30.1, 60.2), series(5, 35, 65)], 30, id="two pods, a little late"),
        pytest.param([series(0, 60)], None, id="two samples tell nothing"),
        pytest.param([], None, id="no series"),
    ],
)
def test_how_often_something_is_scraped_is_the_usual_distance(found: list[RangeSeries], interval: int | None) -> None:
    assert interval_of(found) == (None if interval is None else timedelta(seconds=interval))
