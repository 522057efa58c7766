"""The closed loop in thought: where the live code would step from a reading, with nothing before it in its budget."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from deadband.api.behavior import Direction, StepType, Trigger
from deadband.api.metrics import Per
from deadband.api.rule import triggers
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core import limits
from deadband.core.decision import Bounds
from deadband.core.steps import step_down, step_up
from deadband.core.triggers import Load, Observed

LOOKED_AT = 1000
"""So many replica counts from the floor on are tried: what one step changes weighs most among the fewest replicas, and
percentages repeat after a hundred."""
_HAIR = Fraction(1, 10**9)
"""Just beyond a threshold, as a share of it: nothing that a policy can write lies between."""
_FAR = Fraction(10**9)
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Limits ask for the time to tell which scalings still count; here there were none."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A trigger and where it stands.

    Attributes:
        field: Path on the wire, such as `spec.scaleUp.anyOf[0]`.
        trigger: The trigger.
    """

    field: str
    trigger: Trigger


def placed(direction: Direction, name: str) -> list[Placed]:
    """The triggers of an enabled direction that is called `name` on the wire; none of a Disabled one."""
    if not direction.enabled:
        return []
    return [Placed(field, trigger) for field, trigger in triggers(direction, f"spec.{name}.")]


def reach(spec: ScalingPolicySpec) -> Bounds:
    """The fewest and the most replicas that the policy can have, whichever overrides are open."""
    lows = [override.min_replicas for override in spec.overrides if override.min_replicas is not None]
    highs = [override.max_replicas for override in spec.overrides if override.max_replicas is not None]
    low = min([spec.min_replicas or 0, *lows])
    return Bounds(low, max([spec.max_replicas or 0, *highs, *lows]))


def closes(spec: ScalingPolicySpec) -> bool:
    """Whether what is written carries the load: not without a target, nor as the bound of an HPA's own loop."""
    return spec.scale_target_ref is not None and spec.moves is None


def falls_with_replicas(spec: ScalingPolicySpec, metric: str) -> bool:
    """Whether what is compared falls as replicas rise: everything but a value of the whole."""
    return spec.metric(metric).effective_per is not Per.TOTAL


def just_beyond(trigger: Trigger) -> Fraction:
    """The nearest reading at which the trigger is true."""
    hair = abs(trigger.threshold) * _HAIR or _HAIR
    return trigger.threshold + (hair if trigger.above is not None else -hair)


def edges(direction: Direction, trigger: Trigger) -> list[Fraction]:
    """The readings nearest to the threshold at which each size of step begins."""
    if direction.step.type is not StepType.TIERS:
        return [just_beyond(trigger)]
    sign = 1 if trigger.above is not None else -1
    tiers = direction.step.tiers or []
    return [trigger.threshold + sign * tier.beyond if tier.beyond else just_beyond(trigger) for tier in tiers]


def far_beyond(trigger: Trigger) -> Fraction:
    """A reading as far beyond the threshold as one can be: downwards just above 0 where the threshold allows it."""
    if trigger.above is not None:
        return trigger.threshold + _FAR
    return _HAIR if trigger.threshold > _HAIR else trigger.threshold - _FAR


def loads(spec: ScalingPolicySpec, readings: Mapping[str, Fraction], *, ready: int) -> dict[str, Observed]:
    """Readings as triggers see them, where so many pods carry the load."""
    return {name: Load.exactly(value, spec.metric(name).effective_per, ready) for name, value in readings.items()}


def after_down(spec: ScalingPolicySpec, readings: Mapping[str, Fraction], replicas: int) -> int:
    """Where a due down goes from `replicas`, all of them ready: R8, R10 and R2, but not R9.

    Args:
        spec: The policy.
        readings: What is compared, of every metric of scaleDown; at least one trigger is true.
        replicas: n.
    """
    wish = step_down(spec.down, loads(spec, readings, ready=replicas), replicas=replicas)
    allowed = limits.floor_of(spec.down, (), replicas=replicas, now=_ANY_TIME)
    return min(replicas, max(wish, allowed or 0, reach(spec).low))


def after_up(spec: ScalingPolicySpec, readings: Mapping[str, Fraction], replicas: int) -> int:
    """Where a due up goes from `replicas`, all of them ready: R8, R10 and R2; arguments as for `after_down`."""
    wish = step_up(spec.up, loads(spec, readings, ready=replicas), replicas=replicas, ready=replicas)
    allowed = limits.ceiling(spec.up, (), replicas=replicas, now=_ANY_TIME)
    return max(replicas, min(wish, wish if allowed is None else allowed, reach(spec).high))


def counts(spec: ScalingPolicySpec) -> Iterator[int]:
    """The replica counts that are tried, from the fewest on; 0 has no load to think of."""
    bounds = reach(spec)
    first = max(1, bounds.low)
    return iter(range(first, min(bounds.high, first + LOOKED_AT) + 1))
