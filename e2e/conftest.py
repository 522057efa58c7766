"""The one cluster of the suite, namespaces in it, and Prometheus servers.

Everything here is real; a program that cannot be had fails the whole suite before its first test.
"""

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from kubernetes.client import ApiClient

from e2e.testbed import packages, tools
from e2e.testbed.cluster import CLUSTER_KINDS, Cluster, open_cluster, open_native
from e2e.testbed.installation import Installation, install
from e2e.testbed.native import NativeCluster
from e2e.testbed.node import images, machine, relay
from e2e.testbed.policies import open_client
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.tools.progress import Progress

# A first use may wait for the control plane, and scaling is awaited over several short intervals.
_TIMEOUT_SECONDS = 180
_HERE = Path(__file__).parent
_REAL_NODE = "test_real_node.py"
_OF_REAL_NODES = (_REAL_NODE, "test_private_machine.py", "test_relay.py")
_LONG = (
    _REAL_NODE, "test_faults.py", "test_scaling.py", "test_guides.py", "test_survival.py", "test_alerts.py",
    "test_bench.py", "test_soak.py", "test_real_readings.py",
)  # fmt: skip
"""Files of a minute and a half or more: begun last, one of them would run on while other workers have nothing to do."""

_RELAY = pytest.StashKey[relay.Relay]()

PrometheusFactory = Callable[[Sequence[ScrapeJob]], Prometheus]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the cluster."""
    group = parser.getgroup("deadband", "end-to-end tests of deadband")
    group.addoption(
        "--cluster",
        choices=CLUSTER_KINDS,
        default="native",
        help="native: processes on loopback; kind: needs kind and docker; existing: a cluster of your kubeconfig",
    )
    group.addoption("--faults", choices=("quick", "all"), default="quick", help="which rows of the fault suite run")
    group.addoption("--faults-report", metavar="FOLDER", help="where each row of the fault suite leaves its outcome")
    group.addoption("--kube-context", metavar="NAME", help="the context to use with --cluster=existing")


def pytest_configure(config: pytest.Config) -> None:
    """Inside the private machine, report to the pytest outside."""
    if relay.inside():
        config.pluginmanager.register(relay.Reporter(config))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; give end-to-end tests more time than unit tests, unless they say how much."""
    items.sort(key=lambda item: item.path.name not in _LONG)
    missing = machine.unavailable()
    for item in items:
        if item.path.name in _OF_REAL_NODES and missing and os.environ.get("CI") != "true":
            item.add_marker(pytest.mark.skip(reason=missing))
        if item.path.name == _REAL_NODE and not relay.inside():
            item.add_marker(pytest.mark.timeout(0))  # counted inside
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_SECONDS))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build and fetch before the first test: a build takes minutes and must not count against a test's time."""
    if session.config.option.collectonly or not any(item.path.is_relative_to(_HERE) for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with ExitStack() as stack:
        if capture is not None:  # shows the progress of a build
            stack.enter_context(capture.global_and_fixture_disabled())
        try:
            for name in tools.TOOLS:
                tools.path(name)
            real = machine.unavailable() is None and any(item.path.name == _REAL_NODE for item in session.items)
            for name in packages.PACKAGED:
                if real or name not in packages.OF_REAL_NODES:
                    packages.program(name)
            if real:
                images.prepare(Progress())
        except (tools.ToolError, packages.PackageError, images.ImageError) as error:
            raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run the tests of the real node in its private machine."""
    if item.path.name != _REAL_NODE or relay.inside() or item.get_closest_marker("skip"):
        return None
    if missing := machine.unavailable():
        item.ihook.pytest_runtest_logreport(report=relay.failed(item, f"CI=true, but {missing}"))
        return True
    running = item.config.stash.get(_RELAY, None)
    if running is None:
        folder = Path(tempfile.mkdtemp(prefix="deadband-node-"))
        running = item.config.stash[_RELAY] = relay.Relay(item.config, folder)
    try:
        running.run(item)
    finally:
        if nextitem is None or nextitem.path != item.path:
            running.close()
            del item.config.stash[_RELAY]
    return True


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that all tests share; work in a namespace of your own."""
    config = request.config
    with open_cluster(
        config.getoption("--cluster"),
        run_directory=tmp_path_factory.mktemp("cluster"),
        kube_context=config.getoption("--kube-context"),
    ) as opened:
        yield opened


@pytest.fixture
def own_control_plane(tmp_path: Path) -> Iterator[NativeCluster]:
    """A native control plane for one test alone, for tests that break it."""
    with open_native(tmp_path) as opened:
        yield opened


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace in which pods can be created; it is deleted in the background."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.create_namespace(name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def start_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusFactory]:
    """A function that starts a Prometheus which scrapes the given jobs every second; stopped with the session."""
    with ExitStack() as stack:

        def start(jobs: Sequence[ScrapeJob]) -> Prometheus:
            return stack.enter_context(Prometheus(tmp_path_factory.mktemp("prometheus"), jobs))

        yield start


@pytest.fixture(scope="session")
def installation(cluster: Cluster) -> Installation:
    """The chart's CRDs, ServiceAccount and RBAC on the shared cluster; no operator yet."""
    return install(cluster)


@pytest.fixture(scope="session")
def api_client(cluster: Cluster) -> Iterator[ApiClient]:
    """A client with all rights."""
    with open_client(cluster.kubeconfig) as client:
        yield client
