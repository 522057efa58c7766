"""The crash hole: a scale was written, the status that remembers it was not (architecture, decision 5)."""

from datetime import datetime, timedelta

from deadband.api.status import Cause, ClosedProposal, LastWrite, ProposalOutcome, ScaleEvent, ScalingPolicyStatus, Way
from deadband.core.proposals import lapsed
from deadband.core.types import Outage, Target

LAST_WRITE = timedelta(seconds=10)
"""A leader may write for so long after its last renewal of the Lease: the renew deadline (ADR 6)."""


def recover(
    status: ScalingPolicyStatus, target: Target, *, outage: Outage | None = None, attempted: datetime | None = None
) -> ScalingPolicyStatus:
    """Enter the scaling that the last leader wrote and could not remember any more.

    The API server tells whether our field manager alone owns the replicas: then nobody changed them since we did. If
    they are not what status says we left, our last write is missing there. When it happened is known within bounds
    only: not after `own_write`, and not after the last leader had to stop writing.

    Args:
        status: As the object carries it.
        target: As the API server shows it.
        outage: The time without a leader that has just ended, if one is known.
        attempted: When this process tried a write that got no answer: it was not before that, though the workload's
            controller may not have seen it yet, and `own_write` still be older.

    Returns:
        The status with the missing event, or `status` itself. A policy without history starts with none (R10): on a
        target that an earlier policy scaled, nothing of that is this one's.
    """
    if target.own_write is None or status.current_replicas in (None, target.replicas):
        return status
    if status.scale_events and status.scale_events[-1].to == target.replicas:
        return status
    assert status.current_replicas is not None, "compared above"
    wrote = min(target.own_write, outage.start + LAST_WRITE) if outage is not None else target.own_write
    wrote = max(wrote, attempted) if attempted is not None else wrote
    way = Way.UP if target.replicas > status.current_replicas else Way.DOWN
    cause, last = Cause.METRICS, lapsed(status, now=wrote)
    if status.proposal is not None and status.proposal.direction is way:
        # In a direction that asks first, only an approval writes (R13); its annotation must not act again.
        cause = Cause.APPROVAL
        last = ClosedProposal(id=status.proposal.id, outcome=ProposalOutcome.CARRIED_OUT, time=wrote)
    event = ScaleEvent(time=wrote, from_=status.current_replicas, to=target.replicas, cause=cause)
    return status.model_copy(
        update={
            "scale_events": [*status.scale_events, event],
            "last_scale_time": wrote,
            "last_scale_direction": way,
            "last_write": LastWrite(replicas=target.replicas, time=wrote),
            "current_replicas": target.replicas,
            "proposal": None,
            "last_proposal": last,
        }
    )
