"""R3: a target at 0 whose minimum is above 0 was switched off, unless deadband itself brought it there."""

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
    """Deadband's last write of the target, also in DryRun; None once another user has changed the target since.

    The API server names no owner of a 0 that was written through /scale, whoever wrote it. So status must tell, and a
    write of which no answer came counts where the target is what it would have left.
    """
    status, target = inputs.status, inputs.target
    if status.target not in (None, inputs.spec.target):
        return None
    last = status.last_write
    if isinstance(target, Target) and status.current_replicas not in (None, target.replicas):
        taken = last is not None and last.replicas == target.replicas and target.writer is None
        return last if taken else None
    return last


def _wrote_it(inputs: Inputs, target: Target) -> bool:
    """Whether deadband was the last to write the 0: who wrote decides, not the number."""
    if target.replicas > 0:
        return True  # only the shadow is at 0 (R14), and nobody else moves a shadow
    last = standing_write(inputs)
    ours = last is not None and last.replicas == 0
    return target.writer is None and (ours or target.own_write is not None)
