"""R8: the wish of a due direction, in whole replicas, from the triggers that are true."""

from collections.abc import Callable, Iterable, Mapping
from math import ceil, floor

from deadband.api.behavior import Direction, Step, StepType, Tier, Trigger
from deadband.core.triggers import Load, Observed, holds, true_triggers


def step_up(direction: Direction, observed: Mapping[str, Observed], *, replicas: int, ready: int) -> int:
    """The replicas a due up expression asks for; never below `replicas`.

    Args:
        direction: scaleUp, whose expression is true.
        observed: Every metric of the policy.
        replicas: n.
        ready: r, at most n.

    Source: R8; from 0 one replica, or a Pods step's pods (R3).
    """
    step = direction.step
    if replicas == 0:
        return step.pods or 1
    if step.type in (StepType.PODS, StepType.PERCENT):
        return replicas + _fixed(step, replicas)
    if step.type is StepType.TIERS:
        return replicas + _tiers(direction, observed, replicas, max)
    if ready == 0:
        return replicas

    def proportional(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        return ceil(ready * load.compared / trigger.threshold) if isinstance(load, Load) else replicas + 1

    return max(replicas, *map(proportional, true_triggers(direction, observed)))


def step_down(direction: Direction, observed: Mapping[str, Observed], *, replicas: int, ready: int) -> int:
    """The replicas a due down expression asks for; never above `replicas`, never negative.

    Args:
        direction: scaleDown, whose expression is true.
        observed: Every metric of the policy.
        replicas: n.
        ready: r, at most n.

    Source: R8; Proportional reaches 0 only when every down trigger reads exactly 0, which an assumed one does not (R3).
    """
    step = direction.step
    if step.type in (StepType.PODS, StepType.PERCENT):
        return max(0, replicas - _fixed(step, replicas))
    if step.type is StepType.TIERS:
        return max(0, replicas - _tiers(direction, observed, replicas, min))
    if all(_reads_zero(observed[trigger.metric]) for trigger in direction.triggers):
        return 0

    def proportional(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        wish = floor(ready * load.compared / trigger.threshold) if isinstance(load, Load) else replicas - 1
        return max(1, wish)

    return min(replicas, max(map(proportional, true_triggers(direction, observed))))


def _reads_zero(observed: Observed) -> bool:
    return isinstance(observed, Load) and observed.compared == 0


def _fixed(step: Step, replicas: int) -> int:
    """The change of a Pods or Percent step."""
    if step.type is StepType.PODS:
        assert step.pods is not None, "validation: a Pods step has pods"
        return step.pods
    assert step.percent is not None, "validation: a Percent step has a percentage"
    return _percentage(step, step.percent, replicas)


def _percentage(step: Step, percent: int, replicas: int) -> int:
    return max(step.min_pods or 1, replicas * percent // 100)


def _tiers(
    direction: Direction,
    observed: Mapping[str, Observed],
    replicas: int,
    choose: Callable[[Iterable[int]], int],
) -> int:
    """The change of a Tiers step: per true trigger the largest tier reached, `choose` among the triggers."""
    step = direction.step

    def change(trigger: Trigger) -> int:
        load = observed[trigger.metric]
        if not isinstance(load, Load):
            return 1
        distance = abs(load.compared - trigger.threshold)
        reached = [tier for tier in step.tiers or [] if tier.beyond <= distance]
        return _rung(step, max(reached, key=lambda tier: tier.beyond), replicas) if reached else 0

    return choose([change(trigger) for trigger in direction.triggers if holds(trigger, observed[trigger.metric])])


def _rung(step: Step, tier: Tier, replicas: int) -> int:
    return tier.pods if tier.pods is not None else _percentage(step, tier.percent or 0, replicas)
