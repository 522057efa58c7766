"""What an evaluation leaves behind: shadow, proposals, events, conditions, and when it is worth a write."""

from datetime import timedelta
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.api.status import Proposal, ScalingPolicyStatus
from deadband.core.decide import decide
from deadband.core.recover import recover
from deadband.core.status import Change, Refusal, change, invalid_status, next_status
from deadband.core.types import NoTarget, Outage, Pause
from tests.core.builders import (
    EMPTY,
    ERROR,
    T0,
    World,
    down,
    event,
    inputs,
    reading,
    spec,
    status,
    target,
    up,
    wish,
)


def conditions(world_status: ScalingPolicyStatus) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in world_status.conditions}


def after(*args: Any, **changes: Any) -> ScalingPolicyStatus:
    given = inputs(*args, **changes)
    return next_status(given, decide(given))


@pytest.mark.parametrize(
    ("left", "type_", "expected"),
    [
        pytest.param(after(spec(), 3, 50), "Ready", ("True", "AsExpected"), id="an accepted spec is Ready"),
        pytest.param(after(spec(), 3, ERROR), "Ready", ("True", "AsExpected"), id="an outage does not touch Ready"),
        pytest.param(after(spec(), 3, ERROR), "MetricsAvailable", ("False", "Error"), id="it flips MetricsAvailable"),
        pytest.param(after(spec(), 3, EMPTY), "MetricsAvailable", ("False", "Empty"), id="with R1's reason"),
        pytest.param(after(spec(), 0, 50), "ScalingActive", ("False", "ScalingDisabled"), id="switched off (R3)"),
        pytest.param(after(spec(maxReplicas=3), 3, 99), "ScalingLimited", ("True", "AtMaximum"), id="at the ceiling"),
        pytest.param(
            after(spec(maxReplicas=3, scaleUp=up(step={"type": "Proportional"})), target(3, ready=2), 71),
            "ScalingLimited", ("True", "AtMaximum"),
            id="at the ceiling, with a step that asks for no more because a pod is not ready",
        ),
        pytest.param(
            after(spec(scaleDown=down(step={"type": "Proportional"})), 1, 1), "ScalingLimited", ("True", "AtMinimum"),
            id="at the floor, with a step that never goes below 1",
        ),
        pytest.param(after(spec(), 3, 50), "ScalingLimited", ("False", "AsExpected"), id="in the band nothing limits"),
        pytest.param(
            after(spec(), NoTarget(Reason.TARGET_NOT_FOUND, "gone"), 50), "Stalled", ("True", "TargetNotFound"),
            id="a missing target stalls",
        ),
        pytest.param(
            after(spec(), 3, 50, contested_by="HPA api"), "TargetContested", ("True", "TargetContested"), id="contested"
        ),
    ],
)  # fmt: skip
def test_conditions(left: ScalingPolicyStatus, type_: str, expected: tuple[str, str]) -> None:
    assert conditions(left)[type_] == expected


@pytest.mark.parametrize(
    "held",
    [
        pytest.param({"vetoes": {"freeze": reading(1)}}, id="a veto"),
        pytest.param({"pause": Pause.BOTH}, id="a pause"),
        pytest.param({"contested_by": "HPA api"}, id="a contest"),
    ],
)
def test_what_holds_a_limited_step_back_does_not_speak_for_the_limit(held: Any) -> None:
    policy = spec(
        maxReplicas=5,
        scaleUp=up(step={"type": "Pods", "pods": 4}),
        vetoes=[{"name": "freeze", "query": "freeze", "direction": "Up"}],
    )
    left = after(policy, 3, 99, **{"vetoes": {"freeze": reading(0)}, **held})

    (limited,) = [each for each in left.conditions if each.type == "ScalingLimited"]
    assert (limited.reason, limited.message) == ("AtMaximum", "maxReplicas is 5")


def test_every_condition_is_known_from_the_first_evaluation_and_carries_the_generation() -> None:
    left = after(spec(), 3, 50, generation=7)

    assert len(left.conditions) == 10
    assert {each.observed_generation for each in left.conditions} == {7}


def test_a_condition_keeps_its_time_until_it_flips() -> None:
    world = World(spec(), 3)
    world.step({"cpu": 50})
    world.step({"cpu": 50})
    steady = {each.type: each.last_transition_time for each in world.status.conditions}
    world.step({"cpu": ERROR})
    flipped = {each.type: each.last_transition_time for each in world.status.conditions}

    assert set(steady.values()) == {T0}
    assert flipped["MetricsAvailable"] == T0 + timedelta(seconds=30)
    assert flipped["Ready"] == T0


def test_a_refused_write_remembers_no_scaling() -> None:
    given = inputs(spec(), 3, 99)
    left = next_status(given, decide(given), refused=Refusal(Reason.ACCESS_DENIED, "may not patch deployments/scale"))

    assert left.scale_events == []
    assert left.last_scale_time is None
    assert left.current_replicas == 3
    assert conditions(left)["AbleToScale"] == ("False", "AccessDenied")
    assert conditions(left)["Stalled"] == ("True", "AccessDenied"), "no evaluation mends a missing right"
    assert left.decision is not None
    assert left.decision.sentence.endswith("This was not done: may not patch deployments/scale.")
    assert left.decision.next == "Grant the operator the missing right; see the message."


def test_a_write_without_an_answer_stalls_nothing() -> None:
    given = inputs(spec(), 3, 99)
    left = next_status(given, decide(given), refused=Refusal(Reason.TIMEOUT, "no answer in time"))

    assert conditions(left)["AbleToScale"] == ("False", "Timeout")
    assert conditions(left)["Ready"] == ("True", "AsExpected")
    assert left.decision is not None
    assert left.decision.next == "Tries again at the next evaluation."


UNSEEN = NoTarget(Reason.TIMEOUT, "Rollout api was not read in time")


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        pytest.param("Ready", ("True", "AsExpected"), id="nobody has to mend it"),
        pytest.param("Stalled", ("False", "AsExpected"), id="so nothing is stalled"),
        pytest.param("ScalingActive", ("False", "Timeout"), id="but nothing is scaled"),
        pytest.param("AbleToScale", ("False", "Timeout"), id="nor could it be"),
    ],
)
def test_a_target_that_cannot_be_read_just_now_is_told_and_stalls_nothing(
    type_: str, expected: tuple[str, str]
) -> None:
    assert conditions(after(spec(), UNSEEN, 50))[type_] == expected


@pytest.mark.parametrize(
    ("unread", "real", "shadow"),
    [
        pytest.param(UNSEEN, 3, 5, id="just now: what was seen last still stands"),
        pytest.param(NoTarget(Reason.TARGET_NOT_FOUND, "gone"), None, None, id="gone: nothing stands"),
    ],
)
def test_what_stands_of_a_target_that_cannot_be_read(unread: NoTarget, real: int | None, shadow: int | None) -> None:
    before = status(current_replicas=3, shadow_replicas=5)

    left = after(spec(mode="DryRun"), unread, 50, status=before)

    assert (left.current_replicas, left.shadow_replicas) == (real, shadow)


def test_a_dry_run_moves_a_shadow_and_writes_nothing() -> None:
    world = World(spec(mode="DryRun"), 3)

    decisions = [world.step({"cpu": 140}) for _ in range(3)]

    assert [each.desired for each in decisions] == [4, 5, 6]
    assert [each.write for each in decisions] == [None, None, None]
    assert (world.status.current_replicas, world.status.shadow_replicas) == (3, 6)
    assert "Would scale up from 5 to 6" in decisions[-1].sentence


def test_a_shadow_follows_whoever_changes_the_real_target() -> None:
    world = World(spec(mode="DryRun"), 3)
    world.step({"cpu": 99})
    world.replicas = 10

    assert world.step({"cpu": 50}).desired == 10


def test_what_a_shadow_did_is_forgotten_when_the_policy_is_enforced() -> None:
    world = World(spec(mode="DryRun"), 3)
    world.step({"cpu": 99})
    world.policy = spec(scaleDown=down(cooldownSeconds=300))

    assert world.cpu(5) == [2], "no cooldown runs after a scaling that never was"
    assert [each.from_ for each in world.status.scale_events] == [3]
    assert world.status.shadow_replicas is None


class TestProposals:
    """R13."""

    def world(self, **changes: Any) -> World:
        return World(spec(scaleUp=up(mode="Manual", approvalSeconds=60, **changes)), 3)

    def test_a_due_manual_direction_proposes_and_waits(self) -> None:
        world = self.world()
        decision = world.step({"cpu": 99})

        assert (decision.write, decision.desired, decision.reason) == (None, 4, Reason.APPROVAL_REQUIRED)
        assert world.status.proposal is not None
        assert world.status.proposal.replicas == 4
        assert conditions(world.status)["ActionRequired"] == ("True", "ApprovalRequired")

    def test_an_approval_carries_it_out_once(self) -> None:
        world = self.world()
        world.step({"cpu": 99})
        assert world.status.proposal is not None
        world.approval = world.status.proposal.id

        assert world.cpu(99, 99, 99) == [4, 4, 4]

    def test_an_expired_proposal_is_refused_and_followed_by_a_new_one(self) -> None:
        world = self.world()
        world.step({"cpu": 99}, seconds=60)
        first = world.status.proposal
        assert first is not None
        world.approval = first.id
        decision = world.step({"cpu": 99})

        assert decision.write is None
        assert "expired" in decision.refusal
        assert world.status.proposal is not None
        assert world.status.proposal.id != first.id

    def test_a_proposal_goes_when_its_direction_is_not_due_any_more(self) -> None:
        world = self.world()
        world.step({"cpu": 99})
        world.step({"cpu": 50})

        assert world.status.proposal is None
        assert conditions(world.status)["ActionRequired"][0] == "False"

    def test_without_a_target_a_person_is_asked_in_words(self) -> None:
        policy = spec(
            scaleTargetRef=None, minReplicas=None, maxReplicas=None, scaleDown=None, scaleUp=up(mode="Manual")
        )
        left = after(policy, None, 99)

        assert left.proposal is not None
        assert left.proposal.replicas is None
        assert left.proposal.text == "Scale up: cpu 99 is above 70."
        assert conditions(left)["ActionRequired"] == ("True", "ApprovalRequired")
        told = next(each.message for each in left.conditions if each.type == "ActionRequired")
        assert left.decision is not None
        assert left.decision.sentence == "Asking a person to act: cpu 99 is above 70."
        assert "approve" not in told + left.decision.next, "an approval could carry nothing out"

    def test_an_approval_that_comes_after_the_expiry_is_told_when_the_proposal_expired(self) -> None:
        world = self.world()
        world.step({"cpu": 99}, seconds=60)
        late = proposal(world).id
        world.step({"cpu": 99})
        world.approval = late
        decision = world.step({"cpu": 99})

        assert decision.write is None
        assert proposal(world).id != late
        assert conditions(world.status)["ActionRequired"] == ("True", "ApprovalRefused")
        assert message(world).endswith(
            f"The approval was not carried out: proposal {late} expired at 2026-01-05 08:01:00Z."
        )

    def test_an_approval_of_what_is_no_longer_due_is_told_when_it_was_withdrawn(self) -> None:
        world = self.world()
        world.step({"cpu": 99})
        world.approval = proposal(world).id
        world.step({"cpu": 50})
        world.step({"cpu": 50})

        assert conditions(world.status)["ActionRequired"] == ("False", "ApprovalRefused")
        assert message(world) == (
            f"The approval was not carried out: proposal {world.approval} was withdrawn at 2026-01-05 08:00:15Z, "
            "when it did not apply any more."
        )

    def test_an_approval_of_an_id_that_was_never_given_is_refused(self) -> None:
        world = self.world()
        world.approval = "a-typing-error"
        world.step({"cpu": 99})

        assert conditions(world.status)["ActionRequired"] == ("True", "ApprovalRefused")
        assert "'a-typing-error' is no open proposal" in message(world)

    def test_an_annotation_that_was_carried_out_and_stays_is_no_refusal(self) -> None:
        world = self.world()
        world.step({"cpu": 99})
        world.approval = proposal(world).id
        world.step({"cpu": 99})
        assert world.status.last_proposal is not None
        assert (world.status.last_proposal.id, world.status.last_proposal.outcome) == (world.approval, "CarriedOut")
        world.step({"cpu": 99})

        assert conditions(world.status)["ActionRequired"] == ("True", "ApprovalRequired")
        assert "not carried out" not in message(world)

    def test_the_annotation_stays_silent_when_a_later_proposal_lapses(self) -> None:
        world = self.world()
        world.step({"cpu": 99})
        world.approval = proposal(world).id
        world.step({"cpu": 99})
        world.step({"cpu": 99})
        later = proposal(world).id
        world.step({"cpu": 50})
        world.step({"cpu": 99})
        world.step({"cpu": 50})

        assert world.status.last_proposal is not None
        assert world.status.last_proposal.id not in (world.approval, later)
        assert world.status.last_proposal.outcome == "Withdrawn"
        assert conditions(world.status)["ActionRequired"] == ("False", "AsExpected")

    def test_an_approval_that_a_cooldown_holds_is_no_refusal_and_says_what_it_waits_for(self) -> None:
        world = World(spec(scaleDown=down(mode="Manual", cooldownSeconds=300), scaleUp=None), 3)
        world.status = status(event(60, 2, 3))
        world.step({"cpu": 5})
        assert world.status.proposal is None, "what a cooldown holds is not asked for"
        world.now += timedelta(seconds=300)
        world.step({"cpu": 5})
        world.approval = proposal(world).id
        world.status = world.status.model_copy(update={"last_scale_time": world.now})
        world.step({"cpu": 5})

        assert world.replicas == 3
        assert conditions(world.status)["ActionRequired"] == ("True", "ApprovalRequired")
        assert "not carried out yet: cpu 5 is below 20, but the cooldown of 300 s" in message(world)

    def test_a_refusal_by_the_api_server_does_not_use_the_approval_up(self) -> None:
        policy = spec(scaleUp=up(mode="Manual"))
        asked = after(policy, 3, 99)
        assert asked.proposal is not None
        approved = inputs(policy, 3, 99, status=asked, approval=asked.proposal.id)
        decision = decide(approved)
        assert decision.write == 4

        left = next_status(approved, decision, refused=Refusal(Reason.ERROR, "no answer"))

        assert left.proposal == asked.proposal
        assert conditions(left)["ActionRequired"] == ("True", "ApprovalRequired")
        assert decide(inputs(policy, 3, 99, status=left, approval=asked.proposal.id)).write == 4

    def test_an_approval_that_was_written_and_not_remembered_is_not_written_again(self) -> None:
        """The crash hole: the object still carries the proposal, the annotation still approves it."""
        policy = spec(scaleUp=up(mode="Manual"))
        asked = after(policy, 3, 99)
        assert asked.proposal is not None

        found = recover(asked, target(4, own_write=T0))
        meanwhile_scaled_back = inputs(policy, 3, 99, status=found, approval=asked.proposal.id)

        assert found.scale_events[-1].cause == "Approval"
        assert found.proposal is None
        assert decide(meanwhile_scaled_back).write is None

    def test_a_spec_that_turned_invalid_withdraws_the_proposal(self) -> None:
        asked = after(spec(scaleUp=up(mode="Manual")), 3, 99)
        left = invalid_status(asked, ["spec: is wrong"], generation=2, now=T0)

        assert left.proposal is None
        assert left.last_proposal is not None
        assert left.last_proposal.outcome == "Withdrawn"


def proposal(world: World) -> Proposal:
    assert world.status.proposal is not None
    return world.status.proposal


def message(world: World) -> str:
    return next(each.message for each in world.status.conditions if each.type == "ActionRequired")


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(50, Change.NONE, id="the same again"),
        pytest.param(51, Change.VALUES, id="another value in the band"),
        pytest.param(15, Change.MEANING, id="another verdict"),
        pytest.param(EMPTY, Change.MEANING, id="no reading any more"),
        pytest.param(99, Change.MEANING, id="a scaling"),
    ],
)
def test_only_what_means_something_is_written_at_once(second: Any, expected: Change) -> None:
    world = World(spec(), 3)
    world.step({"cpu": 50})
    before = world.status
    world.step({"cpu": second})

    assert change(before, world.status) is expected


def test_a_status_that_was_never_written_is_written_at_once() -> None:
    assert change(None, ScalingPolicyStatus()) is Change.MEANING


def test_points_that_equal_the_replicas_need_no_write() -> None:
    world = World(spec(scaleUp=up(stabilizationWindowSeconds=60)), 3)
    world.step({"cpu": 50})
    before = world.status
    world.step({"cpu": 50})

    assert before.wishes != world.status.wishes
    assert change(before, world.status) is Change.NONE


def test_flapping_is_said_from_the_fourth_reversal_on() -> None:
    turns = [event(500, 3, 4), event(400, 4, 3), event(300, 3, 4), event(200, 4, 3)]

    assert conditions(after(spec(), 3, 50, status=status(*turns)))["Flapping"][0] == "False"
    assert conditions(after(spec(), 3, 99, status=status(*turns)))["Flapping"] == ("True", "Flapping")


def test_an_invalid_spec_stalls_and_its_timers_stand_still() -> None:
    world = World(spec(scaleDown=down(forSeconds=60)), 3)
    world.step({"cpu": 5})
    world.step({"cpu": 5})
    left = invalid_status(world.status, ["spec.maxReplicas: must be at least minReplicas"], generation=2, now=world.now)

    assert conditions(left)["Stalled"] == ("True", "InvalidSpec")
    assert left.scale_down.unknown_since == world.now
    assert left.observed_generation == 2
    assert left.decision is not None
    assert "spec.maxReplicas" in left.decision.sentence


@pytest.mark.parametrize(
    ("written", "n", "own_write", "expected"),
    [
        pytest.param(status(event(60, 3, 4), current_replicas=4), 4, 60, 1, id="nothing is missing"),
        pytest.param(
            status(event(60, 3, 4), current_replicas=4), 6, 5, 2, id="the write after the last event is entered"
        ),
        pytest.param(status(current_replicas=3), 5, 5, 1, id="the first write of all is entered"),
        pytest.param(status(current_replicas=3), 5, None, 0, id="somebody else's change is not ours"),
        pytest.param(status(), 5, 7200, 0, id="what an earlier policy wrote is not this one's"),
    ],
)
def test_a_scaling_whose_status_was_lost_is_entered_at_the_next_start(
    written: ScalingPolicyStatus, n: int, own_write: int | None, expected: int
) -> None:
    seen = target(n, own_write=None if own_write is None else T0 - timedelta(seconds=own_write))

    found = recover(written, seen)

    assert len(found.scale_events) == expected
    assert found.current_replicas == n if expected == 2 else True


def test_a_lost_scaling_is_dated_before_the_last_leader_had_to_stop_writing() -> None:
    """Its own time is not kept, and the target may have changed for other reasons long after it."""
    seen = target(5, own_write=T0)
    outage = Outage(T0 - timedelta(seconds=600), T0)

    found = recover(status(current_replicas=3), seen, outage=outage)

    assert found.last_scale_time == T0 - timedelta(seconds=590)


@pytest.mark.parametrize(
    ("dead", "wishes", "expected"),
    [
        pytest.param(0, [wish(15, 8)], 8, id="a restart between two evaluations loses no point"),
        pytest.param(30, [wish(45, 8)], None, id="dead time counts as n"),
        pytest.param(0, [wish(45, 8)], None, id="the unwritten tail counts as n"),
    ],
)
def test_stabilization_after_a_restart(dead: int, wishes: Any, expected: int | None) -> None:
    policy = spec(scaleUp=up(step={"type": "Pods", "pods": 3}, stabilizationWindowSeconds=60))
    outage = Outage(T0 - timedelta(seconds=dead), T0)

    decision = decide(inputs(policy, 5, 99, status=status(wishes=wishes), outage=outage))

    assert decision.write == expected
