"""What deadband survives: faults between it and the API server, before Prometheus, and of the processes themselves.

Each fault disturbs the same small play; oracles compare what was written with the run without a fault. `make test` runs
the quick ones (`--faults=quick`), `make chaos` all of them with a report.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kubernetes.client import ApiClient

from e2e.chaos.account import Whole
from e2e.chaos.fault import Fault
from e2e.chaos.lanes import LANES, TWIN
from e2e.chaos.readings import Readings
from e2e.chaos.report import leave
from e2e.chaos.run import QUIET_SECONDS, Outcome, Run, compare, judge
from e2e.chaos.setting import open_stage
from e2e.chaos.stage import Bed
from e2e.chaos.storms import QUICK_STORMS, STORMS
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation
from e2e.testbed.prometheus import Prometheus, ScrapeJob

pytestmark = pytest.mark.timeout(900)

QUICK_QUIET_SECONDS = 10.0

Verdict = Callable[[Outcome, list[str]], None]


@dataclass(frozen=True, slots=True)
class LanesRun:
    """The run of all lanes."""

    whole: Whole
    outcomes: dict[str, Outcome]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the storms by --faults."""
    if "storm" in metafunc.fixturenames:
        storms = STORMS if metafunc.config.getoption("--faults") == "all" else QUICK_STORMS
        metafunc.parametrize("storm", storms, ids=[f"{one.id} {one.name}" for one in storms])


@pytest.fixture(scope="session")
def quiet_seconds(request: pytest.FixtureRequest) -> float:
    return QUIET_SECONDS if request.config.getoption("--faults") == "all" else QUICK_QUIET_SECONDS


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """A function that reports an outcome, where a report is wanted, and fails unless it was survived."""
    folder = request.config.getoption("--faults-report")

    def pronounce(outcome: Outcome, wrong: list[str]) -> None:
        if folder:
            leave(Path(folder), outcome, wrong)
        assert not wrong, "\n".join(wrong)

    return pronounce


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
def lanes_run(bed: Bed, quiet_seconds: float, tmp_path_factory: pytest.TempPathFactory) -> LanesRun:
    """All faults that befall one policy, at once; the lane `twin` is the run without a fault."""
    with open_stage(bed, "faults-lanes", tmp_path_factory.mktemp("lanes"), LANES) as stage:
        run = Run(stage, LANES, quiet_seconds=quiet_seconds)
        return LanesRun(run.play(), dict(run.outcomes))


@pytest.mark.parametrize("fault", [pytest.param(one, id=f"{one.id} {one.name}") for one in LANES])
def test_a_policy_survives_what_befalls_it_alone(fault: Fault, lanes_run: LanesRun, verdict: Verdict) -> None:
    outcome = lanes_run.outcomes[fault.name]

    verdict(outcome, [*outcome.wrong, *compare(outcome, lanes_run.outcomes[TWIN])])


def test_an_operator_among_all_these_faults_stays_sound(lanes_run: LanesRun) -> None:
    assert judge(lanes_run.outcomes[TWIN].fault, lanes_run.whole) == []


def test_the_operator_survives_what_befalls_it(
    storm: Fault, bed: Bed, lanes_run: LanesRun, quiet_seconds: float, tmp_path: Path, verdict: Verdict
) -> None:
    with open_stage(bed, f"faults-{storm.name}", tmp_path, [storm]) as stage:
        run = Run(stage, [storm], quiet_seconds=quiet_seconds)
        whole = run.play()
    outcome = run.outcomes[storm.name]

    verdict(outcome, [*outcome.wrong, *judge(storm, whole), *compare(outcome, lanes_run.outcomes[TWIN])])
