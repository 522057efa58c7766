"""What the simulator knows of the cluster: pods, their owners, and the scalable objects, parsed from API lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """A regular container of a pod; requests and limits in cores and bytes, absent resources are absent keys."""

    name: str
    image: str
    requests: Mapping[str, float]
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; ``ready`` is the status of its Ready condition, None where it has none; times in Unix seconds."""

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


@dataclass(frozen=True)
class Cluster:
    """One observation of the cluster."""

    pods: tuple[Pod, ...] = ()
    scalables: tuple[Scalable, ...] = ()

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


def parse_pod(item: Json) -> Pod:
    """Parse one item of a PodList."""
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    deletion = metadata.get("deletionTimestamp")
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "",
        ready=conditions.get("Ready"),
        owners=_owners(metadata),
        containers=tuple(
            Container(
                name=entry["name"],
                image=entry.get("image") or "",
                requests=_quantities((entry.get("resources") or {}).get("requests")),
                limits=_quantities((entry.get("resources") or {}).get("limits")),
            )
            for entry in spec["containers"]
        ),
        created=_seconds(metadata["creationTimestamp"]),
        deletion=_seconds(deletion) if deletion else None,
    )


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


def parse_cluster(pods: Sequence[Json], scalables: Mapping[str, Sequence[Json]]) -> Cluster:
    """Parse the items of the lists; ``scalables`` by kind."""
    return Cluster(
        pods=tuple(parse_pod(item) for item in pods),
        scalables=tuple(parse_scalable(kind, item) for kind, items in scalables.items() for item in items),
    )
