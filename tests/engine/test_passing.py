"""Evaluations inside the band: counted and shown at once, put into words only when somebody is to read them."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.engine import turn
from deadband.ports import UnreachableError
from tests.engine.fakes import FakeWorld, deployment


@pytest.fixture
async def world() -> FakeWorld:
    """A leader with one policy on a Deployment of 2, up above 100, down below 10; its source reads 50."""
    made = FakeWorld()
    made.add_source(value=50)
    made.add_deployment()
    made.add_policy()
    made.scheduler.lead(None)
    return made


async def read(world: FakeWorld, *values: Fraction | int) -> None:
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


async def test_figures_that_move_by_less_than_is_shown_are_not_put_into_words(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read(world, 50)
    await write(world)
    composed: list[object] = []
    words = turn.next_status
    monkeypatch.setattr(turn, "next_status", lambda *given: composed.append(given) or words(*given))

    await read(world, Fraction(501, 10), Fraction(499, 10), Fraction(5000001, 100000))

    assert await write(world) == []
    assert composed == []


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


async def an_hour(world: FakeWorld, value: int) -> list[str]:
    """What is written while one value is read for an hour."""
    sentences = []
    for _ in range(240):
        await read(world, value)
        sentences += await write(world)
    return sentences


async def test_figures_decided_in_full_soon_after_a_write_are_written_though_they_stand_still(world: FakeWorld) -> None:
    await read(world, 50)
    assert await write(world)
    world.targets.put("api", 2, 5, ready=1)
    obj = deployment("api")
    obj["metadata"]["resourceVersion"] = "5"
    world.scheduler.receive("Deployment", "MODIFIED", obj)
    await read(world, 60)
    assert await write(world) == []
    assert await an_hour(world, 60) == ["Holding at 2: load 60 is not above 100 and not below 10."]


async def test_figures_whose_write_failed_are_written_though_they_stand_still(world: FakeWorld) -> None:
    await read(world, 50)
    assert await write(world)
    world.policies.failing = UnreachableError(Reason.ERROR, "no answer")
    await read(world, 60, 60)
    assert await write(world) == []
    world.policies.failing = None
    assert await an_hour(world, 60) == ["Holding at 2: load 60 is not above 100 and not below 10."]


async def test_a_defect_that_one_policy_shows_in_its_words_stays_with_it(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read(world, 50)
    await write(world)

    def failing(_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(turn, "decide", failing)
    await read(world, 60, 60)
    task = asyncio.create_task(world.statuses.run())
    await world.statuses.flush()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


async def test_a_policy_that_turns_invalid_shows_what_was_read_last(world: FakeWorld) -> None:
    await read(world, 50)
    await write(world)
    await read(world, 90)
    obj = world.policies.objects["uid-api"]
    obj["metadata"] |= {"generation": 2, "resourceVersion": "2"}
    obj["spec"]["minReplicas"] = 99
    world.scheduler.receive("ScalingPolicy", "MODIFIED", obj)
    await world.evaluate(seconds=5)
    assert world.reason() == "InvalidSpec"
    assert world.status().metrics_summary == "load 90 <10 >100"


async def test_figures_come_30_s_after_a_meaning_whose_write_took_long(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asyncio.Event()
    taken = world.policies.write_status

    async def slowly(*given: Any) -> None:
        await held.wait()
        await taken(*given)

    monkeypatch.setattr(world.policies, "write_status", slowly)
    task = asyncio.create_task(world.statuses.run())
    await read(world, 50)
    for _ in range(5):
        await asyncio.sleep(0)
    await read(world, 51)
    held.set()
    await world.statuses.flush()
    task.cancel()
    assert len(world.policies.written) == 1
