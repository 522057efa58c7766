"""What holds for every policy, every reading and every history."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deadband.api.behavior import Trigger
from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.decide import decide
from deadband.core.guard import raise_until_safe
from deadband.core.status import Change, change, next_status
from deadband.core.steps import step_down, step_up
from deadband.core.triggers import expression, holds, observe, observe_all
from deadband.core.types import Absent, Interval, Outage, Reading, Sample, Target
from tests.core.builders import EMPTY, World, down, event, inputs, spec, status, up, wish

# Many examples on a busy machine; what is told here is never how fast.
pytestmark = pytest.mark.timeout(300)

ABSENCES = [
    Reason.EMPTY,
    Reason.NOT_A_NUMBER,
    Reason.STALE,
    Reason.MANY_SERIES,
    Reason.NO_REQUESTS,
    Reason.NOT_MEASURED,
    Reason.PARTIAL,
    Reason.ERROR,
    Reason.TIMEOUT,
]

values = st.one_of(
    st.integers(0, 200), st.decimals(0, 200, places=2, allow_nan=False), st.just(0), st.integers(0, 10**7)
)
samples = values.map(lambda value: Sample(Fraction(str(value))))
absents = st.sampled_from(ABSENCES).map(Absent)
intervals = st.builds(
    lambda low, width, pods, measured: Interval(low.value, low.value + width.value, pods, min(measured, pods)),
    samples,
    samples,
    st.integers(2, 60),
    st.integers(1, 60),
)
readings: st.SearchStrategy[Reading] = st.one_of(samples, samples, intervals, absents)

steps = st.one_of(
    st.just({"type": "Proportional"}),
    st.integers(1, 5).map(lambda pods: {"type": "Pods", "pods": pods}),
    st.integers(1, 200).map(lambda percent: {"type": "Percent", "percent": percent}),
    st.integers(1, 50).map(
        lambda beyond: {
            "type": "Tiers",
            "tiers": [{"beyond": beyond, "percent": 20}, {"beyond": beyond + 20, "pods": 3}],
        }
    ),
)
limit_lists = st.lists(
    st.builds(
        lambda type_, value, period: {"type": type_, "value": value, "periodSeconds": period},
        st.sampled_from(["Pods", "Percent"]),
        st.integers(1, 150),
        st.integers(1, 600),
    ),
    max_size=3,
)
times = st.sampled_from([0, 15, 30, 60, 300])


@st.composite
def policies(draw: st.DrawFn) -> ScalingPolicySpec:
    low = draw(st.integers(0, 10))
    per = draw(st.sampled_from(["Replica", "Total", "Average"]))
    extra = draw(st.booleans())
    metrics: list[dict[str, Any]] = [{"name": "cpu", "query": "cpu", "per": per}]
    triggers = [{"metric": "cpu", "above": draw(st.integers(50, 90))}]
    if extra:
        metrics.append({"name": "memory", "query": "memory", "per": draw(st.sampled_from(["Replica", "Total"]))})
        triggers.append({"metric": "memory", "above": 80})
    common = {
        "selectPolicy": st.sampled_from(["Max", "Min"]),
        "stabilizationWindowSeconds": times,
        "forSeconds": times,
        "cooldownSeconds": times,
        "limits": limit_lists,
        "step": steps,
    }
    return spec(
        minReplicas=low,
        maxReplicas=draw(st.integers(max(1, low), 60)),
        metrics=metrics,
        scaleUp={draw(st.sampled_from(["anyOf", "allOf"])): triggers, **{k: draw(v) for k, v in common.items()}},
        scaleDown={
            "allOf": [{"metric": "cpu", "below": draw(st.integers(1, 45))}],
            **{k: draw(v) for k, v in common.items()},
        },
        fallback=draw(
            st.none()
            | st.builds(lambda n: {"afterFailures": n, "behavior": "Static", "replicas": 7}, st.integers(1, 3))
        ),
    )


@st.composite
def timelines(draw: st.DrawFn) -> list[dict[str, Reading]]:
    return draw(st.lists(st.fixed_dictionaries({"cpu": readings, "memory": readings}), min_size=1, max_size=25))


class Stepper(World):
    def play(self, tick: dict[str, Reading], **kwargs: Any) -> Any:
        return self.step(tick, **kwargs)


@given(policies(), st.integers(0, 80), timelines())
def test_bounds_always_hold_unless_a_person_switched_the_target_off(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Reading]]
) -> None:
    world = Stepper(policy, replicas)
    off = replicas == 0 and (policy.min_replicas or 0) > 0
    for tick in timeline:
        world.play(tick)
        if off:
            assert world.replicas == 0
        else:
            assert (policy.min_replicas or 0) <= world.replicas <= (policy.max_replicas or 0)


@given(policies(), st.integers(1, 60), st.lists(st.sampled_from(ABSENCES), min_size=1, max_size=10))
def test_absence_never_scales_beyond_the_bounds_or_without_a_fallback_at_all(
    policy: ScalingPolicySpec, replicas: int, reasons: list[Reason]
) -> None:
    assume((policy.min_replicas or 0) <= replicas <= (policy.max_replicas or 0))
    world = Stepper(policy, replicas)
    for reason in reasons:
        decision = world.play({"cpu": Absent(reason), "memory": Absent(reason)})
        if policy.fallback is None:
            assert world.replicas == replicas
            assert decision.reason is Reason.METRICS_UNKNOWN
        else:
            assert (policy.min_replicas or 0) <= world.replicas <= (policy.max_replicas or 0)


@given(policies(), st.integers(1, 60), st.integers(1, 30))
def test_inside_the_band_nothing_moves(policy: ScalingPolicySpec, replicas: int, ticks: int) -> None:
    assume((policy.min_replicas or 0) <= replicas <= (policy.max_replicas or 0))
    per_average = policy.metrics[0].per == "Average"
    inside = 47 * (replicas if per_average else 1)
    world = Stepper(policy, replicas)
    for _ in range(ticks):
        world.play({"cpu": Sample(Fraction(inside)), "memory": Sample(Fraction(10))})
        assert world.replicas == replicas


@given(policies(), st.integers(0, 80), timelines())
def test_the_same_inputs_give_the_same_decision_and_status_byte_for_byte(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Reading]]
) -> None:
    once, twice = Stepper(policy, replicas), Stepper(policy, replicas)
    for tick in timeline:
        assert once.play(tick) == twice.play(tick)
        assert once.status.model_dump_json() == twice.status.model_dump_json()


@given(
    st.integers(2, 60),
    st.integers(1, 59),
    st.integers(51, 300),
    st.integers(0, 200),
    st.sampled_from(["Proportional", "Percent", "Pods", "Tiers"]),
)
def test_up_is_monotone_in_the_metric(replicas: int, ready: int, low: int, more: int, kind: str) -> None:
    step = {
        "Proportional": {"type": "Proportional"},
        "Percent": {"type": "Percent", "percent": 10},
        "Pods": {"type": "Pods", "pods": 2},
        "Tiers": {"type": "Tiers", "tiers": [{"beyond": 0, "pods": 1}, {"beyond": 20, "percent": 50}]},
    }[kind]
    policy = spec(scaleUp=up(anyOf=[{"metric": "cpu", "above": 50}], step=step), maxReplicas=1000)
    workload = Target(replicas=replicas, ready=min(ready, replicas), available=replicas)
    less = decide(inputs(policy, workload, low)).desired
    greater = decide(inputs(policy, workload, low + more)).desired
    assert less is not None
    assert greater is not None
    assert less <= greater


@given(
    st.sampled_from(["Replica", "Total", "Average"]),
    st.sampled_from(["anyOf", "allOf"]),
    steps,
    limit_lists,
    st.integers(2, 60),
    st.integers(0, 60),
    st.decimals(0, 30, places=2),
    st.decimals(0, 100, places=2),
    st.sampled_from([{"above": 70}, {"below": 5}]),
)
def test_a_down_never_makes_the_next_evaluation_go_up(
    per: str, combine: str, step: Any, limits: Any, replicas: int, ready: int, cpu: Any, memory: Any, second: Any
) -> None:
    """R9, in the model it states: the load stays, fewer ready pods carry it, every pod left is ready."""
    ready = min(ready, replicas)
    policy = spec(
        metrics=[{"name": "cpu", "query": "cpu", "per": per}, {"name": "memory", "query": "memory", "per": "Replica"}],
        scaleUp=up(**{"anyOf": None, combine: [{"metric": "cpu", "above": 70}, {"metric": "memory", **second}]}),
        scaleDown=down(step=step, limits=limits, allOf=[{"metric": "cpu", "below": 40}]),
        minReplicas=0,
    )
    workload = Target(replicas=replicas, ready=ready, available=ready)
    decision = decide(
        inputs(policy, workload, readings={"cpu": Sample(Fraction(cpu)), "memory": Sample(Fraction(memory))})
    )
    after = decision.write
    if after is None or after > replicas:
        return

    def carried(name: str, value: Any) -> Sample:
        """The metric as the pods that are left would show it; a Total is of the whole and stays."""
        of = policy.metric(name).per
        if of == "Total":
            return Sample(Fraction(value))
        if after == 0:
            return Sample(Fraction(10**9 if value else 0))
        return Sample(Fraction(value) * ready / after if of == "Replica" else Fraction(value))

    seen = observe_all(policy, {"cpu": carried("cpu", cpu), "memory": carried("memory", memory)}, after)
    assert expression(policy.up, seen) is False


@given(policies(), st.integers(0, 80), timelines())
def test_deciding_again_right_after_applying_does_not_reverse(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Reading]]
) -> None:
    world = Stepper(policy, replicas)
    for tick in timeline:
        before = world.replicas
        decision = world.play(tick, seconds=0)
        if decision.write is None:
            continue
        again = world.play(_settled(policy, tick, before, world.replicas), seconds=0)
        if again.write is not None and decision.cause == "Metrics":
            assert (again.write > decision.write) == (decision.write > before)
        return


def _settled(policy: ScalingPolicySpec, tick: dict[str, Reading], before: int, after: int) -> dict[str, Reading]:
    """What a per-replica metric reads once the same load is carried by the new number of pods."""
    settled = {}
    for name, value in tick.items():
        metric = next((each for each in policy.metrics if each.name == name), None)
        per_replica = metric is not None and metric.per == "Replica" and isinstance(value, Sample) and after
        settled[name] = Sample(value.value * before / after) if per_replica else value  # type: ignore[union-attr]  # narrowed above
    return settled


@settings(max_examples=60)
@given(policies(), st.integers(1, 60), timelines(), st.data())
def test_a_restart_in_any_tick_changes_nothing_of_timers_cooldowns_and_limits(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Reading]], data: st.DataObject
) -> None:
    """A restart without dead time, from a status that was written at every tick, is no event at all."""
    at = data.draw(st.integers(0, len(timeline) - 1))
    through, restarted = Stepper(policy, replicas), Stepper(policy, replicas)
    for index, tick in enumerate(timeline):
        outage = Outage(restarted.now, restarted.now) if index == at else None
        assert through.play(tick).write == restarted.play(tick, outage=outage).write
    assert through.status.scale_up == restarted.status.scale_up
    assert through.status.scale_down == restarted.status.scale_down
    assert through.status.scale_events == restarted.status.scale_events


# Inside every band, or so far outside of it that replicas soon stand at a bound: both are quiet.
quiet = st.sampled_from([0, 46, 47, 48, 49, 10**7])


@given(policies(), st.integers(1, 60), quiet, st.integers(0, 80))
def test_a_quiet_evaluation_leaves_nothing_to_write(
    policy: ScalingPolicySpec, replicas: int, cpu: int, memory: int
) -> None:
    world = Stepper(policy, replicas)
    tick: dict[str, Reading] = {"cpu": Sample(Fraction(cpu)), "memory": Sample(Fraction(memory))}
    settled = [world.play(tick) for _ in range(45)][-1]
    before = world.status
    decision = world.play(tick)
    assume(settled.write is None and decision.write is None and decision.wish == decision.current)
    assume(decision.reason in (Reason.WITHIN_BAND, Reason.AT_MAXIMUM, Reason.AT_MINIMUM))
    assert change(before, world.status) is Change.NONE


@given(policies(), timelines())
def test_status_does_not_grow_without_bound(policy: ScalingPolicySpec, timeline: list[dict[str, Reading]]) -> None:
    world = Stepper(policy, 5)
    for _ in range(10):
        for tick in timeline:
            world.play(tick)
    horizon = world.now - timedelta(minutes=30) - timedelta(seconds=15)
    assert all(each.time > horizon for each in world.status.scale_events)
    windows = policy.up.stabilization_window_seconds, policy.down.stabilization_window_seconds
    assert len(world.status.wishes) <= max(windows) / 15 + 1


shares = st.fractions(0, 1, max_denominator=100)
triggers = st.builds(
    lambda side, threshold: Trigger.model_validate({"metric": "cpu", side: threshold}),
    st.sampled_from(["above", "below"]),
    st.integers(1, 200),
)


def between(reading: Interval, share: Fraction) -> Sample:
    """A number that the interval leaves possible."""
    return Sample(reading.low + share * (reading.high - reading.low), pods=reading.pods)


@given(triggers, intervals, shares, st.sampled_from(["Replica", "Average", "Total"]))
def test_what_is_known_of_an_interval_is_so_of_every_number_in_it(
    trigger: Trigger, reading: Interval, share: Fraction, per: str
) -> None:
    metric = Metric.model_validate({"name": "cpu", "query": "cpu", "per": per})
    known = holds(trigger, observe(metric, reading, 4))
    ends = {holds(trigger, observe(metric, between(reading, end), 4)) for end in (Fraction(0), Fraction(1))}

    assert known in (None, holds(trigger, observe(metric, between(reading, share), 4)))
    assert (known is None) == (len(ends) > 1)


@given(policies(), st.integers(0, 60), samples, st.integers(1, 60), st.none() | st.integers(1, 60))
def test_an_interval_of_no_width_is_the_number(
    policy: ScalingPolicySpec, replicas: int, sample: Sample, measured: int, pods: int | None
) -> None:
    number = Sample(sample.value, pods=pods)
    interval = Interval(sample.value, sample.value, pods, measured)

    by_number = Stepper(policy, replicas)
    by_interval = Stepper(policy, replicas)
    for _ in range(3):
        assert by_number.play({"cpu": number, "memory": EMPTY}) == by_interval.play({"cpu": interval, "memory": EMPTY})
    assert by_number.status == by_interval.status


@given(policies(), st.integers(1, 60), intervals, shares)
def test_no_number_in_an_interval_would_be_scaled_less_far(
    policy: ScalingPolicySpec, replicas: int, reading: Interval, share: Fraction
) -> None:
    """An up never goes beyond, and a down never below, what any of the numbers would ask for."""
    memory = Sample(Fraction(47))
    whole = observe_all(policy, {"cpu": reading, "memory": memory}, replicas)
    one = observe_all(policy, {"cpu": between(reading, share), "memory": memory}, replicas)
    if expression(policy.up, whole):
        assert step_up(policy.up, whole, replicas=replicas, ready=replicas) <= step_up(
            policy.up, one, replicas=replicas, ready=replicas
        )
    if expression(policy.down, whole):
        to = step_down(policy.down, whole, replicas=replicas)
        assert to >= step_down(policy.down, one, replicas=replicas)
        assert raise_until_safe(policy, whole, wish=to, replicas=replicas) >= raise_until_safe(
            policy, one, wish=to, replicas=replicas
        )


@given(policies(), st.integers(1, 60), timelines())
def test_r_never_exceeds_the_replicas_and_never_falls_while_they_stay(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Reading]]
) -> None:
    world = Stepper(policy, replicas)
    before: tuple[int, int] | None = None
    for index, tick in enumerate(timeline):
        world.ready = index * 7 % (world.replicas + 1)
        seen = world.replicas
        world.play(tick)
        r = world.status.ready_maximum
        assert r is not None
        assert min(world.ready, seen) <= r <= seen
        if before is not None and before[0] == seen:
            assert r >= before[1]
        before = (seen, r)


@pytest.mark.parametrize("seconds_ago", [0, 14, 15, 16, 299, 300])
def test_what_left_its_window_has_no_say(seconds_ago: int) -> None:
    policy = spec(scaleDown=down(stabilizationWindowSeconds=300), scaleUp=up(stabilizationWindowSeconds=15))
    decision = decide(inputs(policy, 10, 5, status=status(wishes=[wish(seconds_ago, 10)])))
    assert decision.write == (9 if seconds_ago >= 300 else None)
    assert event(0, 1, 2).change == 1
    assert next_status(inputs(policy, 10, 5), decision).desired_replicas == decision.desired
