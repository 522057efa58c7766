"""What deadband leaves on a HorizontalPodAutoscaler that it changes: for whom, and what was there before."""

from deadband.api.types import StatusModel

ORIGINAL_BOUNDS_ANNOTATION = "deadband.dev/original-bounds"
"""Holds OriginalBounds as JSON, for as long as a bound is deadband's."""


class MovedBound(StatusModel):
    """One bound that deadband moved."""

    original: int
    """What somebody else wrote last; it comes back when the policy goes."""
    written: int
    """What deadband wrote last; anything else on the object is somebody else's."""


class OriginalBounds(StatusModel):
    """The value of the annotation; a bound that is absent was never moved."""

    policy: str
    """Name of the policy, in the object's own namespace."""
    uid: str
    """Its UID: one made anew under the same name is another policy."""
    min_replicas: MovedBound | None = None
    """Of spec.minReplicas."""
    max_replicas: MovedBound | None = None
    """Of spec.maxReplicas."""
