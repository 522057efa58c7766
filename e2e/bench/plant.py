"""The place of a measurement: an API server with the fleet in it, its exporters, and a Prometheus that scrapes them.

There is no controller-manager and no node: nothing but the operator changes anything, so that every write in the audit
log, and every CPU second, has one cause. The status that a Deployment's controller would write is written once.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.bench.exporters import CADVISOR, STATE, Exporters
from e2e.bench.fleet import Member, deployment, deployment_status, namespaces, policy_of
from e2e.bench.pace import Pace
from e2e.testbed import chart
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
    with ExitStack() as stack:
        cluster, installation = stack.enter_context(open_control_plane(members, pace, folder / "cluster"))
        operator = Operator(installation, folder, identity="bench")
        exporters = stack.enter_context(Exporters(members))
        jobs = [*exporter_jobs(exporters), operator_job(operator)]
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", jobs, scrape_interval=pace.scrape))
        cluster.apply(default_source(prometheus.url, pace))
        stack.callback(operator.process.stop)
        yield Plant(members, pace, folder, cluster, installation, exporters, prometheus, operator)


@contextmanager
def open_control_plane(
    members: tuple[Member, ...], pace: Pace, folder: Path, chart_folder: Path = chart.CHART
) -> Iterator[tuple[NativeCluster, Installation]]:
    """Start an API server with the fleet and deadband's chart in it, and stop it at the end; there is no source yet.

    Args:
        members: The fleet.
        pace: How fast.
        folder: For data and logs.
        chart_folder: The chart; its CRDs must accept the fleet's policies.
    """
    cluster = NativeCluster(folder)
    try:
        cluster.etcd.start()
        cluster.start_api_server()
        cluster.kubectl("create", "namespace", SYSTEM)
        installation = install(cluster, chart_folder=chart_folder)
        _create(cluster.kubeconfig, members, pace)
        yield cluster, installation
    finally:
        cluster.stop()


def exporter_jobs(exporters: Exporters) -> list[ScrapeJob]:
    """The scrapes of the fleet's pods."""
    return [ScrapeJob(path.strip("/"), [exporters.address], path) for path in (CADVISOR, STATE)]


def operator_job(*operators: Operator) -> ScrapeJob:
    """The scrape of the operators' own metrics."""
    return ScrapeJob("deadband", [operator.url.removeprefix("http://") for operator in operators])


def default_source(url: str, pace: Pace) -> dict[str, Any]:
    """The MetricSource of all policies; its times are the defaults at the default pace."""
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
