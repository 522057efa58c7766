"""The election, with time that passes when the test says so."""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadband.adapters.kube import Resource
from deadband.adapters.lease import Clock, LeaseElector, Timing
from deadband.api.conditions import Reason
from deadband.core.types import Outage
from deadband.ports import ConflictError, GoneError, UnreachableError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeTime:
    """Passes when told; `skew` is how wrong this machine's wall clock is."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []

    def clock(self, skew: float = 0) -> Clock:
        return Clock(
            now=lambda: START + timedelta(seconds=self.seconds + skew),
            monotonic=lambda: 5000 + self.seconds,
            sleep=self.sleep,
            jitter=lambda: 0.5,
        )

    async def sleep(self, seconds: float) -> None:
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((self.seconds + seconds, done))
        await done

    async def passes(self, seconds: float) -> None:
        end = self.seconds + seconds
        while due := sorted((entry for entry in self.waiting if entry[0] <= end), key=lambda entry: entry[0]):
            self.waiting.remove(due[0])
            self.seconds = max(self.seconds, due[0][0])
            if not due[0][1].done():
                due[0][1].set_result(None)
            await settle()
        self.seconds = end


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class FakeLeases:
    """The Lease as the API server keeps it; `fail` runs before a call, `lose` after one."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.writes = 0
        self.fail: Callable[[], None] = lambda: None
        self.lose: Callable[[], None] = lambda: None

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fail()
        if self.lease is None:
            raise GoneError(Reason.TARGET_NOT_FOUND, "not found")
        return copy.deepcopy(self.lease)

    async def create(self, resource: Resource, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self.put(body, must_exist=False)

    async def replace(self, resource: Resource, namespace: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self.put(body, must_exist=True)

    async def put(self, body: dict[str, Any], *, must_exist: bool) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.fail()
        if must_exist and self.lease is None:
            raise GoneError(Reason.TARGET_NOT_FOUND, "not found")
        if self.lease is not None and body["metadata"].get("resourceVersion") != str(self.version):
            raise ConflictError(Reason.ERROR, "changed")
        self.version += 1
        self.writes += 1
        self.lease = copy.deepcopy({**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}})
        self.lose()
        return copy.deepcopy(self.lease)

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        return self.lease["spec"]


class Candidate:
    """An elector that runs, and what it told."""

    def __init__(self, leases: FakeLeases, time: FakeTime, name: str, skew: float = 0) -> None:
        self.elector = LeaseElector(leases, "ops", "deadband", name, clock=time.clock(skew))
        self.told: list[Outage | str | None] = []
        self.task = asyncio.create_task(self.elector.run(self.told.append, lambda: self.told.append("stopped")))

    async def dies(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


Make = Callable[..., Awaitable[Candidate]]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def leases() -> FakeLeases:
    return FakeLeases()


@pytest.fixture
async def candidate(leases: FakeLeases, time: FakeTime) -> AsyncIterator[Make]:
    made: list[Candidate] = []

    async def make(name: str, skew: float = 0) -> Candidate:
        made.append(Candidate(leases, time, name, skew))
        await settle()
        return made[-1]

    yield make
    for each in made:
        await each.dies()


def unreachable() -> None:
    raise UnreachableError(Reason.ERROR, "no answer")


async def test_a_lease_that_never_existed_is_made_and_tells_of_no_outage(leases: FakeLeases, candidate: Make) -> None:
    first = await candidate("a")

    assert first.elector.leads()
    assert first.told == [None]
    assert leases.spec == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-03-01T12:00:00.000000Z",
        "renewTime": "2026-03-01T12:00:00.000000Z",
        "leaseTransitions": 0,
    }


async def test_a_leader_renews_and_keeps_its_term(leases: FakeLeases, time: FakeTime, candidate: Make) -> None:
    first = await candidate("a")
    await time.passes(60)

    assert first.elector.leads()
    assert first.told == [None]
    assert leases.spec["renewTime"] == "2026-03-01T12:01:00.000000Z"
    assert leases.spec["acquireTime"] == "2026-03-01T12:00:00.000000Z"
    assert leases.spec["leaseTransitions"] == 0


@pytest.mark.parametrize("skew", [0, 3600, -3600])
async def test_a_follower_waits_whatever_its_wall_clock_says(
    leases: FakeLeases, time: FakeTime, candidate: Make, skew: float
) -> None:
    first = await candidate("a")
    second = await candidate("b", skew)
    await time.passes(120)

    assert first.elector.leads()
    assert not second.elector.leads()
    assert second.told == []
    assert second.elector.holder == "a"
    assert leases.spec["leaseTransitions"] == 0


async def test_a_release_lets_another_take_over_at_its_next_attempt(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    second = await candidate("b")
    await time.passes(31)
    await first.elector.release()

    assert not first.elector.leads()
    assert leases.spec["holderIdentity"] == ""
    await time.passes(4.4)  # the longest a follower sleeps
    assert second.elector.leads()
    (gap,) = second.told
    assert gap.start == START + timedelta(seconds=31)
    assert gap.length <= timedelta(seconds=4.4)
    assert (second.elector.transitions, leases.spec["leaseTransitions"]) == (1, 1)
    assert first.told == [None]


@pytest.mark.parametrize("skew", [0, 3600, -3600])
async def test_a_silent_death_is_waited_for_in_our_own_time(
    leases: FakeLeases, time: FakeTime, candidate: Make, skew: float
) -> None:
    first = await candidate("a")
    second = await candidate("b", skew)
    await time.passes(20)
    await first.dies()
    last = time.seconds

    await time.passes(14.9)
    assert not second.elector.leads()
    await time.passes(6)
    assert second.elector.leads()
    (gap,) = second.told
    assert gap.start == START + timedelta(seconds=last)


async def test_of_two_that_wait_one_takes_over(leases: FakeLeases, time: FakeTime, candidate: Make) -> None:
    first = await candidate("a")
    others = [await candidate("b"), await candidate("c")]
    await first.elector.release()
    await first.dies()
    await time.passes(60)

    assert [each.elector.leads() for each in others].count(True) == 1
    assert leases.spec["leaseTransitions"] == 1


async def test_a_leader_that_cannot_renew_stops_at_its_deadline_and_others_start_after_it(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    await time.passes(20)
    leases.fail = unreachable

    await time.passes(9.9)
    assert first.elector.leads()
    assert first.told == [None]
    await time.passes(0.1)
    assert not first.elector.leads()
    assert first.told == [None, "stopped"]


async def test_a_leader_that_comes_back_knows_how_long_nobody_led(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    await time.passes(20)
    leases.fail = unreachable
    await time.passes(40)
    leases.fail = lambda: None
    await time.passes(4.4)

    assert first.elector.leads()
    assert first.told[:2] == [None, "stopped"]
    assert first.told[2].start == START + timedelta(seconds=20)
    assert len(first.told) == 3


async def test_a_process_that_was_stopped_does_not_write_when_it_wakes_up(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    await time.passes(20)
    time.seconds += 10  # nothing ran meanwhile

    assert not first.elector.leads()


async def test_a_leader_that_finds_another_holder_stops_at_once(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    leases.version += 1
    leases.lease["metadata"]["resourceVersion"] = str(leases.version)
    leases.spec["holderIdentity"] = "thief"
    await time.passes(4)

    assert not first.elector.leads()
    assert first.told == [None, "stopped"]


async def test_a_deleted_lease_is_made_again(leases: FakeLeases, time: FakeTime, candidate: Make) -> None:
    first = await candidate("a")
    leases.lease = None
    await time.passes(6)

    assert first.elector.leads()
    assert first.told == [None]
    assert leases.spec["holderIdentity"] == "a"


def times(count: int, then: Callable[[], None]) -> Callable[[], None]:
    def steps() -> Iterator[bool]:
        yield from (True for _ in range(count))
        while True:
            yield False

    left = steps()
    return lambda: then() if next(left) else None


async def test_a_renewal_whose_answer_is_lost_does_not_end_the_term(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    leases.lose = times(1, unreachable)
    await time.passes(30)

    assert first.elector.leads()
    assert first.told == [None]
    assert leases.spec["leaseTransitions"] == 0


async def test_a_takeover_whose_answer_is_lost_still_knows_the_outage(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    await time.passes(20)
    await first.dies()
    second = await candidate("b")
    leases.lose = times(1, unreachable)
    await time.passes(30)

    assert second.elector.leads()
    (gap,) = second.told
    assert gap.start == START + timedelta(seconds=20)
    assert leases.spec["leaseTransitions"] == 1


async def test_nobody_gives_up_what_another_holds(leases: FakeLeases, time: FakeTime, candidate: Make) -> None:
    await candidate("a")
    second = await candidate("b")
    writes = leases.writes
    await second.elector.release()

    assert leases.writes == writes
    assert leases.spec["holderIdentity"] == "a"


async def test_a_release_that_fails_is_final(leases: FakeLeases, time: FakeTime, candidate: Make) -> None:
    first = await candidate("a")
    leases.fail = unreachable
    await first.elector.release()
    leases.fail = lambda: None
    await time.passes(10)

    assert not first.elector.leads()
    assert first.task.done()
    assert leases.spec["holderIdentity"] == "a"  # it expires


async def test_a_release_in_the_middle_of_a_renewal_gives_up_what_was_renewed(
    leases: FakeLeases, time: FakeTime, candidate: Make
) -> None:
    first = await candidate("a")
    halfway, go_on = asyncio.Event(), asyncio.Event()
    put = leases.put

    async def slow(body: dict[str, Any], *, must_exist: bool) -> dict[str, Any]:
        halfway.set()
        await go_on.wait()
        return await put(body, must_exist=must_exist)

    leases.put = slow
    passing = asyncio.create_task(time.passes(2))
    await halfway.wait()
    releasing = asyncio.create_task(first.elector.release())
    await settle()
    assert not first.elector.leads()
    go_on.set()
    await asyncio.gather(passing, releasing)

    assert not first.elector.leads()
    assert leases.spec["holderIdentity"] == ""


async def test_what_is_started_may_be_awaited(leases: FakeLeases, time: FakeTime) -> None:
    told: list[str] = []

    async def started(_: Outage | None) -> None:
        told.append("started")

    async def stopped() -> None:
        told.append("stopped")

    elector = LeaseElector(leases, "ops", "deadband", "a", clock=time.clock())
    async with running(elector.run(started, stopped)):
        leases.fail = unreachable
        await time.passes(20)

    assert told == ["started", "stopped"]


@asynccontextmanager
async def running(what: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(what)
    await settle()
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("duration", "deadline", "retry"),
    [
        pytest.param(10, 10, 2, id="the others start when we stop, at best"),
        pytest.param(15, 2, 2, id="no time for a second attempt"),
        pytest.param(15, 10, 0, id="a busy loop"),
    ],
)
def test_unsafe_timings_are_refused(duration: float, deadline: float, retry: float) -> None:
    with pytest.raises(ValueError, match="duration > renew deadline > retry"):
        Timing(duration, deadline, retry)
