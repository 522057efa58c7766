"""One evaluation against a world that changes under its hands."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from deadband.api.conditions import EventReason, Reason
from deadband.core.types import Outage
from deadband.engine import gathering
from deadband.ports import DeniedError, UnreachableError, WriteError
from tests.engine.fakes import START, FakeWorld, deployment, policy, until


@pytest.fixture
async def world() -> FakeWorld:
    """A leader with one source that reads 150, one Deployment of 2, and one policy: up above 100."""
    made = FakeWorld()
    made.add_source(value=150)
    made.add_deployment()
    made.scheduler.lead(None)
    return made


async def test_a_due_policy_is_scaled_then_written_then_told(world: FakeWorld) -> None:
    world.add_policy()

    await world.evaluate()

    assert world.targets.scaled == [("api", 3)]
    assert world.status().current_replicas == 3
    assert world.status().last_scale_time == START
    assert world.events.recorded == [("api", EventReason.SCALED_UP)]
    assert world.telemetry.decided == [("api", Reason.SCALING_UP)]


async def test_a_scaling_is_logged_with_its_rule_and_the_instant_of_its_readings(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.add_policy()

    with caplog.at_level(logging.INFO):
        await world.evaluate()

    (line,) = [vars(record) for record in caplog.records if record.message.startswith("scaled api from 2 to 3: ")]
    assert (line["from"], line["to"], line["reason"], line["rule"]) == (2, 3, Reason.SCALING_UP, "R8")
    assert datetime.fromisoformat(line["evaluated"]) == START


async def test_a_conflict_is_decided_again_on_fresh_facts_and_succeeds(world: FakeWorld) -> None:
    world.add_policy()
    world.targets.before_scale = [lambda: world.targets.put("api", 4, version=7)]

    await world.evaluate()

    assert world.targets.scaled == [("api", 6)]
    assert world.status().scale_events[-1].from_ == 4


async def test_a_target_that_is_changed_at_every_try_is_left_to_the_next_evaluation(world: FakeWorld) -> None:
    world.add_policy()
    versions = iter(range(10, 20))
    world.targets.before_scale = [lambda: world.targets.put("api", 2, version=next(versions))] * 3

    await world.evaluate()

    assert world.targets.scaled == []
    assert world.status().last_scale_time is None
    assert condition(world, "AbleToScale").status == "False"


async def test_facts_that_moved_since_the_watch_saw_them_are_decided_again(world: FakeWorld) -> None:
    world.add_policy()
    world.targets.put("api", 10, version=5)

    await world.evaluate()

    assert world.targets.scaled == []
    assert world.status().current_replicas == 10
    assert world.reason() == Reason.AT_MAXIMUM


async def test_our_own_write_is_known_before_the_watch_tells_it(world: FakeWorld) -> None:
    world.add_policy()
    await world.evaluate()
    world.metrics.values["main"] = Fraction(50)

    await world.evaluate(seconds=15)

    assert world.status().current_replicas == 3


async def test_a_write_that_is_restored_again_and_again_is_named_and_then_left_alone(world: FakeWorld) -> None:
    world.add_policy()
    await world.evaluate()

    for round_ in range(3):
        world.targets.put("api", 2, version=10 * (round_ + 1), writer="argocd-controller")
        world.scheduler.receive("Deployment", "MODIFIED", deployment(version=10 * (round_ + 1)))
        await world.evaluate(seconds=15)

    assert world.targets.scaled == [("api", 3)] * 3
    assert world.events.recorded[-1] == ("api", EventReason.TARGET_CONTESTED)
    assert condition(world, "TargetContested").message.startswith("argocd-controller restored 2 after deadband wrote 3")


async def test_a_policy_that_was_deleted_meanwhile_scales_nothing(world: FakeWorld) -> None:
    world.add_policy()
    world.policies.objects.clear()

    await world.evaluate()

    assert world.targets.scaled == []
    assert world.events.recorded == []


async def test_a_policy_deleted_while_its_write_is_under_way_leaves_nothing_behind(world: FakeWorld) -> None:
    obj = world.add_policy()
    world.targets.before_scale = [lambda: world.scheduler.receive("ScalingPolicy", "DELETED", obj)]

    await world.evaluate()
    await world.statuses.flush()

    assert world.targets.scaled == [("api", 3)]
    assert world.telemetry.decided == [], "nobody would take its series away again"
    assert world.policies.written == []


async def test_a_term_that_ends_while_a_write_is_under_way_leaves_nothing_behind(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.add_policy()
    world.targets.before_scale = [world.scheduler.follow]

    await world.evaluate()

    assert world.telemetry.decided == []
    assert "failed" not in caplog.text


async def test_a_policy_that_was_edited_meanwhile_is_evaluated_anew(world: FakeWorld) -> None:
    world.add_policy()
    edited = policy(maxReplicas=2, generation=2, version=2)
    world.policies.objects["uid-api"] = edited

    await world.evaluate()
    assert world.targets.scaled == []

    await world.evaluate(seconds=1.1)
    assert world.targets.scaled == []
    assert world.reason() == Reason.AT_MAXIMUM


async def test_a_pause_set_a_moment_ago_is_seen_before_the_write(world: FakeWorld) -> None:
    world.add_policy()
    world.policies.objects["uid-api"] = policy(annotations={"deadband.dev/paused": "true"}, version=2)

    await world.evaluate()
    await world.evaluate(seconds=1.1)

    assert world.targets.scaled == []
    assert world.reason() == Reason.PAUSED


async def test_a_target_that_was_deleted_meanwhile_is_told(world: FakeWorld) -> None:
    world.add_policy()
    world.targets.workloads.clear()

    await world.evaluate()

    assert world.reason() == Reason.TARGET_NOT_FOUND


async def test_leadership_lost_between_decision_and_write_writes_nothing(world: FakeWorld) -> None:
    world.add_policy()

    async def read(ref: Any) -> Any:
        world.leadership.leading = False
        return world.policies.objects[ref.uid]

    world.policies.read = read  # type: ignore[method-assign]  # the moment in question
    await world.evaluate()

    assert world.targets.scaled == []
    assert world.status().last_scale_time is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "may not patch"), Reason.ACCESS_DENIED, id="denied"),
        pytest.param(UnreachableError(Reason.ERROR, "no answer"), Reason.ERROR, id="unreachable"),
    ],
)
async def test_a_refused_write_is_a_condition_and_no_scaling(
    world: FakeWorld, error: WriteError, reason: Reason
) -> None:
    world.add_policy()
    world.targets.before_scale = [raising(error)]

    await world.evaluate()

    able = condition(world, "AbleToScale")
    assert (able.status, able.reason) == ("False", reason)
    assert world.status().scale_events == []
    assert world.events.recorded == []
    assert world.telemetry.refusals == [reason]


@pytest.mark.parametrize(
    "own_write",
    [
        pytest.param(timedelta(seconds=1), id="the workload's controller has seen it"),
        pytest.param(-timedelta(hours=1), id="the controller's last word is from before it"),
    ],
)
async def test_a_write_whose_answer_was_lost_is_remembered_when_it_shows(
    world: FakeWorld, own_write: timedelta
) -> None:
    world.add_policy(scaleUp={"anyOf": [{"metric": "load", "above": 100}], "cooldownSeconds": 600, "limits": []})

    def take_and_lose() -> None:
        world.targets.put("api", 3, version=2, ready=2, own_write=START + own_write)
        raise UnreachableError(Reason.ERROR, "no answer")

    world.targets.before_scale = [take_and_lose]
    await world.evaluate()
    world.scheduler.receive("Deployment", "MODIFIED", deployment(version=2))
    await world.evaluate(seconds=15)

    assert [(one.from_, one.to) for one in world.status().scale_events] == [(2, 3)]
    assert world.targets.scaled == []


async def test_of_two_policies_on_one_target_only_the_older_writes(world: FakeWorld) -> None:
    world.add_policy("young", target="api", created="2026-03-01T00:00:05Z")
    world.add_policy("old", target="api", created="2026-03-01T00:00:00Z", maxReplicas=5)

    await world.evaluate()

    assert world.targets.scaled == [("api", 3)]
    assert world.reason("young") == Reason.TARGET_CONTESTED
    assert "ScalingPolicy old" in condition(world, "TargetContested", "young").message
    assert ("young", EventReason.TARGET_CONTESTED) in world.events.recorded


async def test_an_invalid_policy_is_told_once_and_changes_nothing(world: FakeWorld) -> None:
    world.add_policy(minReplicas=9, maxReplicas=3)

    await world.evaluate()
    await world.evaluate(seconds=60)

    stalled = condition(world, "Stalled")
    assert (stalled.status, stalled.reason) == ("True", Reason.INVALID_SPEC)
    assert world.targets.scaled == []
    assert world.events.recorded == [("api", EventReason.INVALID_SPEC)]


async def test_a_policy_that_turns_valid_acts_at_once(world: FakeWorld) -> None:
    world.add_policy(minReplicas=9, maxReplicas=3)
    await world.evaluate()

    fixed = policy(generation=2, version=2)
    world.policies.objects["uid-api"] = fixed
    world.scheduler.receive("ScalingPolicy", "MODIFIED", fixed)
    await world.evaluate(seconds=1)

    assert world.targets.scaled == [("api", 3)]


async def test_an_unknown_source_is_a_condition_that_says_what_to_do(world: FakeWorld) -> None:
    world.add_policy(source="nowhere")

    await world.evaluate()

    available = condition(world, "MetricsAvailable")
    assert (available.status, available.reason) == ("False", Reason.SOURCE_NOT_FOUND)
    assert "MetricSource nowhere does not exist" in available.message
    assert world.targets.scaled == []


async def test_a_late_source_does_not_delay_the_policies_of_another(world: FakeWorld) -> None:
    world.add_source("slow", value=150, default=False)
    world.add_deployment("other")
    world.metrics.held["slow"] = asyncio.Event()
    world.add_policy("api")
    world.add_policy("other", source="slow")

    world.scheduler.tick()
    await until(lambda: bool(world.targets.scaled))
    assert world.targets.scaled == [("api", 3)]

    world.metrics.held["slow"].set()
    await world.finish()
    assert world.targets.scaled == [("api", 3), ("other", 3)]


async def test_a_source_that_does_not_answer_in_time_reads_timeout(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "DEADLINE_SHARE", 0.001)
    world.metrics.held["main"] = asyncio.Event()
    world.add_policy()

    await world.evaluate()

    assert world.status().metrics[0].verdict == Reason.TIMEOUT
    assert condition(world, "MetricsAvailable").status == "False"
    assert ("api", EventReason.METRICS_UNAVAILABLE) in world.events.recorded


async def test_policies_that_ask_the_same_ask_it_once(world: FakeWorld) -> None:
    for name in ("a", "b", "c"):
        world.add_deployment(name)
        world.add_policy(name)

    await world.evaluate()

    assert [len(asked) for asked in world.metrics.asked] == [1]


async def test_a_new_leader_goes_on_from_what_the_object_carries(world: FakeWorld) -> None:
    held = {"heldSince": "2026-03-02T11:59:37Z"}
    up = {"anyOf": [{"metric": "load", "above": 100}], "forSeconds": 60}
    world.scheduler.lead(Outage(START, START))
    world.add_policy(scaleUp=up, status={"scaleUp": held})

    await world.evaluate()
    assert world.reason() == Reason.WAITING_FOR_TIME

    await world.evaluate(seconds=30)
    assert world.targets.scaled == [("api", 3)]


async def test_the_time_without_a_leader_is_not_counted_as_held(world: FakeWorld) -> None:
    held = {"heldSince": "2026-03-02T11:59:07Z"}
    up = {"anyOf": [{"metric": "load", "above": 100}], "forSeconds": 60}
    world.scheduler.lead(Outage(START - timedelta(seconds=30), START))
    world.add_policy(scaleUp=up, status={"scaleUp": held})

    await world.evaluate()
    assert world.targets.scaled == []

    await world.evaluate(seconds=30)
    assert world.targets.scaled == [("api", 3)]


async def test_a_fraction_of_a_second_without_a_leader_costs_no_evaluation(world: FakeWorld) -> None:
    held = {"heldSince": "2026-03-02T11:59:07Z"}
    up = {"anyOf": [{"metric": "load", "above": 100}], "forSeconds": 60}
    world.scheduler.lead(Outage(START - timedelta(milliseconds=400), START))
    world.add_policy(scaleUp=up, status={"scaleUp": held})

    await world.evaluate()
    assert world.status().scale_up.held_since == START - timedelta(seconds=59)


async def test_without_a_lease_that_tells_no_time_counts_that_nobody_saw(world: FakeWorld) -> None:
    """Somebody deleted the Lease: how long nobody led is not known."""
    held = {"heldSince": "2026-03-02T11:00:07Z"}
    up = {"anyOf": [{"metric": "load", "above": 100}], "forSeconds": 60}
    world.add_policy(scaleUp=up, status={"scaleUp": held})

    await world.evaluate()
    assert world.targets.scaled == []
    assert world.reason() == Reason.WAITING_FOR_TIME


async def test_a_scale_that_the_last_leader_could_not_remember_is_entered(world: FakeWorld) -> None:
    world.targets.put("api", 4, version=2, own_write=START - timedelta(seconds=20))
    world.scheduler.receive("Deployment", "MODIFIED", deployment(version=2))
    world.add_policy(status={"currentReplicas": 2, "desiredReplicas": 2})

    await world.evaluate()

    first = world.status().scale_events[0]
    assert (first.from_, first.to, first.time) == (2, 4, START - timedelta(seconds=20))


async def test_only_what_the_first_look_shows_is_entered_as_the_last_leader_s(world: FakeWorld) -> None:
    world.metrics.values["main"] = Fraction(50)
    world.add_policy()
    await world.evaluate()
    world.targets.put("api", 4, version=2, own_write=START + timedelta(seconds=5))
    world.scheduler.receive("Deployment", "MODIFIED", deployment(version=2))

    await world.evaluate(seconds=15)

    assert world.status().scale_events == []


def condition(world: FakeWorld, type_: str, name: str = "api") -> Any:
    return next(one for one in world.status(name).conditions if one.type == type_)


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
