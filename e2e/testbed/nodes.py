"""Pretended nodes: KWOK plays the kubelet for them, so pods run without containers.

No scheduler runs unless a test starts one (scheduler.py). A pod template names its node (`nodeName: NODE_NAMES[0]`)
and its pods are Ready within about a second; stages.yaml says how to make that slower. The nodes are tainted so that on
a cluster with a scheduler nothing else lands on them.
"""

from pathlib import Path
from typing import Any

import requests

from e2e.testbed import tools
from e2e.testbed.access import Access
from e2e.testbed.processes import Process, free_port

NODE_NAMES = ("testbed-node-0", "testbed-node-1")
_LABEL = "testbed.deadband.dev/pretended"
_STAGES = Path(__file__).with_name("stages.yaml")


class Nodes:
    """The pretended nodes of one cluster and the KWOK process behind them."""

    def __init__(self, access: Access, kubeconfig: Path) -> None:
        """Take the cluster and the kubeconfig under which KWOK itself talks to it."""
        self._access = access
        self._address = f"127.0.0.1:{free_port()}"
        self.process = Process(
            "kwok",
            [
                tools.path("kwok"),
                f"--kubeconfig={kubeconfig}",
                f"--config={_STAGES}",
                f"--manage-nodes-with-label-selector={_LABEL}=true",
                "--node-lease-duration-seconds=40",
                "--node-ip=127.0.0.1",
                f"--server-address={self._address}",
            ],
            log=access.run_directory / "kwok.log",
        )

    def start(self) -> None:
        """Start KWOK, create the nodes, and return when they are Ready."""
        self.process.start()
        self._access.apply(*map(node, NODE_NAMES))
        self.process.wait_ready(self._healthy)
        self._access.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "node", "-l", f"{_LABEL}=true")

    def stop(self, *, delete: bool) -> None:
        """Stop KWOK; `delete` removes the nodes too, for a cluster that goes on without us."""
        self.process.stop()
        if delete:
            self._access.kubectl("delete", "node", "-l", f"{_LABEL}=true", "--wait=false")

    def _healthy(self) -> bool:
        try:
            return requests.get(f"http://{self._address}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False


def node(name: str) -> dict[str, Any]:
    """Return the manifest of a node that KWOK plays the kubelet for, with room for everything."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {_LABEL: "true", "kubernetes.io/hostname": name}},
        "spec": {"taints": [{"key": _LABEL, "value": "true", "effect": "NoSchedule"}]},
    }
