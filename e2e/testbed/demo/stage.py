"""The stage: starts everything that the demo plays on, and stops it however the play ends."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from e2e.testbed import chart, tools
from e2e.testbed.cluster import open_native
from e2e.testbed.demo import story
from e2e.testbed.native import NativeCluster
from e2e.testbed.processes import Process, free_port
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator

NEEDED_TOOLS = ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd", "kwok", "prometheus", "helm")
_SYSTEM = "deadband-system"
_RELEASE = "deadband"
# What an installation without an image consists of; the operator itself runs beside the cluster.
_KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_READY_SECONDS = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs.

    Attributes:
        cluster: The control plane.
        prometheus: Scrapes the simulator every second.
        simulator: The load.
        operator: The process `deadband run`.
        operator_url: Of its probes and metrics.
        policies: The manifests that are in force, by name.
    """

    cluster: NativeCluster
    prometheus: Prometheus
    simulator: Simulator
    operator: Process
    operator_url: str
    policies: Mapping[str, Mapping[str, Any]]

    def renew_credentials(self) -> None:
        """Give the operator a fresh token: one lasts an hour, and it reads its kubeconfig anew every few minutes."""
        self.cluster.service_account_kubeconfig(_SYSTEM, _RELEASE)

    def kubectl_policies(self) -> str:
        """Return what `kubectl get scalingpolicies` prints."""
        return self.cluster.kubectl("get", "scalingpolicies", "-n", story.NAMESPACE)


@contextmanager
def open_stage(say: Say) -> Iterator[Stage]:
    """Start everything and stop it at the end.

    Args:
        say: Told what is being started.

    Raises:
        ToolError: A program is missing and does not build.
        ProcessError: A process did not become ready.
        KubectlError, ChartError: The API server or Helm refused a manifest.
    """
    for name in NEEDED_TOOLS:
        tools.path(name)
    with ExitStack() as stack:
        run_directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deadband-demo-")))
        say("control plane: etcd, kube-apiserver, kube-controller-manager, pretended nodes")
        cluster = stack.enter_context(open_native(run_directory))
        cluster.create_namespace(_SYSTEM)
        cluster.create_namespace(story.NAMESPACE)
        cluster.apply(*story.workloads())
        say("Prometheus and the load simulator")
        simulator = stack.enter_context(Simulator(story.SCENARIO, str(cluster.kubeconfig)))
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        prometheus = stack.enter_context(Prometheus(run_directory / "prometheus", [job]))
        say("the chart: CustomResourceDefinitions, ServiceAccount and RBAC, MetricSource")
        environment = _install(cluster, prometheus.url)
        say("the operator: deadband run, as that ServiceAccount")
        operator, url = _operator(cluster, run_directory, environment)
        stack.callback(operator.stop)
        operator.start()
        operator.wait_ready(lambda: _ready(url), timeout=_READY_SECONDS)
        say(f"the policies: {story.POLICIES.name}")
        cluster.kubectl(
            "wait", "--for=condition=Available", "deployment", "--all", "-n", story.NAMESPACE, "--timeout=60s"
        )
        # Until the window of the rate holds nothing but the ordinary load; before that the first readings are too low.
        prometheus.wait_for(story.ORDINARY)
        policies = list(yaml.safe_load_all(story.POLICIES.read_text()))
        cluster.apply(*policies)
        by_name = {policy["metadata"]["name"]: policy for policy in policies}
        yield Stage(cluster, prometheus, simulator, operator, url, by_name)


def _install(cluster: NativeCluster, prometheus_url: str) -> Mapping[str, str]:
    """Apply the chart, but for what needs an image, and return the environment that its container would have."""
    source = {"staleAfterSeconds": 10, "rateWindowSeconds": 8, "timeoutSeconds": 3}
    values = {
        "replicaCount": 1,
        "log": {"format": "text"},
        "metricSource": {"create": True, "url": prometheus_url, "spec": source},
    }
    rendered = chart.render(values, _SYSTEM, release=_RELEASE)
    definitions = _of_kinds(rendered, ["CustomResourceDefinition"])
    cluster.apply(*definitions, server_side=True)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    cluster.apply(*_of_kinds(rendered, [*_KINDS, "MetricSource"]))
    (deployment,) = _of_kinds(rendered, ["Deployment"])
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def _of_kinds(objects: Sequence[dict[str, Any]], kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in kinds]


def _operator(cluster: NativeCluster, run_directory: Path, environment: Mapping[str, str]) -> tuple[Process, str]:
    """Return the operator's process, not yet started, and the URL of its probes."""
    kubeconfig = cluster.service_account_kubeconfig(_SYSTEM, _RELEASE)
    address = f"127.0.0.1:{free_port()}"
    own = {
        "KUBECONFIG": str(kubeconfig),
        "DEADBAND_LEASE_NAMESPACE": _SYSTEM,
        "DEADBAND_IDENTITY": "demo",
        "DEADBAND_HTTP_ADDRESS": address,
        "PYTHONUNBUFFERED": "1",
    }
    command: list[str | Path] = [Path(sys.executable).with_name("deadband"), "run"]
    process = Process("deadband", command, log=run_directory / "deadband.log", env={**os.environ, **environment, **own})
    return process, f"http://{address}"


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False
