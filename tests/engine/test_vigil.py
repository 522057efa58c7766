"""The watchdog: when the process is well, when only a new one helps."""

import asyncio

import pytest

from deadband.api.conditions import Reason
from deadband.engine.vigil import LOOK_EVERY_SECONDS, PATIENCE_SECONDS, DeafError, Vigil
from deadband.ports import DeniedError, GoneError, UnreachableError, WriteError
from tests.engine.fakes import FakeClock, until


class FakeWatches:
    """Four streams; `lives` tells how many live at each look, the last number for ever after."""

    expected = 4

    def __init__(self, *lives: int) -> None:
        self.lives = list(lives)

    async def alive(self) -> int:
        return self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]


class FakeServer:
    """An API server that fails a number of calls and answers the others, or refuses them."""

    def __init__(self, failing: int = 0, refusal: WriteError | None = None) -> None:
        self.failing = failing
        self.refusal = refusal
        self.called = 0

    async def call(self) -> None:
        self.called += 1
        if self.called <= self.failing:
            raise UnreachableError(Reason.ERROR, "no connection")
        if self.refusal is not None:
            raise self.refusal


def vigil(watches: FakeWatches, clock: FakeClock, beat: float | None = None, server: FakeServer | None = None) -> Vigil:
    call = (server or FakeServer()).call
    return Vigil(watches, call, lambda: clock.monotonic() if beat is None else beat, lambda _: None, clock)


@pytest.mark.parametrize(
    "lives",
    [
        pytest.param((4, 3), id="one stream ends"),
        pytest.param((0,), id="no stream ever begins"),
        pytest.param((4, 0), id="Kopf ends"),
    ],
)
async def test_a_watch_that_is_gone_for_thirty_seconds_ends_the_process(lives: tuple[int, ...]) -> None:
    clock = FakeClock()

    with pytest.raises(DeafError):
        await vigil(FakeWatches(*lives), clock).watch()

    assert 30 <= clock.seconds - 1000.0 <= 60


async def test_while_the_api_server_is_away_no_process_ends_and_each_is_well() -> None:
    """A new process could not watch either, and all replicas would end together."""
    clock, server = FakeClock(), FakeServer(failing=60)
    looked_after = vigil(FakeWatches(4, 0), clock, server=server)
    pulse = asyncio.create_task(looked_after.pulse())
    watching = asyncio.create_task(looked_after.watch())

    await until(lambda: server.called == 59)

    assert not watching.done()
    assert looked_after.faults() == []
    pulse.cancel()
    watching.cancel()


async def test_a_watch_that_does_not_come_back_with_the_api_server_ends_the_process() -> None:
    clock, server = FakeClock(), FakeServer(failing=60)

    with pytest.raises(DeafError):
        await vigil(FakeWatches(4, 0), clock, server=server).watch()

    assert server.called == 60 + PATIENCE_SECONDS // LOOK_EVERY_SECONDS


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "no right"), id="a right is missing"),
        pytest.param(GoneError(Reason.TARGET_NOT_FOUND, "no such kind"), id="the CRDs are gone"),
    ],
)
async def test_a_refusal_is_an_answer(refusal: WriteError) -> None:
    with pytest.raises(DeafError):
        await vigil(FakeWatches(4, 3), FakeClock(), server=FakeServer(refusal=refusal)).watch()


async def test_nobody_is_called_while_every_watch_is_alive() -> None:
    clock, server = FakeClock(), FakeServer()
    watching = asyncio.create_task(vigil(FakeWatches(4), clock, server=server).watch())

    await until(lambda: clock.seconds >= 1200)

    assert server.called == 0
    watching.cancel()


async def test_a_watch_that_comes_back_in_time_is_forgiven() -> None:
    clock = FakeClock()
    watching = asyncio.create_task(vigil(FakeWatches(4, 3, 3, 4, 3, 4, 4), clock).watch())

    await until(lambda: clock.seconds >= 1200)

    assert not watching.done()
    watching.cancel()


async def test_a_process_that_does_its_work_is_well() -> None:
    assert vigil(FakeWatches(4), FakeClock()).faults() == []


async def test_a_process_that_still_waits_for_its_crds_is_well() -> None:
    clock = FakeClock()
    looked_after = vigil(FakeWatches(0), clock, beat=1000.0)

    clock.seconds += 50

    assert looked_after.faults() == []


async def test_a_scheduler_that_stands_still_is_a_fault() -> None:
    clock = FakeClock()
    looked_after = vigil(FakeWatches(4), clock, beat=1000.0)
    pulse = asyncio.create_task(looked_after.pulse())

    await until(lambda: clock.seconds >= 1015)

    assert any("scheduler" in fault for fault in looked_after.faults())
    pulse.cancel()


async def test_a_loop_that_stands_still_is_a_fault_until_it_turns_again() -> None:
    clock = FakeClock()
    looked_after = vigil(FakeWatches(4), clock)
    pulse = asyncio.create_task(looked_after.pulse())
    await asyncio.sleep(0)
    clock.seconds += 15
    assert any("event loop" in fault for fault in looked_after.faults())

    await until(lambda: not looked_after.faults())
    pulse.cancel()
