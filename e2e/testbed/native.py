"""A control plane of plain processes on loopback: etcd, kube-apiserver, kube-controller-manager and KWOK."""

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from e2e.testbed import tools
from e2e.testbed.access import Access
from e2e.testbed.audit import AuditLog
from e2e.testbed.kubeconfig import write_kubeconfig
from e2e.testbed.nodes import Nodes
from e2e.testbed.pki import Authority, KeyPair
from e2e.testbed.processes import Process, free_port

_ISSUER = "https://kubernetes.default.svc.cluster.local"
_SERVICES = "10.96.0.0/16"
_AUDIT_POLICY = Path(__file__).with_name("audit-policy.yaml")
_READY_SECONDS = 120.0
# After SIGTERM the server stops listening at once, and then waits up to a minute for open watches that end on nothing
# but its exit.
_API_SERVER_GRACE_SECONDS = 2.0


class NativeCluster(Access):
    """The native control plane; `start` has returned when everything in it is ready.

    Attributes:
        etcd, api_server, controller_manager: The processes, for tests that break one of them.
        nodes: KWOK and the pretended nodes.
        detached: True when the control plane is meant to outlive us.
    """

    kind = "native"

    def __init__(
        self,
        run_directory: Path,
        *,
        port: int | None = None,
        address: str = "127.0.0.1",
        hosts: Sequence[str] = (),
    ) -> None:
        """Make its certificates and name its processes; starts nothing.

        Args:
            run_directory: Where data and logs go.
            port: Of the API server; None takes a free one.
            address: On which the API server listens.
            hosts: Names and addresses that it is reached by, beside those of loopback.
        """
        self._authority = Authority(run_directory / "pki")
        names = ["127.0.0.1", "localhost", "kubernetes.default.svc", *hosts]
        self._serving = self._authority.server("testbed", names)
        self._administrator = self._authority.administrator("testbed-administrator")
        self._token_key = self._authority.signing_key("service-accounts")
        self._address = address
        self._port = port or free_port()
        self._url = f"https://127.0.0.1:{self._port}"
        self.detached = False
        super().__init__(self._kubeconfig("admin", self._administrator, run_directory), run_directory)
        self._audit = AuditLog(run_directory / "audit.log", self._marked_request)
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self.etcd = self._etcd(self._etcd_url)
        self.api_server = self._api_server(self._etcd_url)
        self._controller_manager_url = f"https://127.0.0.1:{(port := free_port())}"
        self.controller_manager = self._controller_manager(port)
        self.nodes = Nodes(self, self._kubeconfig("kwok", self._authority.administrator("testbed-kwok"), run_directory))

    def start(self) -> None:
        """Start everything; when a part does not come up all is stopped again and its log's tail is in the error."""
        try:
            self.etcd.start()
            self.start_api_server()
            self.controller_manager.start()
            self._start_nodes()
            self.controller_manager.wait_ready(lambda: self._ok(f"{self._controller_manager_url}/healthz"))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything for good, clients before servers; of the run directory the logs and files stay."""
        if self.detached:
            return
        self._stop_nodes()
        self.controller_manager.stop()
        self.stop_api_server()
        self.etcd.stop()
        shutil.rmtree(self.run_directory / "etcd", ignore_errors=True)  # 150 MB that nobody reads any more

    def detach(self) -> list[int]:
        """Let the control plane outlive this program; `stop` does nothing any more. Returns the pids to stop later."""
        self.detached = True
        processes = (self.nodes.process, self.controller_manager, self.api_server, self.etcd)
        for process in processes:
            process.detach()
        return [process.pid for process in processes]

    def start_api_server(self) -> None:
        """Start the API server and return when it says that it is ready."""
        self.api_server.start()
        self.api_server.wait_ready(lambda: self._ok(f"{self._url}/readyz"), timeout=_READY_SECONDS)

    def stop_api_server(self) -> None:
        """Stop the API server; everything that watches it loses its connection."""
        self.api_server.stop(timeout=_API_SERVER_GRACE_SECONDS)

    def restart_api_server(self) -> None:
        """Stop and start the API server on the same port and data."""
        self.stop_api_server()
        self.start_api_server()

    def compact_etcd(self) -> int:
        """Let etcd forget all history before its present revision, which is returned."""
        kv = f"{self._etcd_url}/v3/kv"
        found = requests.post(f"{kv}/range", json={"key": base64.b64encode(b"nothing").decode()}, timeout=10)
        found.raise_for_status()
        revision = int(found.json()["header"]["revision"])
        requests.post(f"{kv}/compaction", json={"revision": revision, "physical": True}, timeout=10).raise_for_status()
        return revision

    def audit_mark(self) -> int:
        """Return a position in the audit log behind all that has happened so far."""
        return self._audit.mark()

    def audit_events(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the audit.k8s.io/v1 events of all requests between a mark (0: the start) and now, oldest first."""
        return self._audit.events(since)

    def _start_nodes(self) -> None:
        self.nodes.start()

    def _stop_nodes(self) -> None:
        self.nodes.stop(delete=False)

    def _ok(self, url: str) -> bool:
        try:
            return self._request(url).ok
        except requests.RequestException:
            return False

    def _marked_request(self, audit_id: str) -> None:
        self._request(f"{self._url}/version", {"Audit-ID": audit_id}).raise_for_status()

    def _request(self, url: str, headers: dict[str, str] | None = None) -> requests.Response:
        pair = (str(self._administrator.certificate), str(self._administrator.key))
        return requests.get(url, headers=headers, verify=str(self._authority.certificate_file), cert=pair, timeout=30)

    def _kubeconfig(self, name: str, client: KeyPair, run_directory: Path) -> Path:
        path = run_directory / "kubeconfigs" / f"{name}.yaml"
        return write_kubeconfig(path, server=self._url, ca_file=self._authority.certificate_file, client=client)

    def _etcd(self, client_url: str) -> Process:
        peer_url = f"http://127.0.0.1:{free_port()}"
        flags = {
            "name": "testbed",
            "data-dir": self.run_directory / "etcd",
            "listen-client-urls": client_url,
            "advertise-client-urls": client_url,
            "listen-peer-urls": peer_url,
            "initial-advertise-peer-urls": peer_url,
            "initial-cluster": f"testbed={peer_url}",
            "unsafe-no-fsync": "true",  # the data need not survive the machine
            "log-level": "warn",
        }
        return self._process("etcd", flags)

    def _api_server(self, etcd_url: str) -> Process:
        flags = {
            "etcd-servers": etcd_url,
            "bind-address": self._address,
            "secure-port": self._port,
            "tls-cert-file": self._serving.certificate,
            "tls-private-key-file": self._serving.key,
            "client-ca-file": self._authority.certificate_file,
            "service-account-key-file": self._token_key.certificate,
            "service-account-signing-key-file": self._token_key.key,
            "service-account-issuer": _ISSUER,
            "authorization-mode": "Node,RBAC",
            "service-cluster-ip-range": _SERVICES,
            "endpoint-reconciler-type": "none",
            "allow-privileged": "true",
            **self._for_real_nodes(),
            "audit-policy-file": _AUDIT_POLICY,
            "audit-log-path": self.run_directory / "audit.log",
            "audit-log-maxsize": 4096,  # MB; a rotated log would hide requests from the tests
        }
        return self._process("kube-apiserver", flags)

    def _for_real_nodes(self) -> dict[str, Any]:
        """Further flags of the API server where nodes are real; here they are pretended."""
        return {}

    def _controller_manager(self, port: int) -> Process:
        client = self._authority.administrator("testbed-controller-manager")
        flags = {
            "kubeconfig": self._kubeconfig("controller-manager", client, self.run_directory),
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "tls-cert-file": self._serving.certificate,
            "tls-private-key-file": self._serving.key,
            "root-ca-file": self._authority.certificate_file,
            "service-account-private-key-file": self._token_key.key,
            "leader-elect": "false",
            "horizontal-pod-autoscaler-sync-period": "2s",
            # While the API server is away no node can tell that it lives, and KWOK does not take back "not ready" of a
            # pod when it is there again, as a kubelet does.
            "node-monitor-grace-period": "1h",
            "kube-api-qps": 200,
            "kube-api-burst": 400,
            "authorization-always-allow-paths": "/healthz,/readyz,/livez,/metrics",
        }
        return self._process("kube-controller-manager", flags)

    def _process(self, tool: str, flags: dict[str, Any]) -> Process:
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        return Process(tool, [tools.path(tool), *arguments], log=self.run_directory / f"{tool}.log")
