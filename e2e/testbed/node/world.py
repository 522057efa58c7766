"""deadband as Helm installs it on a real node, with a Prometheus at its usual pace; inside the private machine only."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.testbed import chart
from e2e.testbed.access import KubectlError
from e2e.testbed.installation import RELEASE, SYSTEM
from e2e.testbed.node.cluster import RealCluster, open_real
from e2e.testbed.node.inside import NODE_ADDRESS
from e2e.testbed.node.kubelet import KUBELET
from e2e.testbed.node.record import Record
from e2e.testbed.node.truth import Truth
from e2e.testbed.policies import GROUP, VERSION, open_client
from e2e.testbed.processes import wait_until
from e2e.testbed.prometheus import Prometheus, ScrapeAccess, ScrapeJob
from e2e.testbed.simulator import Simulator

SCRAPE_SECONDS = 15.0
"""What most installations have, and what the kubelet's own 10 to 15s of housekeeping are made for."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs.

    Attributes:
        cluster: With one real node.
        record: What one namespace goes through.
        truth: What the kernel counts.
        prometheus: Scrapes the kubelet and what stands in for kube-state-metrics.
        lossy: Another one like it; `lose_kubelet` takes the kubelet from it.
    """

    cluster: RealCluster
    record: Record
    truth: Truth
    prometheus: Prometheus
    lossy: Prometheus
    _jobs: Sequence[ScrapeJob] = field(repr=False)

    def lose_kubelet(self) -> None:
        """Let the second Prometheus scrape the kubelet no more; what it has scraped stays."""
        self.lossy.scrape([job for job in self._jobs if job.access is None])

    def wait_for(self, what: str, name: str, check: Callable[[], bool], *, timeout: float) -> None:
        """Wait until a check holds; the failure shows what the policy went through.

        Raises:
            TimeoutError: It did not within the timeout (seconds).
        """
        try:
            wait_until(check, timeout=timeout, what=what)
        except TimeoutError as error:
            error.add_note(self.record.told(name))
            raise

    def wait_past(self, when: float) -> None:
        """Wait until the record has gone on past a Unix time."""
        time.sleep(max(0.0, when + 2 - time.time()))  # noqa: TID251 - to compare with the record


@contextmanager
def open_world(folder: Path, namespace: str) -> Iterator[World]:
    """Start it all; at the end the record and the logs of the operator's pods are in the folder."""
    with open_real(folder / "cluster") as cluster:
        cluster.create_namespace(namespace)
        access = cluster.scrape_access()
        with Simulator({}, str(cluster.kubeconfig)) as simulator:
            jobs = _jobs(access, simulator)
            with (
                Prometheus(folder / "main", jobs, scrape_interval=SCRAPE_SECONDS, host=NODE_ADDRESS) as main,
                Prometheus(folder / "lossy", jobs, scrape_interval=SCRAPE_SECONDS, host=NODE_ADDRESS) as lossy,
                open_client(cluster.kubeconfig) as client,
                Truth() as truth,
            ):
                _install(cluster)
                cluster.apply(source("main", main.url, default=True), source("lossy", lossy.url))
                try:
                    with Record(client, namespace, truth) as record:
                        yield World(cluster, record, truth, main, lossy, jobs)
                    (folder / "record.txt").write_text(record.whole())
                finally:
                    _keep_logs(cluster, folder)


def source(name: str, url: str, *, default: bool = False) -> dict[str, Any]:
    """Return a MetricSource that leaves everything but the address at its default."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MetricSource",
        "metadata": {"name": name},
        "spec": {"url": url, "default": default},
    }


def _jobs(access: ScrapeAccess, simulator: Simulator) -> list[ScrapeJob]:
    return [
        ScrapeJob("kubelet", [KUBELET], "/metrics/cadvisor", access=access),
        ScrapeJob("kubelet-resource", [KUBELET], "/metrics/resource", access=access),
        ScrapeJob("kube-state-metrics", [f"127.0.0.1:{simulator.port}"], "/metrics/kube-state-metrics"),
    ]


def _install(cluster: RealCluster) -> None:
    """Install the chart with Helm, its values as they are but for the format of the log."""
    command = ["install", RELEASE, str(chart.CHART), "--namespace", SYSTEM, "--create-namespace", "--values", "-"]
    chart.helm(*command, stdin=json.dumps({"log": {"format": "text"}}), kubeconfig=cluster.kubeconfig)
    crds = ("scalingpolicies", "metricsources")
    cluster.kubectl("wait", "--for=condition=Established", *(f"crd/{each}.{GROUP}" for each in crds), "--timeout=60s")


def _keep_logs(cluster: RealCluster, folder: Path) -> None:
    """Write the log of each of the operator's pods; one that never ran has none."""
    for pod in cluster.get("pods", "-n", SYSTEM)["items"]:
        name = pod["metadata"]["name"]
        with suppress(KubectlError):
            (folder / f"{name}.log").write_text(cluster.kubectl("logs", name, "-n", SYSTEM))
