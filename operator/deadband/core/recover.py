"""The crash hole: a scale was written, the status that remembers it was not (architecture, decision 5)."""

from datetime import datetime

from deadband.api.status import ScaleEvent, ScalingPolicyStatus, Way
from deadband.core.types import Target


def recover(status: ScalingPolicyStatus, target: Target, *, created: datetime) -> ScalingPolicyStatus:
    """Enter the scaling that the last leader wrote and could not remember any more.

    The API server keeps, per field manager, when the replicas were last changed, for as long as nobody else changes
    them. If our manager owns them and they are not what our last scale event says, the event is missing.

    Args:
        status: As the object carries it.
        target: As the API server shows it; `own_write` is our manager's time.
        created: When the policy was created: what an earlier policy wrote is not this one's history.

    Returns:
        The status with the missing event, or `status` itself.
    """
    wrote = target.own_write
    if wrote is None or wrote < created:
        return status
    if status.scale_events:
        known = status.scale_events[-1].to == target.replicas
    else:
        known = status.last_scale_time is not None and status.last_scale_time.replace(microsecond=0) >= wrote
    if known or status.current_replicas == target.replicas:
        return status
    was = status.current_replicas if status.current_replicas is not None else target.replicas
    event = ScaleEvent(time=wrote, from_=was, to=target.replicas)
    ways = {True: Way.UP, False: Way.DOWN}
    return status.model_copy(
        update={
            "scale_events": [*status.scale_events, event],
            "last_scale_time": wrote,
            "last_scale_direction": ways[event.change > 0] if event.change else status.last_scale_direction,
            "current_replicas": target.replicas,
        }
    )
