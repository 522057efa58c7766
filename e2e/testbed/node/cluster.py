"""A control plane with one real node in place of the pretended ones; inside the private machine only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.testbed import tools
from e2e.testbed.native import NativeCluster
from e2e.testbed.node.inside import NODE_ADDRESS, NODE_NAME, SERVICE_ADDRESS
from e2e.testbed.node.kubelet import RealNode
from e2e.testbed.processes import Process
from e2e.testbed.prometheus import ScrapeAccess

_SCRAPER = "scraper"
_SCRAPER_NAMESPACE = "kube-system"


class RealCluster(NativeCluster):
    """The native control plane, reached by pods at the address of the Service kubernetes, with a scheduler.

    Attributes:
        node: The node's processes.
        scheduler: The scheduler's.
    """

    kind = "real"

    def __init__(self, run_directory: Path) -> None:
        super().__init__(run_directory, port=443, address="0.0.0.0", hosts=(SERVICE_ADDRESS, NODE_ADDRESS))
        self.node = RealNode(run_directory / "node", self._authority, self.server)
        self.scheduler = Process(
            "kube-scheduler",
            [
                tools.path("kube-scheduler"),
                f"--kubeconfig={self.kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            log=run_directory / "kube-scheduler.log",
        )

    def scrape_access(self) -> ScrapeAccess:
        """Return what a Prometheus needs to scrape the kubelet: a ServiceAccount's token, good for an hour."""
        metrics = [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]
        subject = {"kind": "ServiceAccount", "name": _SCRAPER, "namespace": _SCRAPER_NAMESPACE}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _SCRAPER}
        self.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(_SCRAPER, _SCRAPER_NAMESPACE)},
            {**_rbac("ClusterRole"), "rules": metrics},
            {**_rbac("ClusterRoleBinding"), "roleRef": role, "subjects": [subject]},
        )
        token = self.run_directory / "scraper.token"
        token.touch(mode=0o600)
        token.write_text(self.kubectl("create", "token", _SCRAPER, "-n", _SCRAPER_NAMESPACE, "--duration=1h").strip())
        return ScrapeAccess(self.ca_file, token)

    def _start_nodes(self) -> None:
        self.scheduler.start()
        self.node.start()
        self.kubectl("wait", "--for=create", f"node/{NODE_NAME}", "--timeout=60s")
        self.kubectl("wait", "--for=condition=Ready", f"node/{NODE_NAME}", "--timeout=60s")

    def _stop_nodes(self) -> None:
        self.node.stop()
        self.scheduler.stop()

    def _for_real_nodes(self) -> dict[str, Any]:
        client = self._authority.administrator("testbed-api-server")
        return {
            "advertise-address": NODE_ADDRESS,  # it finds none by itself: there is no default route
            "kubelet-certificate-authority": self._authority.certificate_file,
            "kubelet-client-certificate": client.certificate,
            "kubelet-client-key": client.key,
            "kubelet-preferred-address-types": "InternalIP",
        }


@contextmanager
def open_real(run_directory: Path) -> Iterator[RealCluster]:
    """Start a control plane with a real node and stop it at the end, however the block ends."""
    cluster = RealCluster(run_directory)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _named(name: str, namespace: str | None = None) -> dict[str, str]:
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _rbac(kind: str) -> dict[str, Any]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": _named(_SCRAPER)}
