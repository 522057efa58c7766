"""Every guide is a script: its manifests become files, its commands are run in order, on a real control plane.

In a guide a block of `yaml` whose first line is a comment with a file name is written to that file; a block of `sh` is
run, all of them in one shell; other blocks are only read. Addresses of the reader's own servers are replaced by those
of the test bed.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.queries import weeks
from e2e.testbed import tools
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.keda import SCALED_OBJECTS, scaled_object
from e2e.testbed.policies import source
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

GUIDES = Path(__file__).parents[1] / "docs" / "guides"
NAMESPACE = "leadgen"


@dataclass(frozen=True)
class Scenery:
    """What must be there before a guide begins, as its first lines say.

    Attributes:
        load: Scenario of the simulator; None: the guide needs neither a cluster nor the operator.
        workloads: Deployments of the namespace, by name.
        prepare: What else must be there.
        history: Makes the guide's Prometheus in a folder, where one without a cluster asks one.
    """

    load: Mapping[str, object] | None = None
    workloads: tuple[str, ...] = ()
    prepare: Callable[[Cluster], None] | None = None
    history: Callable[[Path], Prometheus] | None = None


def last_week(folder: Path) -> Prometheus:
    """A week of the queue, up to now."""
    return weeks.queue(folder, until=int(datetime.now(UTC).timestamp()), days=7)


def with_scaled_object(cluster: Cluster) -> None:
    """KEDA's kind with the object that the guide begins with; nothing in the guide needs KEDA itself."""
    cluster.apply(SCALED_OBJECTS)
    cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
    cluster.apply(scaled_object("lead-worker", NAMESPACE))


SCENERIES: Mapping[str, Scenery] = {
    "first-policy.md": Scenery(
        load={"workloads": [{"namespace": NAMESPACE, "name": "api", "cpu": {"percent": 95, "pods": 2}}]},
        workloads=("api",),
    ),
    "from-hpa.md": Scenery(
        load={
            "workloads": [{"namespace": NAMESPACE, "name": "web", "cpu": {"percent": 50, "pods": 2}}],
            "queues": [{"name": "orders", "depth": 12000, "hold": True}],
        },
        workloads=("web",),
    ),
    "tuning.md": Scenery(
        load={"workloads": [{"namespace": NAMESPACE, "name": "api", "cpu": {"percent": 50, "pods": 2}}]},
        workloads=("api",),
    ),
    "database-alerts.md": Scenery(
        load={
            "databases": [{"instance": "leads-db", "connections": 85}],
            "queues": [{"name": "leads", "depth": 12000, "hold": True}],
        },
        workloads=("lead-worker",),
    ),
    "from-keda.md": Scenery(
        load={"queues": [{"name": "leads", "depth": 5000, "hold": True}]},
        workloads=("lead-worker",),
        prepare=with_scaled_object,
    ),
    "backtesting.md": Scenery(history=last_week),
    "scenario-tests.md": Scenery(),
}


def script(guide: Path, replace: Mapping[str, str]) -> str:
    """Make one shell script of a guide; each command is shown before it is run."""
    text = guide.read_text()
    parts = ["set -euo pipefail", "exec 2>&1"]
    for fence in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        language, body = fence.groups()
        for own, real in replace.items():
            body = body.replace(own, real)
        line = text.count("\n", 0, fence.start()) + 1
        name = re.match(r"# ([\w./-]+\.ya?ml)\n", body)
        if language == "yaml" and name:
            parts.append(f"cat > {name[1]} <<'THE_END'\n{body}THE_END")
        elif language == "sh":
            parts.append(f"echo '# {guide.name}:{line}'\nset -x\n{body}{{ set +x; }} 2>/dev/null")
    return "\n".join(parts)


@pytest.fixture
def scene(
    request: pytest.FixtureRequest, cluster: Cluster, installation: Installation, tmp_path: Path
) -> Iterator[Mapping[str, str]]:
    """The scenery of one guide, with the operator running; gives what to replace in the guide's text."""
    scenery: Scenery = request.param
    with ExitStack() as stack:
        if scenery.load is None:
            asked = stack.enter_context(scenery.history(tmp_path / "prometheus")) if scenery.history else None
            yield {"http://localhost:9090": asked.url} if asked else {}
            return
        # Another test may have let go of a namespace of this name without waiting for its end.
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s")
        cluster.create_namespace(NAMESPACE)
        stack.callback(cluster.kubectl, "delete", "namespace", NAMESPACE, "--timeout=60s")
        for name in scenery.workloads:
            cluster.apply(workload(name, NAMESPACE, replicas=2, requests={"cpu": "500m", "memory": "256Mi"}))
        simulator = stack.enter_context(Simulator(scenery.load, str(cluster.kubeconfig)))
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        prometheus = stack.enter_context(Prometheus(tmp_path / "prometheus", [job]))
        cluster.apply(source("default", prometheus.url, default=True))
        stack.callback(cluster.kubectl, "delete", "metricsource", "default", "--wait=false")
        if scenery.prepare is not None:
            scenery.prepare(cluster)
        operator = Operator(installation, tmp_path, identity="guides")
        stack.callback(operator.process.stop)
        operator.start()
        yield {"http://localhost:9090": prometheus.url}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("scene", "guide"), [(each, name) for name, each in SCENERIES.items()], indirect=["scene"])
def test_every_command_of_a_guide_does_what_the_guide_says(
    scene: Mapping[str, str], guide: str, cluster: Cluster, tmp_path: Path
) -> None:
    place = tmp_path / "reader"
    place.mkdir()
    programs = (tools.path("kubectl").parent, Path(sys.executable).parent)
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "KUBERC": "off",
        "KUBECACHEDIR": str(tmp_path / "kubectl-cache"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
    }

    done = subprocess.run(
        ["bash", "-c", script(GUIDES / guide, scene)],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=280,
    )

    assert done.returncode == 0, done.stdout


def test_every_guide_is_run() -> None:
    assert sorted(SCENERIES) == sorted(path.name for path in GUIDES.glob("*.md") if path.name != "README.md")
