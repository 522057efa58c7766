"""Which Events a new status calls for: only what changed, so that a quiet operator records none."""

from dataclasses import dataclass
from typing import Literal

from deadband.api.conditions import Condition, ConditionStatus, ConditionType, EventReason, Reason
from deadband.api.status import ScalingPolicyStatus


@dataclass(frozen=True, slots=True)
class Announcement:
    """One Event to record."""

    type_: Literal["Normal", "Warning"]
    reason: EventReason
    message: str


_ON_CONDITIONS: tuple[tuple[ConditionType, ConditionStatus, Literal["Normal", "Warning"], EventReason], ...] = (
    (ConditionType.METRICS_AVAILABLE, "False", "Warning", EventReason.METRICS_UNAVAILABLE),
    (ConditionType.TARGET_CONTESTED, "True", "Warning", EventReason.TARGET_CONTESTED),
)


def announcements(before: ScalingPolicyStatus, after: ScalingPolicyStatus) -> tuple[Announcement, ...]:
    """Events for whatever became so between two statuses of one policy."""
    found = [
        Announcement(type_, reason, condition.message)
        for condition_type, status, type_, reason in _ON_CONDITIONS
        if (condition := _of(after, condition_type)) is not None
        and condition.status == status
        and not _same(_of(before, condition_type), condition)
    ]
    stalled = _of(after, ConditionType.STALLED)
    if (
        stalled is not None
        and (stalled.status, stalled.reason) == ("True", Reason.INVALID_SPEC)
        and before.observed_generation != after.observed_generation
    ):
        found.append(Announcement("Warning", EventReason.INVALID_SPEC, stalled.message))
    if after.proposal is not None and (before.proposal is None or before.proposal.id != after.proposal.id):
        asked = _of(after, ConditionType.ACTION_REQUIRED)
        found.append(
            Announcement("Normal", EventReason.ACTION_REQUIRED, asked.message if asked else after.proposal.text)
        )
    elif _refused(after) and not _refused(before):
        found.append(Announcement("Warning", EventReason.ACTION_REQUIRED, _refused(after)))
    last = after.scale_events[-1] if after.scale_events else None
    if last is not None and after.last_scale_time != before.last_scale_time and after.shadow_replicas is None:
        reason = EventReason.SCALED_UP if last.change > 0 else EventReason.SCALED_DOWN
        sentence = after.decision.sentence if after.decision else ""
        found.append(Announcement("Normal", reason, f"{after.target}: {sentence}"))
    return tuple(found)


def _refused(status: ScalingPolicyStatus) -> str:
    """Why an approval was refused, for the person who gave it; empty when none was."""
    asked = _of(status, ConditionType.ACTION_REQUIRED)
    return asked.message if asked is not None and asked.reason == Reason.APPROVAL_REFUSED else ""


def _of(status: ScalingPolicyStatus, type_: ConditionType) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == type_), None)


def _same(before: Condition | None, after: Condition) -> bool:
    return before is not None and before.status == after.status
