"""R3: a target at 0 whose minimum is above 0 was switched off, unless deadband itself brought it there."""

from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import LastWrite
from deadband.core.decision import Bounds
from deadband.core.types import Inputs, Target


def switched_off(inputs: Inputs, *, replicas: int, bounds: Bounds) -> str:
    """Why the target counts as switched off; empty when it does not.

    Args:
        inputs: The target, and what status remembers of deadband's own writes.
        replicas: n.
        bounds: In force, after overrides.
    """
    target = inputs.target
    if not isinstance(target, Target):
        return ""
    if target.autoscaled is not None:
        low = target.autoscaled.floor if target.autoscaled.floor is not None else target.replicas
        if target.pods > 0 or low == 0:
            return ""
        return f"the HPA's workload was switched off (0 replicas while the HPA's minReplicas is {low})"
    if replicas > 0 or not inputs.spec.min_replicas or bounds.low == 0 or _wrote_it(inputs, target):
        return ""
    return f"the target was switched off (0 replicas while minReplicas is {bounds.low})"


def standing_write(inputs: Inputs) -> LastWrite | None:
    """Deadband's last write, of the shadow in DryRun; None once another user has changed the target since."""
    status, target = inputs.status, inputs.target
    if status.target not in (None, inputs.spec.target):
        return None
    if isinstance(target, Target) and status.current_replicas not in (None, target.replicas):
        return None
    return status.last_write


def _wrote_it(inputs: Inputs, target: Target) -> bool:
    """Whether deadband was the last to write the 0: who wrote decides, not the number."""
    last = standing_write(inputs)
    ours = last is not None and last.replicas == 0
    if last is not None and inputs.spec.mode is PolicyMode.DRY_RUN and inputs.status.shadow_replicas is not None:
        return ours  # the shadow's own; who writes the real target says nothing of it
    return target.writer is None and (ours or target.own_write is not None)
