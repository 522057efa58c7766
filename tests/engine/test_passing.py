"""Evaluations inside the band: counted and shown at once, put into words only when somebody is to read them."""

import asyncio
from fractions import Fraction

import pytest

from deadband.api.conditions import Reason
from deadband.ports import UnreachableError
from tests.engine.fakes import FakeWorld


@pytest.fixture
async def world() -> FakeWorld:
    """A leader with one policy on a Deployment of 2, up above 100, down below 10; its source reads 50."""
    made = FakeWorld()
    made.add_source(value=50)
    made.add_deployment()
    made.add_policy()
    made.scheduler.lead(None)
    return made


async def read(world: FakeWorld, *values: int) -> None:
    """Evaluate every 15 s, and write nothing."""
    for value in values:
        world.metrics.values["main"] = Fraction(value)
        await world.evaluate(seconds=15)


async def write(world: FakeWorld) -> list[str]:
    """Write what is queued; returns the sentences."""
    world.policies.written.clear()
    task = asyncio.create_task(world.statuses.run())
    await world.statuses.flush()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [status["decision"]["sentence"] for _, status in world.policies.written]


async def test_figures_are_written_every_30_s(world: FakeWorld) -> None:
    written = []
    for value in (50, 51, 52, 53, 54):
        await read(world, value)
        written.append(await write(world))

    assert [bool(sentences) for sentences in written] == [True, False, True, False, True]
    assert written[2] == ["Holding at 2: load 52 is not above 100 and not below 10."]


async def test_figures_that_waited_are_those_of_the_last_evaluation(world: FakeWorld) -> None:
    await read(world, 50)
    await write(world)

    await read(world, 51, 52, 53, 54)

    assert await write(world) == ["Holding at 2: load 54 is not above 100 and not below 10."]


async def test_figures_that_stay_are_not_written_again(world: FakeWorld) -> None:
    await read(world, 50)
    await write(world)

    await read(world, 50, 50, 50, 50)

    assert await write(world) == []


async def test_figures_that_went_back_are_not_written(world: FakeWorld) -> None:
    await read(world, 50)
    await write(world)

    await read(world, 51, 52, 53, 50)

    assert await write(world) == []


async def test_every_evaluation_is_counted(world: FakeWorld) -> None:
    await read(world, 50, 51, 52)

    assert world.telemetry.decided == [("api", Reason.WITHIN_BAND)] * 3


async def test_what_leaves_the_band_is_decided_at_once(world: FakeWorld) -> None:
    await read(world, 50, 51, 150)

    assert world.targets.scaled == [("api", 3)]


async def test_a_meaning_that_could_not_be_written_is_tried_at_each_evaluation_that_passes(world: FakeWorld) -> None:
    world.policies.failing = UnreachableError(Reason.ERROR, "no answer")
    await read(world, 50)
    await write(world)
    world.policies.failing = None

    await read(world, 50)

    assert await write(world) == ["Holding at 2: load 50 is not above 100 and not below 10."]


async def test_a_policy_that_is_edited_is_decided_by_its_new_spec(world: FakeWorld) -> None:
    await read(world, 50, 51)
    obj = world.policies.objects["uid-api"]
    obj["metadata"] |= {"generation": 2, "resourceVersion": "2"}
    obj["spec"]["scaleUp"] = {"anyOf": [{"metric": "load", "above": 40}]}
    world.scheduler.receive("ScalingPolicy", "MODIFIED", obj)

    await read(world, 51)

    assert world.targets.scaled == [("api", 3)]
