"""Condition types and reasons: one vocabulary, stable API, each documented in docs/runbook.md."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from deadband.api.types import Instant, StatusModel


class ConditionType(StrEnum):
    """Types of status.conditions; kstatus reads Ready, Reconciling and Stalled, HPA users know the next three."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    SCALING_ACTIVE = "ScalingActive"
    ABLE_TO_SCALE = "AbleToScale"
    SCALING_LIMITED = "ScalingLimited"
    METRICS_AVAILABLE = "MetricsAvailable"
    TARGET_CONTESTED = "TargetContested"
    ACTION_REQUIRED = "ActionRequired"
    FLAPPING = "Flapping"
    WINDOWS_ADEQUATE = "WindowsAdequate"


class Reason(StrEnum):
    """Why something is as it is. CamelCase, stable: alerts and dashboards match on it."""

    # of a decision
    SCALING_UP = "ScalingUp"
    SCALING_DOWN = "ScalingDown"
    WITHIN_BAND = "WithinBand"
    WAITING_FOR_TIME = "WaitingForTime"
    METRICS_UNKNOWN = "MetricsUnknown"
    OUT_OF_BOUNDS = "OutOfBounds"
    AT_MAXIMUM = "AtMaximum"
    AT_MINIMUM = "AtMinimum"
    SCALING_DISABLED = "ScalingDisabled"
    PROJECTED_ABOVE_THRESHOLD = "ProjectedAboveThreshold"
    STABILIZED = "Stabilized"
    LIMIT_REACHED = "LimitReached"
    COOLING_DOWN = "CoolingDown"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    TARGET_PAUSED = "TargetPaused"
    TOO_FEW_AVAILABLE = "TooFewAvailable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    INSUFFICIENT_CAPACITY = "InsufficientCapacity"
    VETOED = "Vetoed"
    APPROVAL_REQUIRED = "ApprovalRequired"
    APPROVAL_REFUSED = "ApprovalRefused"
    PAUSED = "Paused"
    TARGET_CONTESTED = "TargetContested"
    FALLBACK = "Fallback"
    FLAPPING = "Flapping"
    # of a policy
    INVALID_SPEC = "InvalidSpec"
    TARGET_NOT_FOUND = "TargetNotFound"
    TARGET_NOT_SCALABLE = "TargetNotScalable"
    SOURCE_NOT_FOUND = "SourceNotFound"
    ACCESS_DENIED = "AccessDenied"
    # of a reading (R1)
    EMPTY = "Empty"
    NOT_A_NUMBER = "NotANumber"
    STALE = "Stale"
    MANY_SERIES = "ManySeries"
    NO_REQUESTS = "NoRequests"
    NOT_MEASURED = "NotMeasured"
    PARTIAL = "Partial"
    ERROR = "Error"
    TIMEOUT = "Timeout"
    # of a source
    WINDOW_TOO_SHORT = "WindowTooShort"
    # of a condition that is as it should be
    OK = "AsExpected"


class EventReason(StrEnum):
    """Reasons of the Kubernetes Events that deadband records; each is recorded on a change, never per evaluation."""

    SCALED_UP = "ScaledUp"
    SCALED_DOWN = "ScaledDown"
    ACTION_REQUIRED = "ActionRequired"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    TARGET_CONTESTED = "TargetContested"
    INVALID_SPEC = "InvalidSpec"
    BOUNDS_RESTORED = "BoundsRestored"


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One entry of status.conditions, as the API conventions shape it."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Which aspect this is about."""
    status: ConditionStatus
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """One of the reasons, CamelCase."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """The same for a person."""
    last_transition_time: Instant
    """When `status` last flipped."""
    observed_generation: int | None = None
    """metadata.generation that this condition is about."""


Said = tuple[ConditionType, ConditionStatus, Reason, str]
"""What holds of one condition now: type, status, reason and message."""


def merge(
    previous: Iterable[Condition], said: Iterable[Said], *, generation: int | None, now: datetime
) -> list[Condition]:
    """Make the conditions of this instant; the transition time of one whose status did not flip stays.

    Args:
        previous: What the object carries.
        said: What holds now.
        generation: metadata.generation of what was looked at.
        now: Becomes the transition time of what flipped or is new.

    Returns:
        One condition for each that was said, in that order; types that were not said are dropped. One that did not
        change is the very object of `previous`: thousands of policies say the same ten every few seconds.

    Source: Kubernetes API conventions, "Typical status properties".
    """
    before = {condition.type: condition for condition in previous}
    return [_standing(before.get(each[0]), each, generation=generation, now=now) for each in said]


def _standing(before: Condition | None, said: Said, *, generation: int | None, now: datetime) -> Condition:
    type_, status, reason, message = said
    if before is not None and before.status == status:
        if (before.reason, before.message, before.observed_generation) == (reason, message, generation):
            return before
        now = before.last_transition_time
    return _condition(type_, status, reason, message, now, generation)


def shared(conditions: Iterable[Condition]) -> list[Condition]:
    """The same conditions, one object for all that are equal: thousands of policies carry them."""
    return [
        _condition(one.type, one.status, one.reason, one.message, one.last_transition_time, one.observed_generation)
        for one in conditions
    ]


@lru_cache(maxsize=4096)
def _condition(
    type_: str, status: ConditionStatus, reason: str, message: str, transition: datetime, generation: int | None
) -> Condition:
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=transition,
        observed_generation=generation,
    )
