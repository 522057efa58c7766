"""Targets that no watch shows: read in time for the decision, and never waited for longer than the sources are."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.core.types import NoTarget, Target
from deadband.engine import gathering
from deadband.engine.records import WorkloadKey
from deadband.ports import DeniedError, GoneError, UnreachableError, WriteError
from tests.engine.fakes import START, FakeWorld, until

ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api"}


@pytest.fixture
async def world() -> FakeWorld:
    """A leader, a source that reads 150 (up above 100), and a Rollout of 2 that no watch shows."""
    made = FakeWorld()
    made.add_source(value=150)
    made.targets.put("api", 2)
    made.scheduler.lead(None)
    return made


def condition(world: FakeWorld, type_: str, name: str = "api") -> Any:
    return next(one for one in world.status(name).conditions if one.type == type_)


async def test_a_kind_that_no_watch_shows_is_scaled(world: FakeWorld) -> None:
    world.add_policy(scaleTargetRef=ROLLOUT)

    await world.evaluate()

    assert world.targets.scaled == [("api", 3)]
    assert world.status().target == "Rollout/api"


async def test_what_only_watched_kinds_need_is_not_read(world: FakeWorld) -> None:
    world.add_deployment()
    world.metrics.values["main"] = 50  # type: ignore[assignment]  # an int is a number here, too
    world.add_policy()

    await world.evaluate()

    assert world.targets.reads == 0


async def test_one_target_of_two_policies_is_read_once(world: FakeWorld) -> None:
    world.metrics.values["main"] = 50  # type: ignore[assignment]  # likewise
    world.add_policy("a", scaleTargetRef=ROLLOUT)
    world.add_policy("b", scaleTargetRef=ROLLOUT)

    await world.evaluate()

    assert world.targets.reads == 1


async def test_the_workload_of_an_hpa_may_be_such_a_kind(world: FakeWorld) -> None:
    hpa = world.autoscalers.put("web", low=2, high=10)
    hpa["spec"]["scaleTargetRef"] = ROLLOUT
    world.scheduler.receive("HorizontalPodAutoscaler", "ADDED", hpa)
    world.add_policy(scaleTargetRef={"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"})

    await world.evaluate()

    assert world.autoscalers.rewritten == [("web", 3, 10)]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(GoneError(Reason.TARGET_NOT_FOUND, "Rollout api does not exist"), id="absent"),
        pytest.param(GoneError(Reason.TARGET_NOT_SCALABLE, "has no scale subresource"), id="not scalable"),
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "may not get rollouts"), id="denied"),
    ],
)
async def test_what_cannot_be_read_stalls_the_policy_with_its_reason(world: FakeWorld, error: WriteError) -> None:
    world.targets.failing = error
    world.add_policy(scaleTargetRef=ROLLOUT)

    await world.evaluate()

    stalled = condition(world, "Stalled")
    assert (stalled.status, stalled.reason, stalled.message) == ("True", error.reason, str(error))
    assert world.reason() == error.reason


async def test_while_the_api_server_fails_what_was_seen_last_counts_for_five_minutes(world: FakeWorld) -> None:
    world.metrics.values["main"] = 50  # type: ignore[assignment]  # likewise
    world.add_policy(scaleTargetRef=ROLLOUT)
    await world.evaluate()

    world.targets.failing = UnreachableError(Reason.ERROR, "no answer")
    await world.evaluate(seconds=15)
    assert (world.reason(), world.status().current_replicas) == (Reason.WITHIN_BAND, 2)

    await world.evaluate(seconds=300)
    able = condition(world, "AbleToScale")
    assert (able.status, able.reason, able.message) == ("False", Reason.ERROR, "no answer")
    assert condition(world, "Ready").status == "True", "it may pass by itself"


async def test_what_is_remembered_of_a_target_outlives_the_time_in_which_it_cannot_be_read(world: FakeWorld) -> None:
    carried = {"currentReplicas": 2, "desiredReplicas": 2}
    world.targets.put("api", 4, version=2, own_write=START - timedelta(seconds=20))
    world.targets.failing = UnreachableError(Reason.ERROR, "no answer")
    world.add_policy(scaleTargetRef=ROLLOUT, status=carried, scaleDown=None)

    await world.evaluate()
    assert world.status().current_replicas == 2

    world.targets.failing = None
    await world.evaluate(seconds=15)
    first = world.status().scale_events[0]
    assert (first.from_, first.to) == (2, 4), "what the last leader wrote is entered as soon as the target is seen"


async def test_our_own_write_is_known_before_the_next_read_tells_it(world: FakeWorld) -> None:
    world.add_policy(scaleTargetRef=ROLLOUT, maxReplicas=3)
    await world.evaluate()
    world.targets.failing = UnreachableError(Reason.ERROR, "no answer")

    await world.evaluate(seconds=15)

    assert world.status().current_replicas == 3


def test_what_no_policy_names_any_more_is_forgotten() -> None:
    world = FakeWorld()
    scalables, key = world.store.scalables, WorkloadKey("Rollout", "shop", "api", "argoproj.io")
    scalables.sight(key, Target(replicas=2, ready=2, available=2), now=START)
    world.add_policy(scaleTargetRef=ROLLOUT)
    record = world.store.policies["uid-api"]

    scalables.forget_unnamed(now=START + timedelta(hours=1, minutes=59))
    assert isinstance(world.store.target(record), Target)

    scalables.forget_unnamed(now=START + timedelta(hours=2))
    assert isinstance(world.store.target(record), NoTarget)


async def test_a_slow_api_server_is_waited_for_no_longer_than_the_sources(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "DEADLINE_SHARE", 0.001)
    world.targets.held = asyncio.Event()
    world.add_policy(scaleTargetRef=ROLLOUT)

    await world.evaluate()
    assert condition(world, "AbleToScale").reason == Reason.TIMEOUT
    assert world.targets.scaled == []

    world.targets.held.set()  # the read that was late serves the next evaluation
    await until(lambda: not any(task.get_name().startswith("see ") for task in asyncio.all_tasks()))
    await world.evaluate(seconds=15)
    assert world.targets.scaled == [("api", 3)]


async def test_a_slow_target_does_not_delay_the_policies_of_the_same_source(world: FakeWorld) -> None:
    world.targets.held = asyncio.Event()
    world.targets.held_kinds = {"Rollout"}
    world.add_deployment("other")
    world.add_policy(scaleTargetRef=ROLLOUT)
    world.add_policy("other")

    world.scheduler.tick()
    await until(lambda: bool(world.targets.scaled))
    assert world.targets.scaled == [("other", 3)]

    world.targets.held.set()
    await world.finish()
    assert world.targets.scaled == [("other", 3), ("api", 3)]


async def test_a_defect_of_a_read_is_logged_and_keeps_nobody_waiting(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.targets.failing = ValueError("a defect")  # type: ignore[assignment]  # what no adapter should raise
    world.add_policy(scaleTargetRef=ROLLOUT)

    await world.evaluate()

    assert "the read of Rollout api failed" in caplog.text
    assert condition(world, "AbleToScale").reason == Reason.TIMEOUT


async def test_what_is_under_way_is_abandoned_at_the_end(world: FakeWorld) -> None:
    world.targets.held = asyncio.Event()
    world.add_policy(scaleTargetRef=ROLLOUT)
    world.scheduler.tick()
    await until(lambda: world.targets.reads == 1)

    world.sightings.close()
    await world.scheduler.drain()

    assert not any(task.get_name().startswith("see ") for task in asyncio.all_tasks())
