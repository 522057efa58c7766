"""What cAdvisor shows of pods: samples with a time of their own, late first ones, and none of lost nodes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from e2e.testbed.simulator import Simulator
from e2e.testbed.simulator.cgroups import Sample
from e2e.testbed.simulator.cluster import Cluster, Container, Owner, Pod
from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.world import World

MAIN = Container("db", "registry.example/db:1", {"cpu": 0.5}, {}, started=1000.0)
POD = Pod(
    *("shop", "db-0", "uid-0", "node-0", "Running", "True", (Owner("StatefulSet", "db", controller=True),), (MAIN,)),
    created=1000.0,
)
SCENARIO: dict[str, Any] = {
    "sampling": {},
    "workloads": [{"namespace": "shop", "name": "db", "kind": "StatefulSet", "cpu": {"amount": 0.4}}],
}


def world(*pods: Pod, **scenario: Any) -> World:
    """A world whose clock is Unix time, at the second in which the pods' container started."""
    made = World(Scenario.model_validate({**SCENARIO, **scenario}), now=1000.0)
    made.observe(Cluster(pods), 1000.0)
    return made


def shown(made: World, container: str = "db") -> Sample | None:
    """The last sample of the one container of this name."""
    found = [sample for cgroup, sample in made.sampled() if cgroup.container == container]
    return found[0] if found else None


def test_values_move_every_ten_to_twenty_seconds_and_each_is_right_at_its_own_time() -> None:
    made = world(POD)
    seen = []
    for second in range(1040, 2000):
        made.advance(float(second))
        sample = shown(made)
        assert sample is not None
        assert sample.at is not None
        assert 0 <= second - sample.at <= 20.25, "the longest gap, and a step of the simulation"
        assert sample.cpu_seconds == pytest.approx(0.4 * (sample.at - 1000))
        seen.append(sample.at)
    gaps = [after - before for before, after in pairwise(sorted(set(seen)))]
    assert 10 <= min(gaps) < 12
    assert 18 < max(gaps) <= 20.25


def test_the_first_reading_comes_twenty_to_thirty_seconds_after_the_container_started() -> None:
    firsts = []
    for seed in range(20):
        made = world(POD, seed=seed)
        while shown(made) is None:
            made.advance(made.now + 0.25)
        firsts.append(made.now - 1000)
    assert 20 <= min(firsts) < 23
    assert 27 < max(firsts) <= 30.25


def test_a_pod_that_was_there_before_the_simulator_has_its_reading_at_once() -> None:
    made = World(Scenario.model_validate(SCENARIO), now=5000.0)
    made.observe(Cluster((POD,)), 5000.0)
    made.advance(5000.25)
    assert shown(made) is not None


def test_a_killed_container_shows_nothing_until_the_first_reading_of_its_successor() -> None:
    made = world(POD)
    made.advance(1100.0)
    made.observe(Cluster((replace(POD, containers=(replace(MAIN, restarts=1, started=1101.0),)),)), 1101.0)
    assert shown(made) is None
    made.advance(1132.0)
    sample = shown(made)
    assert sample is not None
    assert sample.cpu_seconds < 0.4 * 31.5, "it counts from its own start"


def test_without_sampling_values_are_those_of_this_instant() -> None:
    made = world(POD, sampling=None)
    made.advance(1001.0)
    assert shown(made) == Sample(None, pytest.approx(0.4), 0.0)


def test_a_lost_kubelet_shows_nothing_at_once_and_goes_on_where_it_was() -> None:
    made = world(POD)
    made.advance(1100.0)
    made.apply(Change.model_validate({"lostNodes": ["node-0"]}), 1100.0)
    assert [*made.sampled()] == []
    made.advance(1200.0)
    made.apply(Change.model_validate({"lostNodes": []}), 1200.0)
    made.advance(1231.0)
    sample = shown(made)
    assert sample is not None
    assert sample.cpu_seconds > 0.4 * 190


@pytest.mark.parametrize(
    ("ready_at", "start_up"),
    [
        pytest.param(1010.0, 2.0 * 4, id="it ends before the pod is ready"),
        pytest.param(1003.0, 2.0 * 3, id="and with the pod's readiness at the latest"),
    ],
)
def test_work_before_ready_is_on_the_counter_and_is_no_load(ready_at: float, start_up: float) -> None:
    starting = {**SCENARIO["workloads"][0], "startUp": {"cores": 2.0, "seconds": 4}}
    made = world(replace(POD, ready="False"), sampling=None, workloads=[starting])
    made.observe(Cluster((POD,)), ready_at)
    made.advance(1020.0)
    assert made.cpu_seconds["uid-0", "db"] == pytest.approx(start_up + 0.4 * (1020 - ready_at))
    assert made.truth()[0].cpu_percent == pytest.approx(80)


def test_a_restarted_container_does_its_start_up_work_again() -> None:
    starting = {**SCENARIO["workloads"][0], "startUp": {"cores": 2.0, "seconds": 4}}
    made = world(replace(POD, ready="False"), sampling=None, workloads=[starting])
    made.advance(1100.0)
    again = replace(POD, ready="False", containers=(replace(MAIN, restarts=1),))
    made.observe(Cluster((again,)), 1100.0)
    made.advance(1110.0)
    assert made.cpu_seconds["uid-0", "db"] == pytest.approx(2.0 * 4)


def test_the_page_gives_each_sample_its_unix_time_in_milliseconds() -> None:
    with Simulator({"sampling": {"everySeconds": 1}}, None) as simulator:
        simulator.observe(Cluster((POD,)))
        simulator.world.advance(simulator.world.now + 1)
        made = simulator.world
        lines = [line for line in simulator.exposition("cadvisor").decode().splitlines() if 'container="db"' in line]
        sample = shown(made)
    assert sample is not None
    assert sample.at is not None
    assert {line.split()[-1] for line in lines} == {str(int((made.epoch + sample.at) * 1000))}
    assert len(lines) == 2
