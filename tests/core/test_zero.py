"""R3 where managedFields say nothing, as of a kind that calls its replicas otherwise: status alone tells who wrote."""

from datetime import timedelta

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import Override
from deadband.api.status import LastWrite
from deadband.core.decide import decide
from deadband.core.recover import recover
from deadband.core.status import Refusal, next_status
from tests.core.builders import T0, World, inputs, spec, status, target

NIGHT = Override(name="night", schedule="0 19 * * *", duration_seconds=43200, min_replicas=0, max_replicas=0)
OURS = LastWrite(replicas=0, time=T0 - timedelta(days=3))


def test_a_0_that_status_remembers_is_deadbands_own_however_long_ago() -> None:
    assert decide(inputs(spec(minReplicas=2), 0, 50, status=status(current_replicas=0, last_write=OURS))).write == 2


def test_a_0_after_another_number_is_another_users() -> None:
    world = World(spec(minReplicas=2), 0, status=status(current_replicas=0, last_write=OURS))
    world.replicas = 3
    world.step({"cpu": 50})
    world.replicas = 0

    assert [world.step({"cpu": 50}).reason for _ in range(2)] == ["ScalingDisabled", "ScalingDisabled"]
    assert world.status.last_write is None


def test_a_0_that_got_no_answer_and_was_taken_is_deadbands_own() -> None:
    night = spec(minReplicas=2)
    asked = inputs(night, 4, 50, overrides=(NIGHT,))
    unsure = next_status(asked, decide(asked), refused=Refusal(Reason.TIMEOUT, "no answer", unanswered=True))
    refused = next_status(asked, decide(asked), refused=Refusal(Reason.ACCESS_DENIED, "denied"))

    assert decide(inputs(night, 0, 50, status=unsure)).write == 2
    assert decide(inputs(night, target(0, writer="kubectl-edit"), 50, status=unsure)).reason == "ScalingDisabled"
    assert decide(inputs(night, 0, 50, status=refused)).reason == "ScalingDisabled"


def test_the_last_write_of_another_target_says_nothing() -> None:
    known = status(current_replicas=0, last_write=OURS, target="Deployment/web")

    assert decide(inputs(spec(minReplicas=2), 0, 50, status=known)).reason == "ScalingDisabled"


def test_a_write_is_remembered_and_outlives_evaluations_that_write_nothing() -> None:
    world = World(spec(), 3)
    world.cpu(99, 50, 50)

    assert world.status.last_write == LastWrite(replicas=4, time=T0)


def test_a_write_that_the_last_leader_could_not_remember_is_the_last_one() -> None:
    found = recover(status(current_replicas=3), target(0, own_write=T0))

    assert found.last_write == LastWrite(replicas=0, time=T0)


def test_a_dry_run_does_not_forget_that_the_0_of_the_target_is_deadbands_own() -> None:
    night, known = spec(minReplicas=2, mode="DryRun"), status(current_replicas=0, last_write=OURS)
    simulated = inputs(night, 0, 50, status=known)
    after = next_status(simulated, decide(simulated))

    assert after.shadow_replicas == 2
    assert after.last_write == OURS
    assert decide(inputs(spec(minReplicas=2), 0, 50, status=after)).write == 2


def test_a_shadow_that_goes_to_0_is_no_last_write() -> None:
    simulated = inputs(spec(minReplicas=2, mode="DryRun"), 3, 50, overrides=(NIGHT,))
    after = next_status(simulated, decide(simulated))

    assert (after.shadow_replicas, after.last_write) == (0, None)
    assert decide(inputs(spec(minReplicas=2, mode="DryRun"), 3, 50, status=after)).desired == 2
    assert decide(inputs(spec(minReplicas=2), 0, 50, status=after)).reason == "ScalingDisabled"
