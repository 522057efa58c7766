"""The place of a measurement: an API server with the fleet in it, its exporters, and a Prometheus that scrapes them.

There is no controller-manager and no node: nothing but the operator changes anything, so that every write in the audit
log, and every CPU second, has one cause. The status that a Deployment's controller would write is written once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.bench.exporters import CADVISOR, STATE, Exporters
from e2e.bench.fleet import Member, deployment, deployment_status, namespaces, policy_of
from e2e.bench.pace import Pace
from e2e.testbed.bulk import send
from e2e.testbed.installation import SYSTEM, Installation, Operator, install
from e2e.testbed.native import NativeCluster
from e2e.testbed.policies import GROUP, VERSION, open_client, source
from e2e.testbed.prometheus import Prometheus, ScrapeJob


@dataclass(frozen=True, slots=True)
class Plant:
    """Everything that runs but the operator."""

    members: tuple[Member, ...]
    pace: Pace
    folder: Path
    cluster: NativeCluster
    installation: Installation
    exporters: Exporters
    prometheus: Prometheus
    operator: Operator
    """Not started."""


@contextmanager
def open_plant(members: tuple[Member, ...], pace: Pace, folder: Path) -> Iterator[Plant]:
    """Build it up for a fleet, and stop everything at the end.

    Args:
        members: The fleet.
        pace: How fast.
        folder: For data and logs.
    """
    cluster = NativeCluster(folder / "cluster")
    try:
        cluster.etcd.start()
        cluster.start_api_server()
        cluster.kubectl("create", "namespace", SYSTEM)
        installation = install(cluster)
        operator = Operator(installation, folder, identity="bench")
        with Exporters(members) as exporters:
            jobs = [ScrapeJob(path.strip("/"), [exporters.address], path) for path in (CADVISOR, STATE)]
            jobs.append(ScrapeJob("deadband", [operator.url.removeprefix("http://")]))
            with Prometheus(folder / "prometheus", jobs, scrape_interval=pace.scrape) as prometheus:
                cluster.apply(_source(prometheus.url, pace))
                _create(cluster.kubeconfig, members, pace)
                plant = Plant(members, pace, folder, cluster, installation, exporters, prometheus, operator)
                try:
                    yield plant
                finally:
                    operator.process.stop()
    finally:
        cluster.stop()


def _source(url: str, pace: Pace) -> dict[str, Any]:
    """The default source; its times are the defaults at the default pace."""
    return source(
        "bench",
        url,
        default=True,
        timeoutSeconds=10,
        staleAfterSeconds=pace.stale_after,
        rateWindowSeconds=pace.rate_window,
    )


def _create(kubeconfig: Path, members: tuple[Member, ...], pace: Pace) -> None:
    with open_client(kubeconfig) as client:
        send(client, "POST", [("/api/v1/namespaces", {"metadata": {"name": name}}) for name in namespaces(members)])
        deployments = [(_path("apps/v1", member, "deployments"), member) for member in members]
        policies = [(_path(f"{GROUP}/{VERSION}", member, "scalingpolicies"), member) for member in members]
        send(client, "POST", ((path, deployment(member)) for path, member in deployments))
        send(client, "PATCH", ((f"{path}/{member.name}/status", deployment_status()) for path, member in deployments))
        send(client, "POST", ((path, policy_of(member, interval_seconds=pace.interval)) for path, member in policies))


def _path(group: str, member: Member, plural: str) -> str:
    return f"/apis/{group}/namespaces/{member.namespace}/{plural}"
