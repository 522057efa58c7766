"""One run of the play: a namespace, proxies before the API server and Prometheus, and an operator that is kept running.

`setting.py` builds it. The API server, Prometheus, etcd and the operator are real; only what goes between them is
tampered with.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from kubernetes.client import ApiClient

from e2e.chaos.account import Account, Whole, readings_of, scales_of, statuses_of
from e2e.chaos.exchanges import Exchange, read_kubernetes, read_prometheus
from e2e.chaos.play import end_state
from e2e.chaos.proxy import Proxy
from e2e.chaos.readings import Readings
from e2e.chaos.supervisor import Supervisor
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.kubeconfig import write_kubeconfig
from e2e.testbed.pki import Authority
from e2e.testbed.policies import Seen
from e2e.testbed.prometheus import Prometheus

DEADBAND = Path(sys.executable).with_name("deadband")
"""The command of this version."""


@dataclass(frozen=True, slots=True)
class Bed:
    """What all runs share.

    Attributes:
        cluster: Where they run.
        installation: The chart on it.
        prometheus: Scrapes `readings` every second.
        readings: The loads of all lanes of all runs.
        client: All rights, past every proxy.
    """

    cluster: Cluster
    installation: Installation
    prometheus: Prometheus
    readings: Readings
    client: ApiClient


class Stage:
    """A run that is under way."""

    def __init__(self, bed: Bed, namespace: str, folder: Path, lanes: Sequence[str]) -> None:
        """Name everything; `open_stage` builds it.

        Args:
            bed: What all runs share.
            namespace: Of this run alone; also the name of its MetricSource.
            folder: For its files.
            lanes: Names of policies and of their Deployments.
        """
        self.bed = bed
        self.namespace = namespace
        self.lanes = tuple(lanes)
        self.seen = Seen(bed.client, namespace)
        self.folder = folder
        self._authority = Authority(folder / "pki")
        self.ways: list[Proxy] = []
        """Every proxy before the API server, one for each operator."""
        self.api = self.another_way("operator")
        self.prometheus = Proxy(bed.prometheus.url, read_prometheus)
        self.supervisor: Supervisor

    def kubeconfig(self, proxy: Proxy, name: str = "proxied") -> Path:
        """The operator's credentials, used through a proxy; a fresh token each time."""
        user = yaml.safe_load(self.bed.installation.renew_credentials().read_text())["users"][0]["user"]
        path = self.folder / f"{name}.yaml"
        ca_file = self._authority.certificate_file
        return write_kubeconfig(path, server=proxy.url, ca_file=ca_file, token=user["token"])

    def operator(
        self,
        identity: str,
        way: Proxy,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str | Path] = (DEADBAND,),
    ) -> Operator:
        """An operator of this run's namespace on its way to the API server; not started. The rest as in Operator."""
        return Operator(
            self.bed.installation,
            self.folder,
            identity=identity,
            namespaces=[self.namespace],
            environment={"KUBECONFIG": str(self.kubeconfig(way, identity)), **(environment or {})},
            command=command,
        )

    def another_way(self, identity: str) -> Proxy:
        """A way to the API server for one operator; a context manager."""
        cluster, serving = self.bed.cluster, self._authority.server("proxy", ["127.0.0.1"])
        way = Proxy(
            cluster.server,
            read_kubernetes,
            trusted=cluster.ca_file,
            serving=serving,
            answered=self._answered,
            name=identity,
        )
        self.ways.append(way)
        return way

    def calls(self) -> list[Exchange]:
        """Every request to the API server by every operator, oldest first."""
        return sorted((one for way in self.ways for one in list(way.exchanges)), key=lambda one: one.at)

    def offer(self, load: float, lanes: Sequence[str] = ()) -> None:
        """Change the load of lanes; of all, when none is named."""
        self.bed.readings.load(self.namespace, dict.fromkeys(lanes or self.lanes, load))

    def wait_for_replicas(self, lanes: Mapping[str, int], *, timeout: float = 60) -> None:
        """Wait until every lane's target has so many."""
        self.seen.wait_for(
            f"replicas {dict(lanes)}",
            lambda: all(self.seen.replicas(lane) == wanted for lane, wanted in lanes.items()),
            timeout=timeout,
        )

    def wait_for_reasons(self, lanes: Mapping[str, str], *, timeout: float = 60) -> None:
        """Wait until every lane's status tells a reason."""
        self.seen.wait_for(
            f"reasons {dict(lanes)}",
            lambda: all(self.seen.reason(lane) == wanted for lane, wanted in lanes.items()),
            timeout=timeout,
        )

    def wait(self, what: str, check: Callable[[], bool], *, timeout: float = 60) -> None:
        """Wait until a check holds; the failure shows every policy's decision."""
        self.seen.wait_for(what, check, timeout=timeout)

    def account(self, lane: str, query: str) -> Account:
        """What the run came to in one lane so far; `query` is how its load is asked for."""
        calls, queries = self.calls(), list(self.prometheus.exchanges)
        readings = readings_of(queries, query, epoch=datetime.now(UTC).timestamp() - time.monotonic())
        return Account(
            lane=lane,
            scales=scales_of(calls, self.namespace, lane, readings),
            readings=readings,
            statuses=statuses_of(calls, self.namespace, lane),
            end=end_state(self.seen.policy(lane), self.seen.replicas(lane)),
        )

    def whole(self) -> Whole:
        """What the run came to besides."""
        operator = self.supervisor.operator
        return Whole(
            log=self.log(),
            exits=tuple(self.supervisor.exits),
            calls=self.calls(),
            ready=operator.ready() and operator.live(),
        )

    def log(self) -> str:
        """All that operators of this run have logged so far."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _answered(self, exchange: Exchange) -> None:
        """Let a load be shared by the replicas that were just written."""
        if exchange.replicas is not None and exchange.taken and exchange.namespace == self.namespace:
            self.bed.readings.scaled(self.namespace, exchange.name, exchange.replicas)
