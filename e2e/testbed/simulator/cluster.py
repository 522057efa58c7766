"""What the simulator knows of the cluster: pods, their owners, and the scalable objects, parsed from API lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Json = Mapping[str, Any]
WorkloadKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner reference; ``controller`` as the API has it, False where absent."""

    kind: str
    name: str
    controller: bool


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod; requests and limits in cores and bytes, absent resources are absent keys.

    Attributes:
        id: Of the runtime, such as "containerd://abc…"; empty where the status has none.
        restarts: How often it was started again.
        started: Unix seconds at which the running container started; None while it does not run.
        stopped: Whether its status says that it waits or has ended; a container without a status runs with its pod.
        restart_policy: Of an init container: "Always" makes it a native sidecar. Empty for the others.
    """

    name: str
    image: str
    requests: Mapping[str, float]
    limits: Mapping[str, float]
    id: str = ""
    restarts: int = 0
    started: float | None = None
    stopped: bool = False
    restart_policy: str = ""

    @property
    def sidecar(self) -> bool:
        """Whether it is a native sidecar: an init container that runs as long as its pod."""
        return self.restart_policy == "Always"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; times in Unix seconds.

    Attributes:
        ready: Status of its Ready condition; None where it has none.
        ready_since: The condition's lastTransitionTime; None where it has none.
        requests, limits: Pod-level resources (``spec.resources``), in cores and bytes; empty for most pods.
    """

    namespace: str
    name: str
    uid: str
    node: str
    phase: str
    ready: str | None
    owners: tuple[Owner, ...]
    containers: tuple[Container, ...]
    created: float
    deletion: float | None = None
    ready_since: float | None = None
    init_containers: tuple[Container, ...] = ()
    requests: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    host_ip: str = ""
    pod_ip: str = ""
    priority_class: str = ""
    host_network: bool = False

    def container_id(self, container: Container) -> str:
        """Return the id of a container without the runtime's prefix; another one after each restart.

        KWOK gives its containers none, so theirs is made of the pod, the name and the number of restarts.
        """
        made = hashlib.sha256(f"{self.uid}/{container.name}/{container.restarts}".encode()).hexdigest()
        return container.id.rpartition("//")[2] or made

    @property
    def running_containers(self) -> tuple[Container, ...]:
        """Its running containers, native sidecars last; none while the pod does not run."""
        if not self.running:
            return ()
        sidecars = (item for item in self.init_containers if item.sidecar)
        return tuple(item for item in (*self.containers, *sidecars) if not item.stopped)

    @property
    def running(self) -> bool:
        """Whether its containers run (terminating ones do), which is when the kubelet has series of them."""
        return self.phase == "Running"

    @property
    def serving(self) -> bool:
        """Whether it gets load: running, ready and not terminating, as ReplicaSets count ready replicas."""
        return self.running and self.ready == "True" and self.deletion is None


@dataclass(frozen=True, slots=True)
class Scalable:
    """A ReplicaSet, Deployment or StatefulSet."""

    kind: str
    namespace: str
    name: str
    owners: tuple[Owner, ...]
    replicas: int
    ready: int
    available: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node and the statuses of its conditions ("True", "False" or "Unknown") by type."""

    name: str
    conditions: Mapping[str, str]


@dataclass(frozen=True)
class Cluster:
    """One observation of the cluster."""

    pods: tuple[Pod, ...] = ()
    scalables: tuple[Scalable, ...] = ()
    nodes: tuple[Node, ...] = ()

    @cached_property
    def members(self) -> Mapping[WorkloadKey, tuple[Pod, ...]]:
        """Pods by the workload that controls them, (kind, namespace, name), in the order of the API; no bare pods."""
        found: dict[WorkloadKey, tuple[Pod, ...]] = {}
        for pod in self.pods:
            if (workload := self._workload_of(pod)) is not None:
                found[workload] = (*found.get(workload, ()), pod)
        return found

    @cached_property
    def _replicaset_owner(self) -> dict[tuple[str, str], Owner]:
        return {
            (item.namespace, item.name): owner
            for item in self.scalables
            if item.kind == "ReplicaSet"
            for owner in item.owners
            if owner.controller
        }

    def _workload_of(self, pod: Pod) -> WorkloadKey | None:
        for owner in pod.owners:
            if owner.controller:
                above = self._replicaset_owner.get((pod.namespace, owner.name)) if owner.kind == "ReplicaSet" else None
                controller = above or owner
                return controller.kind, pod.namespace, controller.name
        return None


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _owners(metadata: Json) -> tuple[Owner, ...]:
    return tuple(
        Owner(item["kind"], item["name"], bool(item.get("controller")))
        for item in metadata.get("ownerReferences") or ()
    )


def _quantities(written: Json | None) -> dict[str, float]:
    return {
        resource: float(parse_quantity(value))  # type: ignore[no-untyped-call]  # kubernetes is typed in parts
        for resource, value in (written or {}).items()
    }


def _containers(specs: Iterable[Json] | None, statuses: Iterable[Json] | None) -> tuple[Container, ...]:
    by_name = {status["name"]: status for status in statuses or ()}
    return tuple(_container(spec, by_name.get(spec["name"], {})) for spec in specs or ())


def _container(spec: Json, status: Json) -> Container:
    resources, state = spec.get("resources") or {}, status.get("state") or {}
    started = (state.get("running") or {}).get("startedAt")
    return Container(
        name=spec["name"],
        image=spec.get("image") or "",
        requests=_quantities(resources.get("requests")),
        limits=_quantities(resources.get("limits")),
        id=status.get("containerID") or "",
        restarts=status.get("restartCount", 0),
        started=_seconds(started) if started else None,
        stopped="waiting" in state or "terminated" in state,
        restart_policy=spec.get("restartPolicy") or "",
    )


def parse_pod(item: Json) -> Pod:
    """Parse one item of a PodList."""
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    deletion = metadata.get("deletionTimestamp")
    ready = next((entry for entry in status.get("conditions") or () if entry["type"] == "Ready"), None)
    since = ready.get("lastTransitionTime") if ready is not None else None
    resources = spec.get("resources") or {}
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "",
        ready=None if ready is None else ready["status"],
        owners=_owners(metadata),
        containers=_containers(spec["containers"], status.get("containerStatuses")),
        created=_seconds(metadata["creationTimestamp"]),
        deletion=_seconds(deletion) if deletion else None,
        ready_since=_seconds(since) if since else None,
        init_containers=_containers(spec.get("initContainers"), status.get("initContainerStatuses")),
        requests=_quantities(resources.get("requests")),
        limits=_quantities(resources.get("limits")),
        host_ip=status.get("hostIP") or "",
        pod_ip=status.get("podIP") or "",
        priority_class=spec.get("priorityClassName") or "",
        host_network=bool(spec.get("hostNetwork")),
    )


def parse_node(item: Json) -> Node:
    """Parse one item of a NodeList."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return Node(item["metadata"]["name"], {entry["type"]: entry["status"] for entry in conditions})


def parse_scalable(kind: str, item: Json) -> Scalable:
    """Parse one item of a ReplicaSetList, DeploymentList or StatefulSetList."""
    metadata, status = item["metadata"], item.get("status") or {}
    return Scalable(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        owners=_owners(metadata),
        replicas=item["spec"].get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
    )


def parse_cluster(pods: Sequence[Json], scalables: Mapping[str, Sequence[Json]], nodes: Sequence[Json] = ()) -> Cluster:
    """Parse the items of the lists; ``scalables`` by kind."""
    return Cluster(
        pods=tuple(parse_pod(item) for item in pods),
        scalables=tuple(parse_scalable(kind, item) for kind, items in scalables.items() for item in items),
        nodes=tuple(parse_node(item) for item in nodes),
    )
