"""Room for more pods (R12): looked for when an up depends on it, and told alike for as long as it is missing."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.ports import DeniedError
from tests.engine.fakes import FakeWorld, deployment

UP = {"anyOf": [{"metric": "load", "above": 100}]}
PAUSED = {"deadband.dev/paused": "true"}


@pytest.fixture
async def world() -> FakeWorld:
    """A leader, a load that asks for more, a Deployment of 2 with one pod missing, and no room."""
    made = FakeWorld()
    made.add_source(value=250)
    made.targets.put("api", 2, ready=1)
    made.scheduler.receive("Deployment", "ADDED", deployment())
    made.capacity.short = Reason.INSUFFICIENT_CAPACITY
    made.scheduler.lead(None)
    return made


@pytest.mark.parametrize("short", [Reason.INSUFFICIENT_CAPACITY, Reason.QUOTA_EXCEEDED])
async def test_a_shortage_holds_and_is_told_alike_without_a_write_for_as_long_as_it_lasts(
    world: FakeWorld, short: Reason
) -> None:
    world.capacity.short = short
    world.add_policy()
    writer = asyncio.create_task(world.statuses.run())
    await world.evaluate()
    await world.statuses.flush()
    told = world.status()

    for _ in range(4):
        await world.evaluate(seconds=15)
        await world.statuses.flush()

        assert world.status() == told
    assert world.reason() == short
    assert world.telemetry.decided == [("api", short)] * 5
    assert world.targets.scaled == []
    assert [name for name, _ in world.policies.written] == ["api"]
    writer.cancel()
    (limited,) = [each for each in told.conditions if each.type == "ScalingLimited"]
    assert (limited.status, limited.reason) == ("True", short)


async def test_it_goes_on_when_there_is_room(world: FakeWorld) -> None:
    world.add_policy()
    await world.evaluate()
    world.capacity.short = None

    await world.evaluate(seconds=15)

    assert world.targets.scaled == [("api", 3)]


@pytest.mark.parametrize(
    ("load", "ready", "changes"),
    [
        pytest.param(50, 1, {}, id="nothing is to be done"),
        pytest.param(5, 1, {"scaleDown": {"allOf": [{"metric": "load", "below": 10}], "forSeconds": 0}}, id="a down"),
        pytest.param(250, 2, {}, id="no pod is missing"),
        pytest.param(250, 1, {"minReplicas": 4}, id="the bounds ask for it, which no shortage stops"),
        pytest.param(250, 1, {"maxReplicas": 2}, id="the maximum holds already"),
        pytest.param(250, 1, {"scaleUp": {**UP, "forSeconds": 60}}, id="it has not held for its time"),
    ],
)
async def test_it_is_looked_for_only_when_an_up_depends_on_it(
    world: FakeWorld, load: int, ready: int, changes: dict[str, Any]
) -> None:
    world.metrics.values["main"] = Fraction(load)
    world.targets.put("api", 2, ready=ready, version=2)
    world.scheduler.receive("Deployment", "MODIFIED", deployment(version=2))
    world.add_policy(**changes)

    await world.evaluate()

    assert world.capacity.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"mode": "DryRun"}, id="a dry run"),
        pytest.param({"scaleUp": {**UP, "mode": "Manual"}}, id="a proposal"),
        pytest.param({"annotations": PAUSED}, id="a pause"),
    ],
)
async def test_what_only_recommends_is_judged_as_a_write_is(world: FakeWorld, changes: dict[str, Any]) -> None:
    world.add_policy(**changes)

    await world.evaluate()

    assert world.reason() == Reason.INSUFFICIENT_CAPACITY
    assert world.status().desired_replicas == 2
    assert world.status().proposal is None


async def test_what_cannot_be_looked_for_stops_nothing_and_is_complained_of(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.capacity.short = DeniedError(Reason.ACCESS_DENIED, "the operator may not list pods in shop")
    world.add_policy()

    await world.evaluate()

    assert world.targets.scaled == [("api", 3)]
    assert "could not look for room for api: the operator may not list pods in shop" in caplog.text
