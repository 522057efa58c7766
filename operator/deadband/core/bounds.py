"""R2: the bounds in force (the spec's, what overrides name instead, what an HPA's other bound leaves), kept at once."""

from dataclasses import replace

from deadband.api.conditions import Reason
from deadband.api.status import Cause
from deadband.core.decision import Bounds, Move, Step
from deadband.core.types import Autoscaled, Inputs, Target


def bounds_in_force(inputs: Inputs) -> Bounds:
    """What open overrides name replaces the spec's, the highest of each; a min above a max raises the max."""
    lows = [override.min_replicas for override in inputs.overrides if override.min_replicas is not None]
    highs = [override.max_replicas for override in inputs.overrides if override.max_replicas is not None]
    low = max(lows, default=inputs.spec.min_replicas or 0)
    high = max(highs, default=inputs.spec.max_replicas or 0)
    bounds = Bounds(low, max(low, high))
    if isinstance(inputs.target, Target) and inputs.target.autoscaled is not None:
        return _framed(bounds, inputs.target.autoscaled)
    return bounds


def to_bound(replicas: int, bounds: Bounds) -> Move | None:
    """Bring n to the nearer bound; None when it is within."""
    if bounds.low <= replicas <= bounds.high:
        return None
    if replicas < bounds.low:
        return _at_once(bounds.low, f"{replicas} is below {bounds.low_is} {bounds.low}")
    return _at_once(bounds.high, f"{replicas} is above {bounds.high_is} {bounds.high}")


def pin(pods: int, bounds: Bounds) -> Move:
    """Bring both bounds of an HPA together where its workload stands, so that no pod comes or goes by it (ADR 24)."""
    to = min(max(pods, bounds.low), bounds.high)
    why = f"its minReplicas and maxReplicas differ, and its workload has {pods} replicas"
    if to != pods:
        why += f", while {bounds.low_is if to > pods else bounds.high_is} is {to}"
    return replace(_at_once(to, why), pins=True)


def _at_once(to: int, why: str) -> Move:
    step = Step("R2", to, why)
    return Move(replicas=to, reason=Reason.OUT_OF_BOUNDS, rule="R2", why=why, cause=Cause.BOUNDS, trace=(step,))


def _framed(policy: Bounds, hpa: Autoscaled) -> Bounds:
    """Cut to the HPA's other bound: its floor never comes to stand above its cap (reference, section 3)."""
    named = replace(policy, low_is="the policy's minReplicas", high_is="the policy's maxReplicas")
    if hpa.cap is not None and policy.high > hpa.cap:
        named = replace(named, high=hpa.cap, high_is="the HPA's maxReplicas")
        if policy.low > hpa.cap:
            named = replace(named, low=hpa.cap, low_is="the policy's minReplicas under the HPA's maxReplicas")
    if hpa.floor is not None and policy.low < hpa.floor:
        named = replace(named, low=hpa.floor, low_is="the HPA's minReplicas")
        if policy.high < hpa.floor:
            named = replace(named, high=hpa.floor, high_is="the policy's maxReplicas over the HPA's minReplicas")
    return named
