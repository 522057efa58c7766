"""A HorizontalPodAutoscaler as the decision sees it."""

from dataclasses import dataclass
from datetime import datetime

from deadband.api.originals import OriginalBounds
from deadband.api.scalingpolicy import ScaleTargetRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """A HorizontalPodAutoscaler as one read of it showed it.

    Attributes:
        scales: The workload that it scales.
        low: spec.minReplicas, 1 where it is absent.
        high: spec.maxReplicas.
        owner: The KEDA ScaledObject that made it and sets its bounds back, as `ScaledObject web`; None for no such.
        originals: What deadband moved, from its annotation; None when it moved nothing.
        own_low: When deadband's field manager last wrote minReplicas; None when somebody else owns it.
        own_high: Likewise of maxReplicas.
    """

    scales: ScaleTargetRef
    low: int
    high: int
    owner: str | None = None
    originals: OriginalBounds | None = None
    own_low: datetime | None = None
    own_high: datetime | None = None
