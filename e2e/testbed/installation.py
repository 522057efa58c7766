"""deadband on a cluster of the test bed: the chart's objects applied, the operator a process under the chart's rights.

Everything of the chart is applied but what needs an image; the operator runs beside the cluster, with the token of the
chart's ServiceAccount and the environment that its container would have.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from e2e.testbed import chart
from e2e.testbed.cluster import Cluster
from e2e.testbed.processes import Process, free_port

SYSTEM = "deadband-system"
RELEASE = "deadband"

IMPATIENT = (sys.executable, "-m", "e2e.testbed.impatient")
"""An operator's command whose alerts are sent again every 2 s."""

_KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "MetricSource")
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """The chart on a cluster.

    Attributes:
        cluster: Where.
        environment: What the chart gives the operator's container, without what Kubernetes fills in.
        rights: The rules of every Role and ClusterRole of the chart.
    """

    cluster: Cluster
    environment: Mapping[str, str]
    rights: tuple[Mapping[str, Any], ...]

    @property
    def user(self) -> str:
        """The operator's name in RBAC and in the audit log."""
        return f"system:serviceaccount:{SYSTEM}:{RELEASE}"

    def renew_credentials(self) -> Path:
        """Write a kubeconfig with a fresh token, which lasts an hour; the operator reads it again every few minutes."""
        return self.cluster.service_account_kubeconfig(SYSTEM, RELEASE)


def install(
    cluster: Cluster, values: Mapping[str, Any] | None = None, *, chart_folder: Path = chart.CHART
) -> Installation:
    """Apply the chart to a cluster and return when its kinds are served.

    Args:
        cluster: Any of the test bed.
        values: For the chart, beside its defaults.
        chart_folder: The chart; another revision's, for example.

    Raises:
        KubectlError, ChartError: The API server or Helm refused something.
    """
    if SYSTEM not in {each["metadata"]["name"] for each in cluster.get("namespaces")["items"]}:
        cluster.create_namespace(SYSTEM)
    settings = {"log": {"format": "text"}, **(values or {})}
    rendered = chart.render(settings, SYSTEM, release=RELEASE, chart=chart_folder)
    definitions = _of_kinds(rendered, ["CustomResourceDefinition"])
    cluster.apply(*definitions, server_side=True)
    names = [f"crd/{each['metadata']['name']}" for each in definitions]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    objects = _of_kinds(rendered, _KINDS)
    cluster.apply(*objects)
    (deployment,) = _of_kinds(rendered, ["Deployment"])
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    environment = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    rights = tuple(rule for each in objects if each["kind"] in {"Role", "ClusterRole"} for rule in each["rules"])
    return Installation(cluster, environment, rights)


class Operator:
    """One process of `deadband run`, startable again after it was stopped or killed."""

    def __init__(
        self,
        installation: Installation,
        run_directory: Path,
        *,
        identity: str = "operator",
        namespaces: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        command: Sequence[str | Path] = (Path(sys.executable).with_name("deadband"),),
    ) -> None:
        """Name the process and what it watches; starts nothing.

        Args:
            installation: Whose rights it has.
            run_directory: Where its log goes.
            identity: Holder of the Lease.
            namespaces: Watched ones; none means all.
            environment: Goes over everything else that it is given, such as a KUBECONFIG.
            command: What runs, before the subcommand.
        """
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        own = {
            "KUBECONFIG": str(installation.renew_credentials()),
            "DEADBAND_NAMESPACES": ",".join(namespaces),
            "DEADBAND_LEASE_NAMESPACE": SYSTEM,
            "DEADBAND_IDENTITY": identity,
            "DEADBAND_HTTP_ADDRESS": address,
            "PYTHONUNBUFFERED": "1",
        }
        run_directory.mkdir(parents=True, exist_ok=True)
        self.process = Process(
            f"deadband-{identity}",
            [*command, "run"],
            log=run_directory / f"{identity}.log",
            env={**os.environ, **installation.environment, **own, **(environment or {})},
        )

    def start(self) -> None:
        """Start it and return when it is ready, as leader or follower.

        Raises:
            ProcessError: It ended, or was not ready in a minute.
        """
        self.process.start()
        self.process.wait_ready(self.ready, timeout=_READY_SECONDS)

    def metrics(self, *, timeout: float = 5) -> str:
        """Its own metrics, in the text format; the timeout is in seconds."""
        return requests.get(f"{self.url}/metrics", timeout=timeout).text

    def leads(self) -> bool:
        """Whether it says that it is the leader."""
        return "deadband_leader 1.0" in self.metrics()

    def live(self) -> bool:
        """Whether its liveness probe passes; False while it does not answer."""
        return self._passes("livez")

    def ready(self) -> bool:
        """Whether its readiness probe passes; False while it does not answer."""
        return self._passes("readyz")

    def _passes(self, probe: str) -> bool:
        try:
            return requests.get(f"{self.url}/{probe}", timeout=2).ok
        except requests.RequestException:
            return False


def _of_kinds(objects: Sequence[dict[str, Any]], kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in kinds]
