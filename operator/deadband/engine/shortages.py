"""Room for more pods (R12): looked for when an up depends on it, because no watch tells of pods.

Both the look and what follows from it happen within one evaluation, so that it ends with the same sentence for as long
as the shortage lasts, and writes nothing.
"""

from dataclasses import replace

from deadband.api.conditions import Reason
from deadband.api.status import Cause
from deadband.core.decide import decide
from deadband.core.decision import Decision
from deadband.core.types import Inputs, Target
from deadband.engine.records import PolicyRecord
from deadband.engine.scalables import Pods
from deadband.ports import Capacity

_UNASKED = frozenset({Cause.BOUNDS, Cause.FALLBACK})
"""What R12 does not bind (R2, R17)."""


def depends_on_room(decision: Decision, pods: Pods | None) -> bool:
    """Whether it matters if the cluster has room: the metrics ask for more, and pods are missing already.

    A dry run, a proposal and a pause are judged as a write is: R12 comes before R13 to R15.
    """
    if pods is None or decision.current is None or decision.desired is None or decision.cause in _UNASKED:
        return False
    return decision.desired > decision.current and pods.workload.target.ready < pods.workload.target.replicas


async def look_for_room(
    capacity: Capacity, record: PolicyRecord, inputs: Inputs, decision: Decision, pods: Pods
) -> tuple[Inputs, Decision]:
    """Decide again where a shortage is found.

    Args:
        capacity: The cluster.
        record: Whose target it is.
        inputs: What was decided on.
        decision: One that depends on room.
        pods: Whose pods are missing.

    Returns:
        What is decided on now, and the decision; both as they were when there is no shortage.

    Raises:
        WriteError: It could not be looked for.
    """
    target = inputs.target
    assert isinstance(target, Target), "only an existing target has pods"
    short = await capacity.shortage(
        record.ref.namespace, pods.reference, pods.workload, now=inputs.now, since=inputs.status.last_scale_time
    )
    if short is None:
        return inputs, decision
    if short is Reason.QUOTA_EXCEEDED:
        target = replace(target, quota_exceeded=True)
    else:
        target = replace(target, unschedulable=True)
    inputs = replace(inputs, target=target)
    return inputs, decide(inputs)
