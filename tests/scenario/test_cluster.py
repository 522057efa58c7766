"""The described target: who is ready when, and who goes first."""

from datetime import UTC, datetime, timedelta

import pytest

from deadband.scenario.cluster import Cluster
from deadband.scenario.model import TargetChange

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


@pytest.mark.parametrize(
    ("start", "changes", "ready"),
    [
        pytest.param(TargetChange(replicas=4), {}, [4, 4, 4], id="pods are ready at once"),
        pytest.param(TargetChange(replicas=4, ready=2), {1: TargetChange(replicas=5)}, [2, 2, 2], id="a number stays"),
        pytest.param(
            TargetChange(replicas=2, ready_after=seconds(30)),
            {0: TargetChange(replicas=6)},
            [2, 2, 6],
            id="new pods become ready so much later",
        ),
        pytest.param(
            TargetChange(replicas=2, ready_after=seconds(30)),
            {0: TargetChange(replicas=6), 1: TargetChange(replicas=3)},
            [2, 2, 3],
            id="pods that are not ready go first",
        ),
        pytest.param(
            TargetChange(replicas=2, ready_after=seconds(60)),
            {0: TargetChange(replicas=6), 1: TargetChange(replicas=1)},
            [2, 1, 1],
            id="then the ready ones go",
        ),
        pytest.param(
            TargetChange(replicas=4, ready=1), {1: TargetChange(ready="follow")}, [1, 4, 4], id="what follows is ready"
        ),
        pytest.param(TargetChange(replicas=4), {1: TargetChange(ready=9)}, [4, 4, 4], id="never more than there are"),
        pytest.param(
            TargetChange(replicas=2, ready_after=seconds(60)),
            {0: TargetChange(replicas=3), 1: TargetChange(replicas=4, ready_after=seconds(15))},
            [2, 2, 3],
            id="a shorter time for later pods does not hasten the earlier",
        ),
    ],
)
def test_ready_pods_follow_the_target(start: TargetChange, changes: dict[int, TargetChange], ready: list[int]) -> None:
    cluster, seen = Cluster(start), []
    for tick in range(3):
        now = START + tick * seconds(15)
        if tick in changes:
            cluster.change(changes[tick], now)
        seen.append(cluster.read(now).ready)

    assert seen == ready


def test_what_the_operator_wrote_is_its_own_until_somebody_else_changes_it() -> None:
    cluster = Cluster(TargetChange(replicas=2))
    assert cluster.read(START).own_write is None

    cluster.write(3, START)
    assert cluster.read(START).own_write == START

    cluster.change(TargetChange(rollout_in_progress=True), START)
    assert cluster.read(START).own_write == START

    cluster.change(TargetChange(replicas=4), START)
    assert cluster.read(START).own_write is None


def test_available_pods_are_as_the_ready_ones_until_a_number_is_said() -> None:
    cluster = Cluster(TargetChange(replicas=4, ready=2))
    assert cluster.read(START).available == 2

    cluster.change(TargetChange(available=3), START)
    assert (cluster.read(START).ready, cluster.read(START).available) == (2, 3)


def test_of_the_pods_that_are_not_ready_the_newest_go_first() -> None:
    cluster = Cluster(TargetChange(replicas=2, ready_after=seconds(30)))
    cluster.write(3, START)
    cluster.write(4, START + seconds(15))
    cluster.write(3, START + seconds(20))

    assert cluster.read(START + seconds(30)).ready == 3
