"""The place of the soak: API server, etcd, Prometheus and two operators, all of them restartable, and the fleet.

As in the bench there is no controller-manager and no node; `hands.py` stands in for the controller of Deployments.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubernetes.client import ApiClient

from e2e.bench.pace import Pace
from e2e.chaos.supervisor import Supervisor
from e2e.soak.fleet import Member, Times, deployment, policy_of
from e2e.soak.hands import Hands
from e2e.soak.loads import Loads
from e2e.testbed.access import KubectlError
from e2e.testbed.bulk import send
from e2e.testbed.installation import SYSTEM, Installation, Operator, install
from e2e.testbed.native import NativeCluster
from e2e.testbed.policies import GROUP, VERSION, open_client, source
from e2e.testbed.processes import wait_until
from e2e.testbed.prometheus import Prometheus, ScrapeJob

IDENTITIES = ("operator-a", "operator-b")
_API_SECONDS = 60.0
_LEADER_SECONDS = 60.0
_TOKEN_SECONDS = 1500.0
"""A token lasts an hour."""


@dataclass(slots=True)
class Ground:
    """Everything that runs, of which everything may be restarted."""

    members: Sequence[Member]
    pace: Pace
    folder: Path
    cluster: NativeCluster
    installation: Installation
    loads: Loads
    prometheus: Prometheus
    supervisors: Sequence[Supervisor]
    client: ApiClient
    """All rights."""
    _renewed: float

    def leader(self) -> Supervisor:
        """Of the operator that leads; waited for."""
        return self._of(leads=True)

    def follower(self) -> Supervisor:
        """Of the other one."""
        return self._of(leads=False)

    def wait_for_api(self) -> None:
        """Wait until the API server can read what it stores."""
        wait_until(self._api_reads, timeout=_API_SECONDS, what="the API server reads from etcd")

    def log(self) -> str:
        """All that the operators have logged so far."""
        logs = [self.folder / f"{identity}.log" for identity in IDENTITIES]
        return "".join(log.read_text(errors="replace") for log in logs)

    def renew_credentials(self) -> None:
        """Give the operators tokens for another hour, when it is time."""
        if time.monotonic() - self._renewed > _TOKEN_SECONDS:
            for identity in IDENTITIES:
                credentials(self.installation, self.folder, identity)
            self._renewed = time.monotonic()

    def _of(self, *, leads: bool) -> Supervisor:
        found: list[Supervisor] = []

        def look() -> bool:
            found[:] = [one for one in self.supervisors if one.operator.ready()]
            leaders = [one for one in found if one.operator.leads()]
            if len(found) < len(self.supervisors) or len(leaders) != 1:
                return False
            found[:] = leaders if leads else [one for one in found if one not in leaders]
            return True

        wait_until(look, timeout=_LEADER_SECONDS, what="one operator leads and all are ready")
        return found[0]

    def _api_reads(self) -> bool:
        try:
            self.cluster.kubectl("get", "--raw", "/readyz", "--request-timeout=5s")
            self.cluster.kubectl("get", "namespace", SYSTEM, "--request-timeout=5s")
        except KubectlError:
            return False
        return True


@contextmanager
def open_ground(members: Sequence[Member], pace: Pace, folder: Path) -> Iterator[Ground]:
    """Build everything up, with the fleet in it and the operators running, and stop it all at the end.

    Args:
        members: The fleet.
        pace: How fast.
        folder: For data and logs.
    """
    times = Times(pace.interval)
    with ExitStack() as stack:
        cluster = NativeCluster(folder / "cluster")
        stack.callback(cluster.stop)
        cluster.etcd.start()
        cluster.start_api_server()
        cluster.kubectl("create", "namespace", SYSTEM)
        installation = install(cluster, {"log": {"format": "json"}})
        loads = stack.enter_context(Loads(members, times.wave))
        job = ScrapeJob("soak", [loads.address])
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", [job], scrape_interval=pace.scrape))
        client = stack.enter_context(open_client(cluster.kubeconfig))
        cluster.apply(source("soak", prometheus.url, default=True, staleAfterSeconds=pace.stale_after))
        _create(client, members, times)
        stack.enter_context(Hands(cluster.kubeconfig))
        supervisors = [
            stack.enter_context(Supervisor(_operator(installation, folder, identity))) for identity in IDENTITIES
        ]
        yield Ground(
            members, pace, folder, cluster, installation, loads, prometheus, supervisors, client, time.monotonic()
        )


def credentials(installation: Installation, folder: Path, identity: str) -> Path:
    """A kubeconfig with a fresh token for one operator alone: the audit log tells them apart by it."""
    path = folder / f"{identity}.kubeconfig"
    shutil.copyfile(installation.renew_credentials(), path)
    return path


def _operator(installation: Installation, folder: Path, identity: str) -> Operator:
    given = {"KUBECONFIG": str(credentials(installation, folder, identity))}
    return Operator(installation, folder, identity=identity, environment=given)


def _create(client: ApiClient, members: Sequence[Member], times: Times) -> None:
    spaces = dict.fromkeys(member.namespace for member in members)
    send(client, "POST", [("/api/v1/namespaces", {"metadata": {"name": name}}) for name in spaces])
    send(client, "POST", [(_path("apps/v1", member, "deployments"), deployment(member)) for member in members])
    policies = [(_path(f"{GROUP}/{VERSION}", each, "scalingpolicies"), policy_of(each, times)) for each in members]
    send(client, "POST", policies)


def _path(group: str, member: Member, plural: str) -> str:
    return f"/apis/{group}/namespaces/{member.namespace}/{plural}"
