"""What deadband survives: faults between it and the API server, before Prometheus, and of the processes themselves.

Each fault disturbs the same small play; oracles compare what was written with the run without a fault. `make test` runs
the quick ones, `make chaos` all of them with a report.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kubernetes.client import ApiClient

from e2e.chaos import oracles
from e2e.chaos.account import Whole
from e2e.chaos.fault import Fault
from e2e.chaos.lanes import LANES, TWIN
from e2e.chaos.readings import Readings
from e2e.chaos.run import Outcome, Run, compare
from e2e.chaos.setting import open_stage
from e2e.chaos.stage import Bed
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation
from e2e.testbed.prometheus import Prometheus, ScrapeJob

pytestmark = pytest.mark.timeout(360)

QUIET_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class LanesRun:
    """The run of all lanes."""

    whole: Whole
    outcomes: dict[str, Outcome]


@pytest.fixture(scope="session")
def bed(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bed]:
    """A Prometheus that scrapes the loads of all runs."""
    with Readings() as readings:
        job = ScrapeJob("faults", [readings.address])
        with Prometheus(tmp_path_factory.mktemp("faults"), [job]) as prometheus:
            prometheus.wait_for("up == 1")
            yield Bed(cluster, installation, prometheus, readings, api_client)


@pytest.fixture(scope="session")
def lanes_run(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> LanesRun:
    """All faults that befall one policy, at once."""
    with open_stage(bed, "faults-lanes", tmp_path_factory.mktemp("lanes"), LANES) as stage:
        run = Run(stage, LANES, quiet_seconds=QUIET_SECONDS)
        return LanesRun(run.play(), dict(run.outcomes))


@pytest.mark.parametrize("fault", [pytest.param(one, id=f"{one.id} {one.name}") for one in LANES])
def test_a_policy_survives_what_befalls_it_alone(fault: Fault, lanes_run: LanesRun) -> None:
    outcome = lanes_run.outcomes[fault.name]
    twin = lanes_run.outcomes[TWIN].account
    assert twin is not None

    assert [*outcome.wrong, *compare(outcome, twin)] == []


def test_an_operator_among_all_these_faults_stays_sound(lanes_run: LanesRun) -> None:
    whole = lanes_run.whole

    assert whole.ready
    assert oracles.sound(whole.log, whole.exits) == []
    assert oracles.one_writer(whole.calls, lambda _: "operator") == []
    assert oracles.nothing_forbidden(whole.calls) == []
