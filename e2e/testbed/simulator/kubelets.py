"""Writes to the API server what a kubelet or the node controller would: KWOK plays a kubelet without faults.

Readiness that a probe takes away and gives back, containers that end and start again, and nodes that fall silent. KWOK
moves a pod on only while it is Pending, and a node only while it has no annotation LOST (stages.yaml), so nothing here
is undone by it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import urllib3
from kubernetes import client

from e2e.testbed.simulator.cluster import Cluster, Pod
from e2e.testbed.simulator.orders import Orders

logger = logging.getLogger(__name__)

LOST = "testbed.deadband.dev/lost"
_GONE = {404, 409}  # deleted, or written by another since it was read: the next round sees it as it is
_MERGE = "application/strategic-merge-patch+json"


class Kubelets:
    """The kubelets of all pretended nodes; call :meth:`settle` with every observation of the cluster."""

    def __init__(self, api: client.ApiClient) -> None:
        self._core = client.CoreV1Api(api)
        self._unready: set[str] = set()
        self._ended: dict[str, str] = {}
        self._lost: set[str] = set()

    def settle(self, cluster: Cluster, orders: Orders) -> None:
        """Bring pods and nodes closer to the orders; a killed container is ended now and started by the next call.

        Raises:
            client.ApiException, urllib3.exceptions.HTTPError: The API server cannot be written to. What was to be
                written is tried again with the next call, kills excepted.
        """
        for pod in cluster.pods:
            self._settle_pod(pod, orders)
        for node in sorted(orders.unreachable - self._lost):
            self._annotate(node, "true")
            self._core.patch_node_status(node, {"status": {"conditions": [_unknown()]}}, _content_type=_MERGE)
            self._lost.add(node)
        for node in sorted(self._lost - orders.unreachable):
            self._annotate(node, None)  # KWOK then makes it Ready
            self._lost.discard(node)

    def release(self) -> None:
        """Leave all nodes to KWOK again; those of a cluster that cannot be reached any more stay as they are."""
        try:
            self.settle(Cluster(), Orders())
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            logger.warning("cannot leave the lost nodes to KWOK again: %s", error)

    def _settle_pod(self, pod: Pod, orders: Orders) -> None:
        wanted = pod.uid not in orders.unready and pod.node not in orders.unreachable
        if pod.uid in self._ended:
            self._write(pod, self._restarted(pod, self._ended.pop(pod.uid)), ready=wanted)
            (self._unready.discard if wanted else self._unready.add)(pod.uid)
            return
        killed = next((name for uid, name in orders.killed if uid == pod.uid), None)
        if killed is not None:
            self._write(pod, self._stopped(pod, killed), ready=False)
            self._ended[pod.uid] = killed
        elif not wanted and pod.ready == "True":
            self._write(pod, {}, ready=False)
            self._unready.add(pod.uid)
        elif wanted and pod.uid in self._unready:
            self._write(pod, {}, ready=True)
            self._unready.discard(pod.uid)

    def _stopped(self, pod: Pod, container: str) -> dict[str, Any]:
        ended = {"exitCode": 137, "reason": "Error", "finishedAt": _now()}
        return self._status(pod, container, {"ready": False, "started": False, "state": {"terminated": ended}}, 0)

    def _restarted(self, pod: Pod, container: str) -> dict[str, Any]:
        return self._status(
            pod, container, {"ready": True, "started": True, "state": {"running": {"startedAt": _now()}}}, 1
        )

    def _status(self, pod: Pod, container: str, new: Mapping[str, Any], restarts: int) -> dict[str, Any]:
        """Return the pod's whole lists of container statuses (the API has no patch of one) with one of them changed."""
        try:
            answer: Any = self._core.read_namespaced_pod_status(pod.name, pod.namespace, _preload_content=False)
        except client.ApiException as error:
            if error.status in _GONE:
                return {}
            raise
        status = json.loads(answer.data)["status"]
        lists = {key: status[key] for key in ("containerStatuses", "initContainerStatuses") if key in status}
        for each in (entry for entries in lists.values() for entry in entries):
            if each["name"] == container:
                each.update(new, restartCount=each["restartCount"] + restarts, lastState=each["state"])
        return lists

    def _write(self, pod: Pod, status: Mapping[str, Any], *, ready: bool) -> None:
        reason = {} if ready else {"reason": "ContainersNotReady"}
        conditions = [
            {"type": type_, "status": str(ready), "lastTransitionTime": _now(), "reason": None, **reason}
            for type_ in ("ContainersReady", "Ready")
        ]
        body = {"metadata": {"uid": pod.uid}, "status": {**status, "conditions": conditions}}
        try:
            self._core.patch_namespaced_pod_status(pod.name, pod.namespace, body, _content_type=_MERGE)
        except client.ApiException as error:
            if error.status not in _GONE:
                raise

    def _annotate(self, node: str, value: str | None) -> None:
        self._core.patch_node(node, {"metadata": {"annotations": {LOST: value}}}, _content_type=_MERGE)


def _unknown() -> dict[str, Any]:
    """Return the condition that the node controller writes when it has not heard from a kubelet for a while."""
    text = "Kubelet stopped posting node status."
    return {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": text,
        "lastTransitionTime": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
