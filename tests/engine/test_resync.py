"""The LIST that repairs the store, and the beginning of a term that waits for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.engine.ghosts import DoubtingPolicies
from deadband.engine.resync import Resync
from deadband.engine.store import KINDS
from deadband.engine.term import Term
from deadband.ports import DeniedError, GoneError, ObjectRef, ScaledObject, UnreachableError, WriteError
from tests.engine.fakes import FakeWorld, deployment, policy, scaled_object, source, until


class FakeLists:
    """What the API server holds; `trouble` makes the next lists fail."""

    def __init__(self) -> None:
        self.policies: list[Mapping[str, Any]] = []
        self.sources: list[Mapping[str, Any]] = [source()]
        self.workloads: list[Mapping[str, Any]] = [deployment()]
        self.autoscalers: list[Mapping[str, Any]] = []
        self.scaled_objects: list[ScaledObject] | WriteError = []
        self.trouble = 0
        self.listed: list[str] = []

    async def pages(self, kind: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        if kind == "ScalingPolicy" and self.trouble:
            self.trouble -= 1
            raise UnreachableError(Reason.ERROR, "no answer")
        held = {
            "ScalingPolicy": self.policies,
            "MetricSource": self.sources,
            "Deployment": self.workloads,
            "HorizontalPodAutoscaler": self.autoscalers,
        }
        self.listed.append(kind)
        for obj in held.get(kind, []):
            await asyncio.sleep(0)
            yield [obj]

    async def list_scaled_objects(self) -> Sequence[ScaledObject]:
        if isinstance(self.scaled_objects, WriteError):
            raise self.scaled_objects
        return self.scaled_objects


def wired() -> tuple[FakeWorld, FakeLists, Resync]:
    world = FakeWorld()
    world.targets.put("api", 2)
    lists = FakeLists()
    return world, lists, Resync(world.store, lists, world.scheduler.take, world.clock)


async def test_one_list_of_each_kind_completes_the_store() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]

    assert resync.synced is False
    await resync.once()

    assert resync.synced is True
    assert (len(world.store.policies), len(world.store.sources), len(world.store.scalables.workloads)) == (1, 1, 1)


async def test_a_deletion_that_no_watch_told_stops_the_policy() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    await resync.once()
    world.scheduler.lead(None)
    await world.evaluate()

    lists.policies = []
    await resync.once()
    await world.evaluate(seconds=60)

    assert world.store.policies == {}
    assert len(world.telemetry.decided) == 1


async def test_a_change_that_no_watch_told_is_evaluated() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    await resync.once()
    world.scheduler.lead(None)
    await world.evaluate()

    lists.policies = [policy(minReplicas=3, generation=2, version=2)]
    world.policies.objects["uid-api"] = dict(lists.policies[0])
    await resync.once()
    await world.evaluate(seconds=1.1)

    assert world.targets.scaled == [("api", 3)]


async def test_a_policy_made_while_the_list_was_on_its_way_stays() -> None:
    world, lists, resync = wired()

    async def late(kind: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        if kind == "ScalingPolicy":
            world.scheduler.receive("ScalingPolicy", "ADDED", policy("young"))
        yield []

    lists.pages = late  # type: ignore[method-assign]  # the moment in question
    await resync.once()

    assert list(world.store.policies) == ["uid-young"]


@pytest.mark.parametrize(
    ("doubtful", "after"),
    [
        pytest.param(True, 10.0, id="soon, when a call found gone what the store holds"),
        pytest.param(False, 300.0, id="after five minutes, when nothing is amiss"),
    ],
)
async def test_the_next_list_comes(doubtful: bool, after: float) -> None:
    world, lists, resync = wired()
    listed: list[float] = []

    async def told(kind: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        if kind == "ScalingPolicy":
            listed.append(world.clock.seconds)
        yield []

    lists.pages = told  # type: ignore[method-assign]  # the moment in question
    running = asyncio.create_task(resync.run())
    await until(lambda: len(listed) == 1)
    if doubtful:
        resync.doubt()
    await until(lambda: len(listed) == 2)
    running.cancel()

    assert listed[1] - listed[0] == after


async def test_a_policy_that_a_call_finds_gone_is_doubted() -> None:
    world, _, _ = wired()
    doubts: list[str] = []
    policies = DoubtingPolicies(world.policies, lambda: doubts.append("once more"))
    world.policies.objects["uid-api"] = policy()
    here, gone = (ObjectRef("ScalingPolicy", "shop", name, f"uid-{name}") for name in ("api", "ghost"))

    await policies.read(here)
    await policies.write_status(here, {})
    assert doubts == []

    with pytest.raises(GoneError):
        await policies.read(gone)
    world.policies.failing = GoneError(Reason.TARGET_NOT_FOUND, "gone")
    with pytest.raises(GoneError):
        await policies.write_status(gone, {})
    assert len(doubts) == 2


async def test_an_object_that_shows_a_defect_does_not_keep_the_others_out(caplog: pytest.LogCaptureFixture) -> None:
    world, lists, resync = wired()
    lists.workloads = [deployment("unheard-of"), deployment()]

    await resync.once()

    assert resync.synced
    assert [key.name for key in world.store.scalables.workloads] == ["api"]
    assert "a Deployment cannot be taken in" in caplog.text


async def test_scaled_objects_are_known_before_anything_is_evaluated_and_again_every_minute() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    lists.scaled_objects = [scaled_object()]
    await resync.once()
    record = world.store.policies["uid-api"]
    assert world.store.contester(record) == "ScaledObject keda-web"

    lists.scaled_objects = []
    looking = asyncio.create_task(resync.run_for_scaled_objects())
    started = world.clock.monotonic()
    await until(lambda: world.store.contester(record) is None)
    looking.cancel()

    assert world.clock.monotonic() - started <= 120


@pytest.mark.parametrize(
    ("trouble", "contester"),
    [
        pytest.param(UnreachableError(Reason.ERROR, "no answer"), "ScaledObject keda-web", id="no answer"),
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "no right"), None, id="what may not be seen any more is gone"),
    ],
)
async def test_trouble_with_keda_keeps_nothing_from_going_on(
    trouble: WriteError, contester: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    lists.scaled_objects = [scaled_object()]
    await resync.once()

    lists.scaled_objects = trouble
    await resync.once()

    assert world.store.contester(world.store.policies["uid-api"]) == contester
    assert "ScaledObjects cannot be listed" in caplog.text


async def test_a_term_begins_when_the_store_is_complete_and_not_before() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    lists.trouble = 2
    term = Term(world.scheduler, resync, world.clock)

    term.begin(None)
    await world.evaluate()
    assert world.telemetry.decided == []

    await until(lambda: not any(task.get_name() == "begin the term" for task in asyncio.all_tasks()))
    await world.evaluate()
    assert [name for name, _ in world.telemetry.decided] == ["api"]


async def test_a_list_for_a_term_that_has_just_begun_is_not_repeated_until_it_is_due() -> None:
    world, lists, resync = wired()
    repairing = asyncio.create_task(resync.run())
    await resync.once()
    started = world.clock.monotonic()
    assert lists.listed.count("ScalingPolicy") == 1

    await until(lambda: lists.listed.count("ScalingPolicy") == 2)
    repairing.cancel()

    assert world.clock.monotonic() - started >= 299


async def test_two_lists_are_never_under_way_at_once() -> None:
    _, lists, resync = wired()
    lists.policies = [policy("a"), policy("b")]

    await asyncio.gather(resync.once(), resync.once())

    assert lists.listed == [*KINDS, *KINDS]


async def test_a_term_that_ends_before_it_began_never_evaluates() -> None:
    world, lists, resync = wired()
    lists.policies = [policy()]
    term = Term(world.scheduler, resync, world.clock)

    term.begin(None)
    term.end()
    await asyncio.sleep(0)
    await world.evaluate(seconds=60)

    assert world.telemetry.decided == []
