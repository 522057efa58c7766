"""The watchdog: when the process is well, when only a new one helps."""

import asyncio

import pytest

from deadband.engine.vigil import DeafError, Vigil
from tests.engine.fakes import FakeClock, until


class FakeWatches:
    """Four streams; `lives` tells how many live at each look, the last number for ever after."""

    expected = 4

    def __init__(self, *lives: int) -> None:
        self.lives = list(lives)

    async def alive(self) -> int:
        return self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]


def vigil(watches: FakeWatches, clock: FakeClock, beat: float | None = None) -> Vigil:
    return Vigil(watches, lambda: clock.monotonic() if beat is None else beat, lambda _: None, clock)


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
