"""Every guide is a script, and so are the commands of other documents: run in order, on a real control plane.

Most of a guide is waiting, so all of them are read side by side: one operator, one Prometheus, a namespace for each.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import DOCS, LOADS, NAMESPACE, OF_THE_PAST, SCENERIES, namespace_of, reader, script
from e2e.queries import weeks
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.policies import source
from e2e.testbed.processes import Process, wait_until
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

ADDRESS = "http://localhost:9090"
"""Of the reader's Prometheus, as documents write it."""
READ_SECONDS = 240.0


def loads() -> Mapping[str, Any]:
    """The simulator's scenario for all documents at once."""
    busy = [
        {"namespace": namespace_of(document), "name": name, "cpu": {"percent": percent, "pods": 2}}
        for document, scenery in SCENERIES.items()
        for name, percent in scenery.cpu.items()
        if percent is not None
    ]
    return {**LOADS, "workloads": busy}


def set_scene(document: str, cluster: Cluster) -> None:
    """Make a document's namespace with whatever must be in it."""
    scenery, namespace = SCENERIES[document], namespace_of(document)
    cluster.create_namespace(namespace)
    for name in scenery.cpu:
        cluster.apply(workload(name, namespace, replicas=2, requests={"cpu": "500m", "memory": "256Mi"}))
    scenery.prepare(cluster, namespace)


def begin(document: str, url: str, cluster: Cluster, folder: Path) -> Process:
    """Let somebody begin to read a document."""
    scenery, namespace = SCENERIES[document], namespace_of(document)
    place = folder / namespace
    place.mkdir()
    scenery.lay_out(place)
    replace = {**scenery.replace, ADDRESS: url, f"-n {NAMESPACE}": f"-n {namespace}"}
    replace[f"namespace: {NAMESPACE}"] = f"namespace: {namespace}"
    begun = reader(document, script(document, (DOCS / document).read_text(), replace, scenery.before), place, cluster)
    begun.start()
    return begun


@pytest.fixture(scope="module")
def readers(
    cluster: Cluster, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Process]]:
    """Everybody who reads a document, by its path below docs/."""
    folder = tmp_path_factory.mktemp("guides")
    with ExitStack() as stack:
        for document in SCENERIES:
            set_scene(document, cluster)
            stack.callback(cluster.kubectl, "delete", "namespace", namespace_of(document), "--wait=false")
        simulator = stack.enter_context(Simulator(loads(), str(cluster.kubeconfig)))
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", [job]))
        cluster.apply(source("default", prometheus.url, default=True))
        stack.callback(cluster.kubectl, "delete", "metricsource", "default", "--wait=false")
        operator = Operator(installation, folder, identity="guides")
        stack.callback(operator.process.stop)
        operator.start()
        reading = {}
        for document in SCENERIES:
            reading[document] = begin(document, prometheus.url, cluster, folder)
            stack.callback(reading[document].stop)
        yield reading


def assert_read(reading: Process) -> None:
    wait_until(lambda: not reading.running, timeout=READ_SECONDS, what=f"{reading.name} is read")
    assert reading.returncode == 0, reading.log.read_text()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A week of the queue, up to now."""
    with weeks.queue(tmp_path_factory.mktemp("history"), until=int(datetime.now(UTC).timestamp()), days=7) as server:
        yield server


@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", OF_THE_PAST)
def test_every_command_about_the_past_does_what_its_document_says(
    document: str, readers: Mapping[str, Process], history: Prometheus, cluster: Cluster, tmp_path: Path
) -> None:
    """While those whom the fixture let begin wait for what they were told to wait for."""
    place = tmp_path / "reader"
    place.mkdir()
    OF_THE_PAST[document].lay_out(place)
    commands = script(document, (DOCS / document).read_text(), {ADDRESS: history.url})
    reading = reader(document, commands, place, cluster)
    reading.start()
    try:
        assert_read(reading)
    finally:
        reading.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", SCENERIES)
def test_every_command_of_a_document_does_what_it_says(document: str, readers: Mapping[str, Process]) -> None:
    assert_read(readers[document])


def test_every_guide_is_read() -> None:
    guides = {f"guides/{path.name}" for path in (DOCS / "guides").glob("*.md")} - {"guides/README.md"}

    assert guides == {name for name in (*SCENERIES, *OF_THE_PAST) if name.startswith("guides/")}
