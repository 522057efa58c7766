"""The loop: who is evaluated, when, and what happens at the edges of a leadership."""

import asyncio
from typing import Any

import pytest

from deadband.api.conditions import Reason
from tests.engine.fakes import FakeWorld, policy, until


def leader() -> FakeWorld:
    world = FakeWorld()
    world.add_source()
    world.add_deployment()
    world.scheduler.lead(None)
    return world


async def test_a_follower_keeps_its_store_warm_and_evaluates_nothing() -> None:
    world = FakeWorld()
    world.add_source(value=150)
    world.add_deployment()
    world.add_policy()

    await world.evaluate(seconds=30)

    assert list(world.store.policies) == ["uid-api"]
    assert world.telemetry.decided == []


async def test_a_new_leader_evaluates_every_policy_at_once() -> None:
    world = FakeWorld()
    world.add_source()
    world.add_deployment()
    world.add_policy()

    world.scheduler.lead(None)
    await world.evaluate()

    assert world.telemetry.decided == [("api", Reason.WITHIN_BAND)]


async def test_a_leader_that_lost_the_lease_starts_nothing_more() -> None:
    world = leader()
    world.add_policy()
    world.leadership.leading = False

    await world.evaluate()

    assert world.metrics.asked == []
    assert world.telemetry.decided == []


async def test_a_leadership_that_ended_leaves_no_series_and_no_memory() -> None:
    world = leader()
    world.add_policy()
    await world.evaluate()

    world.scheduler.follow()
    await world.evaluate(seconds=60)

    assert world.telemetry.forgotten == ["api"]
    assert len(world.telemetry.decided) == 1
    assert all(record.memory is None for record in world.store.policies.values())


async def test_a_policy_still_under_way_when_it_is_due_again_is_left_out_and_counted() -> None:
    world = leader()
    world.metrics.held["main"] = asyncio.Event()
    world.add_policy(intervalSeconds=15)
    world.scheduler.tick()
    await asyncio.sleep(0)

    world.clock.seconds += 15
    world.scheduler.tick()
    await asyncio.sleep(0)
    world.metrics.held["main"].set()
    await world.finish()

    assert world.telemetry.left_out == 1
    assert len(world.telemetry.decided) == 1


async def test_a_policy_edited_while_it_is_gathered_is_decided_by_its_new_spec_only() -> None:
    world = leader()
    world.metrics.held["main"] = asyncio.Event()
    world.add_policy()
    world.scheduler.tick()
    await asyncio.sleep(0)
    edited = policy(minReplicas=3, generation=2, version=2)
    world.policies.objects["uid-api"] = edited
    world.scheduler.receive("ScalingPolicy", "MODIFIED", edited)

    world.metrics.held["main"].set()
    await world.finish()
    assert world.telemetry.decided == []

    await world.evaluate(seconds=1.1)
    assert world.targets.scaled == [("api", 3)]


async def test_an_edit_that_came_due_while_the_policy_was_under_way_is_not_forgotten() -> None:
    world = leader()
    world.metrics.held["main"] = asyncio.Event()
    world.add_policy(intervalSeconds=300)
    world.scheduler.tick()
    await asyncio.sleep(0)
    edited = policy(minReplicas=3, intervalSeconds=300, generation=2, version=2)
    world.policies.objects["uid-api"] = edited
    world.scheduler.receive("ScalingPolicy", "MODIFIED", edited)
    world.clock.seconds += 1.1
    world.scheduler.tick()

    world.metrics.held["main"].set()
    await world.finish()
    await world.evaluate(seconds=1.1)

    assert world.targets.scaled == [("api", 3)]


async def test_a_defect_that_one_policy_shows_stays_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = leader()
    for name in ("a", "api", "b"):
        world.add_deployment(name)
        world.add_policy(name)
    inputs = world.evaluation.inputs

    def failing(record: Any, *args: Any, **kwargs: Any) -> Any:
        if record.ref.name == "api":
            raise ZeroDivisionError
        return inputs(record, *args, **kwargs)

    monkeypatch.setattr(world.evaluation, "inputs", failing)
    await world.evaluate()
    await world.evaluate(seconds=15)

    assert [name for name, _ in world.telemetry.decided].count("a") == 2
    assert [name for name, _ in world.telemetry.decided].count("b") == 2
    assert "the evaluation of api failed" in caplog.text


async def test_a_deleted_policy_disappears_from_the_own_metrics() -> None:
    world = leader()
    obj = world.add_policy()
    await world.evaluate()

    world.scheduler.receive("ScalingPolicy", "DELETED", obj)

    assert world.telemetry.forgotten == ["api"]


async def test_evaluations_happen_at_whole_seconds_however_late_the_loop_wakes() -> None:
    world = leader()
    world.add_policy()

    await world.evaluate(seconds=0.37)

    assert world.status().metrics[0].since.microsecond == 0


async def test_the_loop_tells_whoever_asks_the_sources_of_them() -> None:
    world = leader()

    await world.evaluate()

    assert list(world.metrics.sources) == ["main"]


async def test_stopping_finishes_the_write_under_way_and_abandons_the_gathering() -> None:
    world = leader()
    writer = asyncio.create_task(world.statuses.run())
    world.add_source("slow", default=False)
    world.metrics.held["slow"] = asyncio.Event()
    world.metrics.values["main"] += 100
    world.add_deployment("waiting")
    world.add_policy("waiting", source="slow")
    world.add_policy("api")
    world.scheduler.tick()
    await until(lambda: any(task.get_name().startswith("scale for") for task in asyncio.all_tasks()))

    await world.scheduler.drain()
    writer.cancel()

    assert world.targets.scaled == [("api", 3)]
    assert [name for name, _ in world.policies.written] == ["api"]
    assert [name for name, _ in world.telemetry.decided] == ["api"]


async def test_the_standing_counts_policies_by_state() -> None:
    world = leader()
    world.add_policy("a")
    world.add_policy("b", annotations={"deadband.dev/paused": "true"})
    world.add_policy("c", minReplicas=9, maxReplicas=3)

    world.scheduler.standing()

    assert world.telemetry.standings == {"enforcing": 1, "dry-run": 0, "paused": 1, "invalid": 1}
