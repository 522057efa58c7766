"""R8: the wish of a due direction, in whole replicas, from the triggers that are true."""

from collections.abc import Mapping
from math import ceil, floor

from deadband.api.behavior import Direction, Step, StepType, Tier, Trigger
from deadband.api.status import Way
from deadband.core.triggers import Load, Observed, true_triggers


def step_up(direction: Direction, observed: Mapping[str, Observed], *, replicas: int, ready: int) -> int:
    """The replicas a due up expression asks for, by the low end of an interval; never below `replicas`.

    Args:
        direction: scaleUp, whose expression is true.
        observed: Every metric of the policy.
        replicas: n.
        ready: r of the target; each metric knows its own.

    Source: R8; from 0 one replica, or a Pods step's pods (R3).
    """
    step = direction.step
    if replicas == 0:
        return step.pods or 1
    if step.type in (StepType.PODS, StepType.PERCENT):
        return replicas + _fixed(step, replicas)
    if step.type is StepType.TIERS:
        return replicas + _tiers(direction, observed, replicas, way=Way.UP)

    def proportional(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        if not isinstance(load, Load):
            return replicas + 1 if ready else replicas
        return ceil(load.ready * load.low / trigger.threshold)

    return max(replicas, *map(proportional, true_triggers(direction, observed)))


def step_down(direction: Direction, observed: Mapping[str, Observed], *, replicas: int) -> int:
    """The replicas a due down expression asks for, by the high end of an interval; never above `replicas`.

    Args:
        direction: scaleDown, whose expression is true.
        observed: Every metric of the policy.
        replicas: n.

    Source: R8; Proportional reaches 0 only when every down trigger reads exactly 0, which an assumed one does not (R3).
    """
    step = direction.step
    if step.type in (StepType.PODS, StepType.PERCENT):
        return max(0, replicas - _fixed(step, replicas))
    if step.type is StepType.TIERS:
        return max(0, replicas - _tiers(direction, observed, replicas, way=Way.DOWN))
    if all(_reads_zero(observed[trigger.metric]) for trigger in direction.triggers):
        return 0

    def proportional(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        wish = floor(load.ready * load.high / trigger.threshold) if isinstance(load, Load) else replicas - 1
        return max(1, wish)

    return min(replicas, max(map(proportional, true_triggers(direction, observed))))


def _reads_zero(observed: Observed) -> bool:
    return isinstance(observed, Load) and observed.high == 0


def _fixed(step: Step, replicas: int) -> int:
    """The change of a Pods or Percent step."""
    if step.type is StepType.PODS:
        assert step.pods is not None, "validation: a Pods step has pods"
        return step.pods
    assert step.percent is not None, "validation: a Percent step has a percentage"
    return _percentage(step, step.percent, replicas)


def _percentage(step: Step, percent: int, replicas: int) -> int:
    return max(step.min_pods or 1, replicas * percent // 100)


def _tiers(direction: Direction, observed: Mapping[str, Observed], replicas: int, *, way: Way) -> int:
    """The change of a Tiers step: of several true triggers the larger one up, the smaller one down."""
    step = direction.step

    def change(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        if not isinstance(load, Load):
            return 1
        distance = abs((load.low if way is Way.UP else load.high) - trigger.threshold)
        reached = [tier for tier in step.tiers or [] if tier.beyond <= distance]
        return _rung(step, max(reached, key=lambda tier: tier.beyond), replicas) if reached else 0

    choose = max if way is Way.UP else min
    return choose(map(change, true_triggers(direction, observed)))


def _rung(step: Step, tier: Tier, replicas: int) -> int:
    return tier.pods if tier.pods is not None else _percentage(step, tier.percent or 0, replicas)
