"""The stage: starts everything that the demo plays on, and stops it however the play ends."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.testbed import tools
from e2e.testbed.alertmanager import Alertmanager
from e2e.testbed.cluster import open_native
from e2e.testbed.demo import story
from e2e.testbed.installation import Installation, Operator, install
from e2e.testbed.native import NativeCluster
from e2e.testbed.processes import Process
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator

NEEDED_TOOLS = (
    *("kube-apiserver", "kube-controller-manager", "kubectl", "etcd", "kwok"),
    *("prometheus", "alertmanager", "helm"),
)
_SOURCE = {"staleAfterSeconds": 10, "rateWindowSeconds": 4, "timeoutSeconds": 3}
"""Prometheus scrapes every second: a rate is known after four."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs.

    Attributes:
        cluster: The control plane.
        prometheus: Scrapes the simulator every second.
        alertmanager: Is told by the operator what a person must do.
        simulator: The load.
        installation: The chart on it.
        operator: The process `deadband run`.
        operator_url: Of its probes and metrics.
        policies: The manifests that are in force, by name.
    """

    cluster: NativeCluster
    prometheus: Prometheus
    alertmanager: Alertmanager
    simulator: Simulator
    installation: Installation
    operator: Process
    operator_url: str
    policies: Mapping[str, Mapping[str, Any]]

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
        cluster.create_namespace(story.NAMESPACE)
        cluster.apply(*story.workloads())
        say("Prometheus, Alertmanager and the load simulator")
        simulator = stack.enter_context(Simulator(story.SCENARIO, str(cluster.kubeconfig)))
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        prometheus = stack.enter_context(Prometheus(run_directory / "prometheus", [job]))
        alertmanager = stack.enter_context(Alertmanager(run_directory / "alertmanager"))
        say("the chart: CustomResourceDefinitions, ServiceAccount and RBAC, MetricSource")
        metric_source = {"create": True, "url": prometheus.url, "spec": _SOURCE}
        alerts = {"urls": [alertmanager.url]}
        installation = install(cluster, {"replicaCount": 1, "metricSource": metric_source, "alertmanager": alerts})
        say("the operator: deadband run, as that ServiceAccount")
        operator = Operator(installation, run_directory, identity="demo")
        stack.callback(operator.process.stop)
        operator.start()
        say(f"the policies: {story.POLICIES.name}")
        cluster.kubectl(
            "wait", "--for=condition=Available", "deployment", "--all", "-n", story.NAMESPACE, "--timeout=60s"
        )
        policies = list(yaml.safe_load_all(story.POLICIES.read_text()))
        cluster.apply(*policies)
        by_name = {policy["metadata"]["name"]: policy for policy in policies}
        yield Stage(cluster, prometheus, alertmanager, simulator, installation, operator.process, operator.url, by_name)
