"""r: how many pods count as carrying the load, also while some of them are not ready (reference, section 3)."""

from deadband.core.types import Inputs, Target


def ready_maximum(inputs: Inputs) -> int | None:
    """The most ready pods that the target has had since its pod template last changed, cut to its replicas.

    Pods that lose their readiness under load still carry it, so they count; pods that were never ready do not. Where
    a kind has no pod template that is known, the maximum only falls with the replicas.

    Returns:
        0 up to the workload's spec.replicas, also in DryRun and under an HPA; what status has while the API server
        does not let the target be read; None where there is no workload.
    """
    target, status = inputs.target, inputs.status
    if not isinstance(target, Target):
        return status.ready_maximum if target is not None and target.passes else None
    same = status.target in (None, inputs.spec.target) and status.pod_template == target.template
    known = status.ready_maximum if same and status.ready_maximum is not None else 0
    return min(target.pods, max(target.ready, known))
