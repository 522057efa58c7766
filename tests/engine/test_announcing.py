"""Events: on a change, never on a repetition."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deadband.api.conditions import Condition, ConditionType, EventReason, Reason
from deadband.api.status import DecisionStatus, Proposal, ScaleEvent, ScalingPolicyStatus, Way
from deadband.engine.announcing import announcements

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def having(type_: ConditionType, status: str, reason: Reason = Reason.OK, **fields: Any) -> ScalingPolicyStatus:
    condition = Condition(type=type_, status=status, reason=reason, message="why", last_transition_time=T0)
    return ScalingPolicyStatus(conditions=[condition], **fields)


def scaled(from_: int, to: int, **fields: Any) -> ScalingPolicyStatus:
    return ScalingPolicyStatus(scale_events=[ScaleEvent(time=T0, from_=from_, to=to)], last_scale_time=T0, **fields)


def asking(id_: str, reason: Reason = Reason.APPROVAL_REQUIRED) -> ScalingPolicyStatus:
    proposal = Proposal(id=id_, direction=Way.UP, text="Scale up.", created_at=T0, expires_at=T0)
    return having(ConditionType.ACTION_REQUIRED, "True", reason, proposal=proposal)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(ScalingPolicyStatus(), scaled(2, 4), [EventReason.SCALED_UP], id="more replicas"),
        pytest.param(ScalingPolicyStatus(), scaled(4, 2), [EventReason.SCALED_DOWN], id="fewer replicas"),
        pytest.param(scaled(2, 4), scaled(2, 4), [], id="the same scaling is not told twice"),
        pytest.param(ScalingPolicyStatus(), scaled(2, 4, shadow_replicas=4), [], id="a simulated scaling is no event"),
        pytest.param(
            ScalingPolicyStatus(),
            having(ConditionType.METRICS_AVAILABLE, "False"),
            [EventReason.METRICS_UNAVAILABLE],
            id="metrics get lost",
        ),
        pytest.param(
            having(ConditionType.METRICS_AVAILABLE, "False", Reason.TIMEOUT),
            having(ConditionType.METRICS_AVAILABLE, "False", Reason.ERROR),
            [],
            id="metrics stay lost for another reason",
        ),
        pytest.param(
            having(ConditionType.METRICS_AVAILABLE, "False"),
            having(ConditionType.METRICS_AVAILABLE, "True"),
            [],
            id="metrics come back",
        ),
        pytest.param(
            having(ConditionType.TARGET_CONTESTED, "False"),
            having(ConditionType.TARGET_CONTESTED, "True"),
            [EventReason.TARGET_CONTESTED],
            id="somebody else writes the target",
        ),
        pytest.param(
            ScalingPolicyStatus(observed_generation=1),
            having(ConditionType.STALLED, "True", Reason.INVALID_SPEC, observed_generation=2),
            [EventReason.INVALID_SPEC],
            id="an edit made the spec invalid",
        ),
        pytest.param(ScalingPolicyStatus(), asking("a"), [EventReason.ACTION_REQUIRED], id="a person is asked"),
        pytest.param(asking("a"), asking("a"), [], id="the same question is not asked twice"),
        pytest.param(
            asking("a"), asking("b"), [EventReason.ACTION_REQUIRED], id="a new proposal after the expiry is told"
        ),
        pytest.param(
            asking("a"),
            asking("a", Reason.APPROVAL_REFUSED),
            [EventReason.ACTION_REQUIRED],
            id="a person who approves something else is told",
        ),
        pytest.param(
            asking("a", Reason.APPROVAL_REFUSED), asking("a", Reason.APPROVAL_REFUSED), [], id="and is told once"
        ),
        pytest.param(
            asking("a"),
            asking("b", Reason.APPROVAL_REFUSED),
            [EventReason.ACTION_REQUIRED],
            id="a refusal and a new proposal are one event",
        ),
        pytest.param(
            ScalingPolicyStatus(),
            having(ConditionType.ACTION_REQUIRED, "False", Reason.APPROVAL_REFUSED),
            [EventReason.ACTION_REQUIRED],
            id="an approval when nothing is proposed is told",
        ),
        pytest.param(
            having(ConditionType.STALLED, "True", Reason.INVALID_SPEC, observed_generation=2),
            having(ConditionType.STALLED, "True", Reason.INVALID_SPEC, observed_generation=2),
            [],
            id="it is still invalid",
        ),
    ],
)
def test_events_follow_changes(
    before: ScalingPolicyStatus, after: ScalingPolicyStatus, expected: list[EventReason]
) -> None:
    assert [one.reason for one in announcements(before, after)] == expected


def test_a_scaling_is_told_in_the_words_of_its_decision_whatever_it_moved() -> None:
    said = "Raising minReplicas of HPA web from 2 to 4: depth 12,000 is above 10,000."
    decision = DecisionStatus(sentence=said, rule="R8", reason=Reason.SCALING_UP, next="")
    after = scaled(2, 4, target="HorizontalPodAutoscaler/web", decision=decision)

    (told,) = announcements(ScalingPolicyStatus(), after)

    assert told.message == f"HorizontalPodAutoscaler/web: {said}"
