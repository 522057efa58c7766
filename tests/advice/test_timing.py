"""Times: each finding, and the nearest policy that is free of it."""

from typing import Any

import pytest

from deadband.advice.finding import FindingId
from deadband.advice.timing import timing_findings
from deadband.api.scalingpolicy import ScalingPolicySpec
from tests.core.builders import down, spec, up

RATE = {"cpu": "sum(rate(used[2m])) / 4"}
ANSWER = (
    "cpu is a rate over 120 s: for so long after an up it shows load from before, and up to 8 evaluations may scale up "
    "on it again, since the cooldown is 0 s."
)


def said(policy: ScalingPolicySpec, of: FindingId, promql: dict[str, str] = RATE) -> list[str]:
    return [finding.sentence for finding in timing_findings(policy, promql) if finding.id is of]


def limit(value: int, seconds: int) -> dict[str, Any]:
    return {"type": "Pods", "value": value, "periodSeconds": seconds}


@pytest.mark.parametrize(
    ("changes", "promql", "fires"),
    [
        pytest.param({}, RATE, True, id="a rate and no cooldown"),
        pytest.param({"cooldownSeconds": 119}, RATE, True, id="a cooldown that is a second too short"),
        pytest.param({"cooldownSeconds": 120}, RATE, False, id="a cooldown as long as the rate"),
        pytest.param({"stabilizationWindowSeconds": 120}, RATE, False, id="a window that keeps the first wish"),
        pytest.param({}, {"cpu": "used"}, False, id="no rate"),
        pytest.param(
            {"cooldownSeconds": 60}, {"cpu": "rate(a[1m]) + rate(b[2m])"}, True, id="the longest of two ranges counts"
        ),
        pytest.param({}, {"cpu": "max_over_time(used[2m])"}, False, id="a range of another function"),
        pytest.param({"limits": [limit(1, 120)]}, RATE, False, id="limits that last as long"),
        pytest.param({"limits": [limit(1, 120), limit(4, 15)]}, RATE, True, id="the larger of two limits, one short"),
        pytest.param(
            {"limits": [limit(1, 120), limit(4, 15)], "selectPolicy": "Min"}, RATE, False, id="the smaller of them"
        ),
        pytest.param({"mode": "Disabled"}, RATE, False, id="no up"),
    ],
)
def test_a_rate_shows_what_was_before_an_up(changes: dict[str, Any], promql: dict[str, str], fires: bool) -> None:
    found = said(spec(scaleUp=up(**changes)), FindingId.RATE_WITHOUT_COOLDOWN, promql)

    assert bool(found) == fires


def test_how_often_it_may_scale_on_an_old_rate_is_counted() -> None:
    (found,) = timing_findings(spec(), RATE)

    assert found.sentence == ANSWER
    assert found.field == "spec.scaleUp.cooldownSeconds"
    assert found.change == "Set it to 120; a load that really grows on is still answered at once (R11)."


def test_of_two_metrics_the_one_that_remembers_longer_is_named() -> None:
    metrics = [{"name": name, "query": name, "per": "Replica"} for name in ("cpu", "memory")]
    either = up(anyOf=[{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}])
    policy = spec(metrics=metrics, scaleUp=either)

    (found,) = said(policy, FindingId.RATE_WITHOUT_COOLDOWN, {"cpu": "rate(a[1m])", "memory": "rate(b[5m])"})

    assert found.startswith("memory is a rate over 300 s")


@pytest.mark.parametrize("per", ["Total", "Average"])
def test_a_rate_of_the_whole_does_not_lag_behind_the_replicas(per: str) -> None:
    policy = spec(metrics=[{"name": "cpu", "query": "sum(rate(used[2m]))", "per": per}])

    assert said(policy, FindingId.RATE_WITHOUT_COOLDOWN) == []


@pytest.mark.parametrize(("seconds", "fires"), [(0, False), (14, True), (15, False)])
def test_a_for_time_below_the_interval_is_as_long_as_it(seconds: int, fires: bool) -> None:
    found = said(spec(scaleDown=down(forSeconds=seconds)), FindingId.FOR_SHORTER_THAN_INTERVAL, {"cpu": "used"})

    assert found == ([f"{seconds} s are over at the second evaluation, 15 s after the first."] if fires else [])


@pytest.mark.parametrize(("seconds", "fires"), [(0, False), (15, True), (16, False)])
def test_a_window_no_longer_than_the_interval_holds_nothing(seconds: int, fires: bool) -> None:
    policy = spec(scaleUp=up(stabilizationWindowSeconds=seconds))
    found = said(policy, FindingId.WINDOW_SHORTER_THAN_INTERVAL, {"cpu": "used"})

    assert found == (
        ["A window of 15 s holds no earlier wish, since evaluations are 15 s apart: it changes nothing."]
        if fires
        else []
    )
