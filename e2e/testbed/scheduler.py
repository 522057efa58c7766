"""A real kube-scheduler for the tests that need pods without a place; the others name their nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.testbed import tools
from e2e.testbed.cluster import Cluster
from e2e.testbed.nodes import node
from e2e.testbed.processes import Process


@contextmanager
def scheduling(cluster: Cluster, run_directory: Path) -> Iterator[None]:
    """Let pods that name no node be scheduled; on a cluster that is not ours its own scheduler does."""
    if cluster.kind != "native":
        yield
        return
    flags = (f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false", "--secure-port=0")
    process = Process("kube-scheduler", [tools.path("kube-scheduler"), *flags], log=run_directory / "scheduler.log")
    process.start()
    try:
        yield
    finally:
        process.stop()


@contextmanager
def small_node(cluster: Cluster, name: str, cpu: str) -> Iterator[None]:
    """A pretended node with so little CPU; the pods of `placed` go there and nowhere else."""
    cluster.apply(node(name))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "node", name)
        give_room(cluster, name, cpu)
        yield
    finally:
        cluster.kubectl("delete", "node", name, "--wait=false")


def give_room(cluster: Cluster, name: str, cpu: str) -> None:
    """Change how much CPU a pretended node has for pods."""
    patch = f'{{"status": {{"allocatable": {{"cpu": "{cpu}"}}}}}}'
    cluster.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)


def placed(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A workload whose pods the scheduler may put on one node alone."""
    spec = document["spec"]["template"]["spec"]
    del spec["nodeName"]
    spec |= {"nodeSelector": {"kubernetes.io/hostname": name}, "tolerations": [{"operator": "Exists"}]}
    return document
