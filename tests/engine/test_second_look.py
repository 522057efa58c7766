"""Workloads that the first look leaves in doubt are looked at again within the same evaluation, and delay no others."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction

import pytest

from deadband.core.types import Absent, Interval, Reading, Sample
from deadband.engine import gathering
from deadband.engine.gathering import Gathering
from deadband.queries.types import Answer, Answered, Key, Question, Series
from tests.engine.fakes import FakeWorld, deployment, source, until

CPU = {
    "metrics": [{"name": "cpu", "resource": {"name": "cpu"}}],
    "scaleUp": {"anyOf": [{"metric": "cpu", "above": 150}]},
    "scaleDown": {"allOf": [{"metric": "cpu", "below": 20}]},
}


class TwoLooks:
    """A source with the Deployments `calm`, beyond doubt at 50 %, and `doubtful`, one of whose two pods is measured."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.at: list[datetime] = []
        self.second_look = asyncio.Event()

    async def ask(self, questions: Sequence[Question], *, at: datetime) -> Mapping[Question, Answer]:
        self.asked += questions
        self.at.append(at)
        closely = any("ready-first" in question.promql for question in questions)
        if closely:
            await self.second_look.wait()
        return {one: Answered(tuple(_pods(at) if closely else _sums())) for one in questions}

    def update_sources(self, sources: Mapping[str, object]) -> None:
        """Take any."""


def _sums() -> list[Series]:
    return [
        _row("calm", "used", 0.5),
        _row("calm", "whole", 1),
        _row("doubtful", "doubt", 0),
    ]


def _pods(at: datetime) -> list[Series]:
    now = at.timestamp()
    # Of `calm` the source still knows one pod alone, however many there are by now.
    rows = [_row("calm", "pod", 1, pod="a"), _row("calm", "ready-first", now - 500, pod="a")]
    rows.append(_row("calm", "request", 1, pod="a", container="app"))
    for span, age in ((0, 5), (120, 125)):
        rows.append(_row("calm", f"time{span}", now - age, pod="a", container="app"))
        rows.append(_row("calm", f"value{span}", 1000 - 0.5 * age, pod="a", container="app"))
    rows += [_row("doubtful", "pod", 1, pod=pod) for pod in "ab"]
    rows += [_row("doubtful", "ready-first", now - 500, pod=pod) for pod in "ab"]
    rows += [_row("doubtful", "request", 1, pod=pod, container="app") for pod in "ab"]
    for span, age in ((0, 5), (120, 125)):
        rows.append(_row("doubtful", f"time{span}", now - age, pod="a", container="app"))
        rows.append(_row("doubtful", f"value{span}", 1000 - 0.6 * age, pod="a", container="app"))
    return rows


def _row(workload: str, part: str, value: float, **labels: str) -> Series:
    return Series({"namespace": "shop", "workload": workload, "part": part, **labels}, Fraction(str(value)))


class Round:
    """One gathering for both policies; what has been yielded so far is in `readings`."""

    def __init__(self) -> None:
        self.source = TwoLooks()
        self.world = FakeWorld(metrics=self.source)
        self.readings: dict[str, Reading] = {}

    def start(self, **replicas: int) -> "asyncio.Task[None]":
        """Begin, with two replicas of each Deployment unless told otherwise."""
        self.world.scheduler.receive("MetricSource", "ADDED", source())
        for name in ("calm", "doubtful"):
            self.world.add_deployment(name, replicas.get(name, 2))
            self.world.add_policy(name, **CPU)
        return asyncio.create_task(self.gather())

    async def gather(self) -> None:
        world = self.world
        self.gatherer = Gathering(world.store, world.metrics, world.tenants, world.sightings)
        await self.gather_again(self.gatherer)

    async def gather_again(self, gatherer: Gathering) -> None:
        """Gather for both policies once more."""
        world = self.world
        async for some in gatherer.gather(list(world.store.policies.values()), now=world.clock.now()):
            for uid in some.uids:
                self.readings[uid.removeprefix("uid-")] = some.readings[Key(uid, "cpu")]


@pytest.fixture
async def looking() -> Round:
    return Round()


async def test_a_workload_beyond_doubt_does_not_wait_for_one_in_doubt(looking: Round) -> None:
    task = looking.start()

    await until(lambda: "calm" in looking.readings)

    assert looking.readings == {"calm": Sample(Fraction(50))}
    task.cancel()


async def test_a_workload_in_doubt_is_read_pod_by_pod_as_of_the_same_instant(looking: Round) -> None:
    looking.source.second_look.set()

    await looking.start()

    reading = looking.readings["doubtful"]
    assert isinstance(reading, Interval)
    assert (reading.low, reading.high, reading.pods, reading.measured) == (30, 105, 2, 1)
    assert len(set(looking.source.at)) == 1
    assert ["calm" in question.promql for question in looking.source.asked] == [True, False]


async def test_a_target_at_zero_reads_empty_without_a_second_look(looking: Round) -> None:
    await looking.start(doubtful=0)

    reading = looking.readings["doubtful"]
    assert isinstance(reading, Absent)
    assert reading.reason == "Empty"
    assert len(looking.source.asked) == 1


async def test_a_database_is_looked_at_while_the_target_that_it_scales_is_at_zero(looking: Round) -> None:
    world = looking.world
    looking.source.second_look.set()
    world.scheduler.receive("MetricSource", "ADDED", source())
    world.add_deployment("shop", 0)
    database = {"system": "PostgreSQL", "instance": "doubtful", "measure": "Cpu"}
    world.add_policy("shop", **{**CPU, "metrics": [{"name": "cpu", "database": database}]})

    await looking.gather()

    assert isinstance(looking.readings["shop"], Interval)


async def test_a_second_look_that_is_late_reads_timeout(looking: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "DEADLINE_SHARE", 0.01)

    await looking.start()

    reading = looking.readings["doubtful"]
    assert isinstance(reading, Absent)
    assert reading.reason == "Timeout"


async def test_a_target_that_had_other_pods_lately_is_read_pod_by_pod(looking: Round) -> None:
    world = looking.world
    looking.source.second_look.set()
    await looking.start()
    gatherer = looking.gatherer
    counted = []
    # (seconds that pass, replicas and ready pods at their end)
    for version, (seconds, replicas, ready) in enumerate(
        ((15, 2, 2), (15, 4, 2), (15, 4, 4), (194, 4, 4), (2, 4, 4)), start=2
    ):
        world.clock.seconds += seconds
        world.targets.put("calm", replicas, version, ready=ready)
        world.scheduler.receive("Deployment", "MODIFIED", deployment("calm", version=version))
        await looking.gather_again(gatherer)
        reading = looking.readings["calm"]
        assert isinstance(reading, Sample)
        assert reading.value == 50
        counted.append(reading.pods)

    # Looked at pod by pod, the reading knows of how many pods it speaks; else the target says how many there are.
    assert counted == [None, 1, 1, 1, None]
