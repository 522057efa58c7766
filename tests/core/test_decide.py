"""One evaluation, rule by rule; `replicas` is what the target has, `expected` what is written (None: nothing)."""

from datetime import timedelta
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import Override, ScalingPolicySpec
from deadband.api.status import Cause, TimerStatus
from deadband.core.decide import decide
from deadband.core.types import Absent, NoTarget, Pause
from tests.core.builders import EMPTY, ERROR, T0, down, event, inputs, reading, spec, status, target, up, wish

PROPORTIONAL = {"type": "Proportional"}


def metrics(per: str) -> list[dict[str, Any]]:
    return [{"name": "cpu", "query": "cpu", "per": per}]


def memory_too(**changes: Any) -> Any:
    """Up on cpu > 70 or memory > 80, both per replica; down on cpu < 20."""
    return spec(
        metrics=[*metrics("Replica"), {"name": "memory", "query": "memory", "per": "Replica"}],
        scaleUp=up(anyOf=[{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}]),
        **changes,
    )


def both(cpu: Any, memory: Any) -> dict[str, Any]:
    return {"cpu": reading(cpu), "memory": reading(memory)}


@pytest.mark.parametrize(
    ("policy", "replicas", "cpu", "expected", "reason"),
    [
        pytest.param(spec(), 3, 70, None, Reason.WITHIN_BAND, id="the upper threshold itself is inside (R4)"),
        pytest.param(spec(), 3, "70.000000001", 4, Reason.SCALING_UP, id="the least above it is above (R4)"),
        pytest.param(spec(), 3, 20, None, Reason.WITHIN_BAND, id="the lower threshold itself is inside (R4)"),
        pytest.param(spec(), 3, "19.999", 2, Reason.SCALING_DOWN, id="the least below it is below (R4)"),
        pytest.param(
            spec(), 0, 99, None, Reason.SCALING_DISABLED, id="0 replicas under a floor is a person's doing (R3)"
        ),
        pytest.param(spec(minReplicas=0), 0, 99, 1, Reason.SCALING_UP, id="from 0 one replica starts (R3)"),
        pytest.param(
            spec(minReplicas=0, scaleUp=up(step={"type": "Pods", "pods": 3})),
            0,
            99,
            3,
            Reason.SCALING_UP,
            id="from 0 a Pods step starts its pods (R3)",
        ),
        pytest.param(
            spec(minReplicas=0, scaleUp=up(limits=[{"type": "Percent", "value": 1, "periodSeconds": 60}])),
            0,
            99,
            1,
            Reason.SCALING_UP,
            id="limits never forbid the first replica (R3)",
        ),
        pytest.param(
            spec(minReplicas=0, scaleDown=down(step=PROPORTIONAL)),
            3,
            0,
            0,
            Reason.SCALING_DOWN,
            id="Proportional reaches 0 on exactly 0 (R3)",
        ),
        pytest.param(
            spec(minReplicas=0, scaleDown=down(step=PROPORTIONAL)),
            3,
            "0.001",
            1,
            Reason.SCALING_DOWN,
            id="Proportional stays at 1 on a little load (R3)",
        ),
        pytest.param(
            spec(minReplicas=4), 3, None, 4, Reason.OUT_OF_BOUNDS, id="below the floor, with no metric at all (R2)"
        ),
        pytest.param(spec(maxReplicas=4), 9, None, 4, Reason.OUT_OF_BOUNDS, id="above the ceiling, at once (R2)"),
        pytest.param(spec(maxReplicas=3), 3, 99, None, Reason.AT_MAXIMUM, id="at the ceiling (R2)"),
        pytest.param(spec(minReplicas=3), 3, 1, None, Reason.AT_MINIMUM, id="at the floor (R2)"),
        pytest.param(
            spec(scaleUp=up(step=PROPORTIONAL, anyOf=[{"metric": "cpu", "above": "0.3"}])),
            2,
            "2.1",
            14,
            Reason.SCALING_UP,
            id="2·2.1/0.3 is exactly 14",
        ),
        pytest.param(
            spec(scaleUp=up(step=PROPORTIONAL)), 3, 71, 4, Reason.SCALING_UP, id="Proportional up rounds up (R8)"
        ),
        pytest.param(
            spec(scaleDown=down(step=PROPORTIONAL)),
            9,
            12,
            5,
            Reason.SCALING_DOWN,
            id="Proportional down rounds down (R8)",
        ),
        pytest.param(
            spec(metrics=metrics("Average"), scaleUp=up(step=PROPORTIONAL)),
            4,
            400,
            6,
            Reason.SCALING_UP,
            id="Average compares the share of one: 100 > 70, ceil(4·100/70) (R8)",
        ),
        pytest.param(
            spec(scaleUp=up(step={"type": "Percent", "percent": 10})),
            19,
            99,
            20,
            Reason.SCALING_UP,
            id="Percent truncates toward zero, but moves one (R8)",
        ),
        pytest.param(
            spec(scaleUp=up(step={"type": "Percent", "percent": 10, "minPods": 3})),
            10,
            99,
            13,
            Reason.SCALING_UP,
            id="Percent moves at least minPods (R8)",
        ),
        pytest.param(
            spec(scaleUp=up(step={"type": "Tiers", "tiers": [{"beyond": 10, "percent": 10}]})),
            10,
            75,
            None,
            Reason.WITHIN_BAND,
            id="no tier reached: n (R8)",
        ),
        pytest.param(
            spec(
                scaleUp=up(step={"type": "Tiers", "tiers": [{"beyond": 5, "percent": 10}, {"beyond": 20, "pods": 7}]})
            ),
            10,
            90,
            17,
            Reason.SCALING_UP,
            id="the largest tier that is reached, its edge included (R8)",
        ),
        pytest.param(
            spec(scaleUp=up(step=PROPORTIONAL)),
            target(3, ready=0, available=0),
            99,
            None,
            Reason.TOO_FEW_AVAILABLE,
            id="nothing ready, nothing to measure a proportion by (R8)",
        ),
        pytest.param(
            spec(scaleUp=up(step=PROPORTIONAL)),
            target(10, ready=5),
            99,
            None,
            Reason.WITHIN_BAND,
            id="half ready: ceil(5·99/70) = 8 is below 10, so n (R8)",
        ),
        pytest.param(spec(), 3, ERROR, None, Reason.METRICS_UNKNOWN, id="a broken source is unknown (R5)"),
        pytest.param(spec(scaleUp=None), 3, 99, None, Reason.WITHIN_BAND, id="an absent up is Disabled and false (R5)"),
        pytest.param(
            spec(scaleUp=None), 3, 9, 2, Reason.SCALING_DOWN, id="a Disabled up is not asked by the guard (R9)"
        ),
        pytest.param(
            spec(),
            target(4, rollout_in_progress=True),
            9,
            None,
            Reason.ROLLOUT_IN_PROGRESS,
            id="no down in a rollout (R12)",
        ),
        pytest.param(
            spec(), target(4, paused=True), 9, None, Reason.TARGET_PAUSED, id="no down on a paused Deployment (R12)"
        ),
        pytest.param(
            spec(), target(4, available=1), 9, None, Reason.TOO_FEW_AVAILABLE, id="no down on 1 of 4 available (R12)"
        ),
        pytest.param(spec(), target(4, available=2), 9, 3, Reason.SCALING_DOWN, id="half available is enough (R12)"),
        pytest.param(
            spec(), target(4, rollout_in_progress=True), 99, 5, Reason.SCALING_UP, id="up goes on in a rollout (R12)"
        ),
        pytest.param(
            spec(), target(4, quota_exceeded=True), 99, None, Reason.QUOTA_EXCEEDED, id="no up into a quota (R12)"
        ),
        pytest.param(
            spec(),
            target(4, unschedulable=True),
            99,
            None,
            Reason.INSUFFICIENT_CAPACITY,
            id="no up without capacity (R12)",
        ),
        pytest.param(
            spec(maxReplicas=3),
            target(4, rollout_in_progress=True, available=0),
            99,
            3,
            Reason.OUT_OF_BOUNDS,
            id="the ceiling is honored in a rollout, too (R2)",
        ),
        pytest.param(
            spec(scaleUp=up(selectPolicy="Disabled")),
            3,
            99,
            None,
            Reason.LIMIT_REACHED,
            id="selectPolicy Disabled (R10)",
        ),
    ],
)
def test_one_evaluation(policy: Any, replicas: Any, cpu: Any, expected: int | None, reason: Reason) -> None:
    decision = decide(inputs(policy, replicas, cpu))

    assert (expected, reason) == (decision.write, decision.reason)


@pytest.mark.parametrize(
    ("cpu", "memory", "expected", "reason"),
    [
        pytest.param(19, 85, 6, Reason.SCALING_UP, id="up wins over down (R6)"),
        pytest.param(71, EMPTY, 6, Reason.SCALING_UP, id="anyOf needs one true trigger, whatever the others are (R5)"),
        pytest.param(19, EMPTY, None, Reason.METRICS_UNKNOWN, id="down needs the up expression known false (R5)"),
        pytest.param(19, 10, 4, Reason.SCALING_DOWN, id="down when up is known false (R5)"),
        pytest.param(10, 75, None, Reason.PROJECTED_ABOVE_THRESHOLD, id="75 % on 5 would be 93.75 % on 4 (R9)"),
        pytest.param(10, 64, 4, Reason.SCALING_DOWN, id="64 % on 5 is exactly 80 % on 4, which is not above (R9)"),
        pytest.param(
            10, "64.1", None, Reason.PROJECTED_ABOVE_THRESHOLD, id="64.1 % on 5 would be above 80 % on 4 (R9)"
        ),
    ],
)
def test_two_metrics(cpu: Any, memory: Any, expected: int | None, reason: Reason) -> None:
    decision = decide(inputs(memory_too(), 5, readings=both(cpu, memory)))

    assert (expected, reason) == (decision.write, decision.reason)


def test_the_guard_raises_the_step_to_the_first_number_that_is_safe() -> None:
    """cpu 10 on 20 would ask for 10; memory 50 on 20 is 80 on 12.5, so 13 is the least that is not above 80."""
    policy = memory_too(scaleDown=down(step=PROPORTIONAL, limits=[]))

    decision = decide(inputs(policy, 20, readings=both(10, 50)))

    assert decision.write == 13
    assert decision.rule == "R9"


@pytest.mark.parametrize(
    ("given", "cpu", "expected", "reason"),
    [
        pytest.param(
            status(event(60, 85, 100)), 99, 235, Reason.SCALING_UP, id="150 pods above the period's start (S14)"
        ),
        pytest.param(
            status(event(120, 85, 100)), 99, 250, Reason.SCALING_UP, id="an event as old as the period is out"
        ),
        pytest.param(status(event(60, 120, 100)), 99, 270, Reason.SCALING_UP, id="what was removed gives room"),
    ],
)
def test_up_limits_count_from_the_start_of_the_period(given: Any, cpu: int, expected: int, reason: Reason) -> None:
    limits = [{"type": "Pods", "value": 150, "periodSeconds": 120}]
    policy = spec(maxReplicas=1000, scaleUp=up(step={"type": "Pods", "pods": 900}, limits=limits))

    decision = decide(inputs(policy, 100, cpu, status=given))

    assert (expected, reason) == (decision.write, decision.reason)


@pytest.mark.parametrize(
    ("limits", "select", "given", "expected"),
    [
        pytest.param([("Pods", 4, 60)], "Max", [], 6, id="4 pods fewer"),
        pytest.param([("Percent", 25, 60)], "Max", [], 7, id="25 % of 10 fewer: the floor 7.5 truncates to 7"),
        pytest.param([("Percent", 25, 60), ("Pods", 1, 60)], "Max", [], 7, id="Max lets the larger change through"),
        pytest.param([("Percent", 25, 60), ("Pods", 1, 60)], "Min", [], 9, id="Min lets the smaller one through"),
        pytest.param([("Pods", 4, 60)], "Max", [event(30, 13, 10)], 9, id="3 of the 4 are used up"),
        pytest.param(
            [("Pods", 4, 60)], "Max", [event(30, 16, 10)], None, id="a budget that is used up holds, never reverses"
        ),
        pytest.param([], "Max", [event(30, 16, 10)], 1, id="an empty list is no limit"),
    ],
)
def test_down_limits(limits: Any, select: str, given: Any, expected: int | None) -> None:
    rules = [{"type": type_, "value": value, "periodSeconds": period} for type_, value, period in limits]
    policy = spec(scaleUp=None, scaleDown=down(step=PROPORTIONAL, limits=rules, selectPolicy=select))

    assert decide(inputs(policy, 10, 1, status=status(*given))).write == expected


@pytest.mark.parametrize(
    ("policy", "given", "cpu", "expected", "reason"),
    [
        pytest.param(
            spec(scaleDown=down(cooldownSeconds=60)),
            [event(59, 3, 5)],
            5,
            None,
            Reason.COOLING_DOWN,
            id="down rests after an up, too",
        ),
        pytest.param(
            spec(scaleDown=down(cooldownSeconds=60)),
            [event(60, 3, 5)],
            5,
            4,
            Reason.SCALING_DOWN,
            id="the cooldown is over at its last second",
        ),
        pytest.param(
            spec(scaleUp=up(cooldownSeconds=60)),
            [event(30, 6, 5)],
            99,
            6,
            Reason.SCALING_UP,
            id="up does not rest after a down",
        ),
        pytest.param(
            spec(scaleUp=up(cooldownSeconds=60)),
            [event(30, 4, 5)],
            99,
            None,
            Reason.COOLING_DOWN,
            id="a step no larger than what was given waits",
        ),
        pytest.param(
            spec(scaleUp=up(cooldownSeconds=60, step={"type": "Pods", "pods": 3})),
            [event(30, 4, 5)],
            99,
            7,
            Reason.SCALING_UP,
            id="of a larger step the rest is given (credit)",
        ),
        pytest.param(
            spec(scaleUp=up(cooldownSeconds=60, step={"type": "Pods", "pods": 3})),
            [event(70, 2, 3), event(20, 3, 5, cause=Cause.CREDIT)],
            99,
            8,
            Reason.SCALING_UP,
            id="a credited up did not start the cooldown again",
        ),
        pytest.param(
            spec(scaleUp=up(cooldownSeconds=60, step={"type": "Pods", "pods": 3})),
            [event(40, 2, 3), event(20, 3, 5, cause=Cause.CREDIT)],
            99,
            None,
            Reason.COOLING_DOWN,
            id="all ups since the cooldown began count",
        ),
    ],
)
def test_cooldowns(policy: Any, given: Any, cpu: int, expected: int | None, reason: Reason) -> None:
    decision = decide(inputs(policy, 5, cpu, status=status(*given)))

    assert (expected, reason) == (decision.write, decision.reason)


@pytest.mark.parametrize(
    ("points", "cpu", "expected", "reason"),
    [
        pytest.param([wish(59, 5)], 99, None, Reason.STABILIZED, id="up takes the lowest of the window"),
        pytest.param([wish(60, 5)], 99, 8, Reason.SCALING_UP, id="a point as old as the window is out"),
        pytest.param([wish(10, 6)], 99, 6, Reason.SCALING_UP, id="part of the way"),
        pytest.param([wish(10, 2)], 99, None, Reason.STABILIZED, id="never below n"),
        pytest.param([wish(59, 5)], 5, None, Reason.STABILIZED, id="down takes the highest of the window"),
        pytest.param([wish(10, 3)], 5, 3, Reason.SCALING_DOWN, id="part of the way down"),
    ],
)
def test_stabilization(points: Any, cpu: int, expected: int | None, reason: Reason) -> None:
    three = {"type": "Pods", "pods": 3}
    policy = spec(
        scaleUp=up(step=three, stabilizationWindowSeconds=60),
        scaleDown=down(step=three, stabilizationWindowSeconds=60),
    )

    decision = decide(inputs(policy, 5, cpu, status=status(wishes=points)))

    assert (expected, reason) == (decision.write, decision.reason)


@pytest.mark.parametrize(
    ("answer", "absence", "expected"),
    [
        pytest.param({"assume": "Above"}, Reason.EMPTY, 4, id="Empty assumed Above goes one up"),
        pytest.param({"assume": "Below"}, Reason.NOT_A_NUMBER, 2, id="NaN assumed Below goes one down"),
        pytest.param({"value": 0}, Reason.NO_REQUESTS, 1, id="NoRequests read as 0"),
        pytest.param({"assume": "Above"}, Reason.ERROR, None, id="a broken source stays unknown"),
        pytest.param({"assume": "Below"}, Reason.STALE, None, id="a stale sample stays unknown"),
    ],
)
def test_on_no_data(answer: Any, absence: Reason, expected: int | None) -> None:
    policy = spec(
        metrics=[{"name": "cpu", "query": "cpu", "per": "Replica", "onNoData": answer}],
        scaleUp=up(step=PROPORTIONAL),
        scaleDown=down(step=PROPORTIONAL),
    )

    assert decide(inputs(policy, 3, Absent(absence))).write == expected


@pytest.mark.parametrize(
    ("veto", "cpu", "expected"),
    [
        pytest.param(EMPTY, 99, 4, id="an empty veto lets through"),
        pytest.param(0, 99, 4, id="0 lets through"),
        pytest.param(1, 99, None, id="anything else stops"),
        pytest.param(ERROR, 99, None, id="an unreadable one stops, too"),
        pytest.param(1, 9, 2, id="a veto of up does not stop down"),
    ],
)
def test_vetoes(veto: Any, cpu: int, expected: int | None) -> None:
    policy = spec(vetoes=[{"name": "freeze", "query": "freeze", "direction": "Up"}])

    decision = decide(inputs(policy, 3, cpu, vetoes={"freeze": reading(veto)}))

    assert decision.write == expected
    assert (decision.reason is Reason.VETOED) == (expected is None)


@pytest.mark.parametrize(
    ("behavior", "failures", "replicas", "expected"),
    [
        pytest.param({"behavior": "Static", "replicas": 7}, 1, 3, None, id="one failure too few"),
        pytest.param({"behavior": "Static", "replicas": 7}, 2, 3, 7, id="Static goes to its number"),
        pytest.param({"behavior": "Static", "replicas": 700}, 2, 3, 100, id="within bounds"),
        pytest.param({"behavior": "Current"}, 2, 3, None, id="Current stays"),
        pytest.param({"behavior": "CurrentIfHigher", "replicas": 7}, 2, 3, 7, id="the higher of both"),
        pytest.param({"behavior": "CurrentIfHigher", "replicas": 7}, 2, 9, None, id="never down"),
    ],
)
def test_fallback(behavior: Any, failures: int, replicas: int, expected: int | None) -> None:
    policy = spec(fallback={"afterFailures": 3, **behavior})

    assert decide(inputs(policy, replicas, ERROR, status=status(failures=failures))).write == expected


@pytest.mark.parametrize(
    ("pause", "replicas", "cpu", "expected"),
    [
        pytest.param(Pause.BOTH, 3, 99, None, id="paused holds up"),
        pytest.param(Pause.DOWN, 3, 99, 4, id="scale-down lets up through"),
        pytest.param(Pause.DOWN, 3, 9, None, id="scale-down holds down"),
        pytest.param(Pause.UP, 3, 9, 2, id="scale-up lets down through"),
        pytest.param(Pause.BOTH, 300, 9, None, id="the bounds wait, too"),
    ],
)
def test_pausing_writes_nothing_and_shows_what_would_be(
    pause: Pause, replicas: int, cpu: int, expected: int | None
) -> None:
    free = decide(inputs(spec(), replicas, cpu))
    decision = decide(inputs(spec(), replicas, cpu, pause=pause))

    assert decision.write == expected
    assert decision.desired == free.write
    assert (decision.reason is Reason.PAUSED) == (expected is None)


def test_a_contested_target_is_left_to_the_other() -> None:
    decision = decide(inputs(spec(), 3, 99, contested_by="ScalingPolicy elder"))

    assert (decision.write, decision.desired, decision.reason) == (None, 4, Reason.TARGET_CONTESTED)
    assert "ScalingPolicy elder" in decision.sentence


def test_without_its_target_a_policy_says_why_and_writes_nothing() -> None:
    decision = decide(inputs(spec(), NoTarget(Reason.TARGET_NOT_FOUND, "Deployment api does not exist"), 99))

    assert (decision.write, decision.reason) == (None, Reason.TARGET_NOT_FOUND)
    assert decision.sentence == "Not scaling: Deployment api does not exist."


def test_without_a_target_a_value_per_replica_is_unknown_and_starts_no_timer() -> None:
    average = spec(metrics=metrics("Average"), scaleUp=up(forSeconds=60))

    decision = decide(inputs(average, NoTarget(Reason.TIMEOUT, "not read in time"), 500))

    assert isinstance(decision.observed["cpu"], Absent)
    assert decision.timers.up.held_since is None


@pytest.mark.parametrize(
    ("lows", "highs", "replicas", "expected"),
    [
        pytest.param([8], [], 3, 8, id="an open floor lifts"),
        pytest.param([8, 12], [], 3, 12, id="the highest of several"),
        pytest.param([], [2], 5, 2, id="a ceiling replaces downwards, too"),
        pytest.param([150], [], 5, 150, id="a floor above the ceiling raises it"),
    ],
)
def test_open_overrides_replace_the_bounds(lows: Any, highs: Any, replicas: int, expected: int) -> None:
    opened = tuple(
        Override(name=f"o{index}", schedule="0 8 * * *", duration_seconds=3600, min_replicas=low, max_replicas=high)
        for index, (low, high) in enumerate([*((low, None) for low in lows), *((None, high) for high in highs)])
    )

    assert decide(inputs(spec(), replicas, 50, overrides=opened)).write == expected


def test_a_sentence_tells_what_is_waited_for() -> None:
    policy = spec(
        metrics=[{"name": "cpu", "resource": {"name": "cpu"}}],
        scaleUp=up(forSeconds=60, anyOf=[{"metric": "cpu", "above": 70}]),
    )
    held = TimerStatus(held_since=T0 - timedelta(seconds=35))

    decision = decide(inputs(policy, 4, 74, status=status(scale_up=held)))

    assert decision.sentence == "Holding at 4: cpu 74 % is above 70 % for 35 s of the 60 s that it must hold."
    assert (decision.rule, decision.reason) == ("R7", Reason.WAITING_FOR_TIME)
    assert decision.next == "Scales up at 2026-01-05 08:00:25Z if it still holds then."


@pytest.mark.parametrize(
    ("policy", "replicas", "told"),
    [
        pytest.param(spec(minReplicas=3), 3, "Lower minReplicas if fewer are enough.", id="at 3"),
        pytest.param(spec(minReplicas=0), 0, "Scales up when cpu is above 70.", id="at 0"),
    ],
)
def test_nobody_is_told_to_lower_a_minimum_of_zero(policy: ScalingPolicySpec, replicas: int, told: str) -> None:
    decision = decide(inputs(policy, replicas, 1))

    assert (decision.reason, decision.next) == (Reason.AT_MINIMUM, told)


def test_a_value_is_never_rounded_onto_a_threshold_it_passed() -> None:
    policy = spec(
        metrics=[{"name": "depth", "queue": {"system": "RabbitMQ", "name": "leads"}}],
        scaleUp=up(anyOf=[{"metric": "depth", "above": 10000}]),
        scaleDown=None,
    )

    decision = decide(inputs(policy, 3, readings={"depth": reading("10000.2")}))

    assert decision.sentence == "Scaling up from 3 to 4: depth 10,000.2 is above 10,000."
