"""R9: a step down may never by itself cause the next step up."""

from collections.abc import Mapping
from math import ceil, floor

from deadband.api.behavior import Guard
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.triggers import Load, Observed, Truth, expression


def project(observed: Mapping[str, Observed], *, replicas: int) -> dict[str, Observed]:
    """Every metric as it would read if `replicas` pods carried what is carried now."""
    return {name: load.projected(replicas) if isinstance(load, Load) else load for name, load in observed.items()}


def raise_until_safe(spec: ScalingPolicySpec, observed: Mapping[str, Observed], *, wish: int, replicas: int) -> int:
    """The smallest number from `wish` up at which the up expression is known false; `replicas` when there is none.

    The truth of the projected expression changes only where a projected metric crosses one of its thresholds, so it
    is asked at these crossings instead of at every number in between.

    Args:
        spec: Its scaleUp is projected; a Disabled up is not asked, a Manual one is.
        observed: Every metric now.
        wish: m of R9, at most `replicas`.
        replicas: n.
    """
    if spec.down.guard is Guard.NONE or not spec.up.enabled:
        return wish

    def up_at(number: int) -> Truth:
        return expression(spec.up, project(observed, replicas=number))

    return next((number for number in _crossings(spec, observed, wish, replicas) if up_at(number) is False), replicas)


def _crossings(spec: ScalingPolicySpec, observed: Mapping[str, Observed], wish: int, replicas: int) -> list[int]:
    numbers = {wish, wish + 1}
    for trigger in spec.up.triggers:
        load = observed[trigger.metric]
        if isinstance(load, Load) and trigger.threshold != 0:
            crossing = load.whole / trigger.threshold
            numbers |= {floor(crossing), ceil(crossing), floor(crossing) + 1}
    return sorted(number for number in numbers if wish <= number < replicas)
