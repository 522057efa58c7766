"""When a status goes to the API server: meaning at once, figures every 30 s, nothing twice."""

from datetime import timedelta
from itertools import pairwise

from deadband.engine.turn import Memory
from tests.core.builders import T0, World, spec, up


def test_meaning_is_written_at_once_figures_at_most_every_30_s_and_nothing_twice() -> None:
    world, memory, writes = World(spec(), 3), Memory.of(None), []
    for second, cpu in enumerate([50, 50, 51, 52, 53, 99, 50]):
        now = world.now
        world.step({"cpu": cpu})
        if memory.settle(world.status, now=now):
            memory.wrote(world.status)
            writes.append(second * 15)

    # 0: never written; 30: 51 %, 30 s after; 60: 53 %, again; 75: a scaling; 90: the band again.
    assert writes == [0, 30, 60, 75, 90]


def test_a_status_that_was_not_taken_stays_due() -> None:
    world, memory = World(spec(), 3), Memory.of(None)
    world.step({"cpu": 50})

    assert memory.settle(world.status, now=T0)
    assert memory.settle(world.status, now=T0)


def test_of_two_equal_statuses_one_is_held() -> None:
    world, memory = World(spec(), 3), Memory.of(None)
    world.step({"cpu": 50})
    memory.settle(world.status, now=T0)
    memory.wrote(world.status)
    again = world.status.model_copy()

    assert not memory.settle(again, now=T0)
    assert memory.status is memory.written is world.status


def test_what_was_written_reads_back_as_the_same_memory() -> None:
    world, memory = World(spec(scaleUp=up(stabilizationWindowSeconds=60)), 3), Memory.of(None)
    world.step({"cpu": 99})
    memory.settle(world.status, now=T0)
    composed = memory.compose()

    assert composed is not None
    assert Memory.of(composed.model_dump(mode="json")).status == world.status


def test_a_wish_that_matters_is_written_within_30_s() -> None:
    """Held back by its limit, the wish of 4 must survive a restart: it is not n."""
    limits = [{"type": "Pods", "value": 1, "periodSeconds": 1800}]
    world, memory = World(spec(scaleUp=up(limits=limits, stabilizationWindowSeconds=600)), 3), Memory.of(None)
    written_at = []
    for _ in range(6):
        now = world.now
        world.step({"cpu": 99})
        if memory.settle(world.status, now=now):
            memory.wrote(world.status)
            written_at.append(now)

    assert all(later - earlier <= timedelta(seconds=30) for earlier, later in pairwise(written_at))
    assert memory.written is not None
    assert memory.written.wishes
