"""The bounds in force (R2): the spec's, what open overrides name instead, and what an HPA's other bound leaves."""

from dataclasses import replace

from deadband.core.decision import Bounds
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
