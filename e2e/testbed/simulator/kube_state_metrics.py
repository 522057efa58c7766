"""The cluster as the metric families of kube-state-metrics v2, with their names and labels.

Names and labels: docs/metrics/workload/{pod,replicaset,deployment,statefulset}-metrics.md and
docs/metrics/cluster/node-metrics.md. A pod without a Ready condition has no kube_pod_status_ready, one that is not
ready no kube_pod_status_ready_time, one without an owner has blank owner labels. Native sidecars are init containers
there, told from the others by restart_policy of kube_pod_init_container_info. Requests of a whole pod
(``spec.resources``) have no series at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from e2e.testbed.simulator.cluster import Cluster, Container, Owner, Pod
from e2e.testbed.simulator.world import World

UNITS = {"cpu": "core", "memory": "byte"}
PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
SCALABLES = {
    "ReplicaSet": ("replicaset", {"spec_replicas": "replicas", "status_ready_replicas": "ready"}),
    "Deployment": (
        "deployment",
        {"spec_replicas": "replicas", "status_replicas_ready": "ready", "status_replicas_available": "available"},
    ),
    "StatefulSet": (
        "statefulset",
        {"replicas": "replicas", "status_replicas_ready": "ready", "status_replicas_available": "available"},
    ),
}
READY = ("true", "false", "unknown")
_POD = ("namespace", "pod", "uid")
_OWNER = ("owner_kind", "owner_name", "owner_is_controller")
_POD_INFO = ("host_ip", "pod_ip", "node", "created_by_kind", "created_by_name", "priority_class", "host_network")
_INIT_CONTAINER_INFO = ("image", "image_id", "image_spec", "container_id", "restart_policy")


def kube_state_metrics(world: World) -> Iterator[Metric]:
    """Yield what kube-state-metrics tells of pods, their resources and owners, and of what scales."""
    yield from _pods(world.cluster)
    yield from _containers(world.cluster)
    yield _nodes(world.cluster)
    for kind, (resource, measures) in SCALABLES.items():
        items = [item for item in world.cluster.scalables if item.kind == kind]
        for suffix, attribute in measures.items():
            text = f"{attribute} of a {kind}."
            family = GaugeMetricFamily(f"kube_{resource}_{suffix}", text, labels=("namespace", resource))
            for item in items:
                family.add_metric([item.namespace, item.name], getattr(item, attribute))
            yield family
    owner = GaugeMetricFamily("kube_replicaset_owner", "Its owner.", labels=("namespace", "replicaset", *_OWNER))
    for item in world.cluster.scalables:
        for labels in _owner_labels(item.owners) if item.kind == "ReplicaSet" else ():
            owner.add_metric([item.namespace, item.name, *labels], 1)
    yield owner


def _owner_labels(owners: tuple[Owner, ...]) -> list[list[str]]:
    return [[owner.kind, owner.name, str(owner.controller).lower()] for owner in owners] or [["", "", ""]]


def _pods(cluster: Cluster) -> Iterator[Metric]:
    owner = GaugeMetricFamily("kube_pod_owner", "Information about the Pod's owner.", labels=(*_POD, *_OWNER))
    phase = GaugeMetricFamily("kube_pod_status_phase", "The pod's current phase.", labels=(*_POD, "phase"))
    ready = GaugeMetricFamily("kube_pod_status_ready", "Whether the pod is ready.", labels=(*_POD, "condition"))
    created = GaugeMetricFamily("kube_pod_created", "Unix creation timestamp.", labels=_POD)
    deletion = GaugeMetricFamily("kube_pod_deletion_timestamp", "Unix deletion timestamp.", labels=_POD)
    since = GaugeMetricFamily("kube_pod_status_ready_time", "When the pod passed readiness probes.", labels=_POD)
    info = GaugeMetricFamily("kube_pod_info", "Information about pod.", labels=(*_POD, *_POD_INFO))
    for pod in cluster.pods:
        who = [pod.namespace, pod.name, pod.uid]
        for labels_of_owner in _owner_labels(pod.owners):
            owner.add_metric([*who, *labels_of_owner], 1)
        for name in PHASES if pod.phase else ():
            phase.add_metric([*who, name], pod.phase == name)
        for condition in READY if pod.ready is not None else ():
            ready.add_metric([*who, condition], str(pod.ready).lower() == condition)
        created.add_metric(who, pod.created)
        if pod.deletion is not None:
            deletion.add_metric(who, pod.deletion)
        if pod.ready == "True" and pod.ready_since is not None:
            since.add_metric(who, pod.ready_since)
        creator = next(((item.kind, item.name) for item in pod.owners if item.controller), ("<none>", "<none>"))
        network = str(pod.host_network).lower()
        info.add_metric([*who, pod.host_ip, pod.pod_ip, pod.node, *creator, pod.priority_class, network], 1)
    yield from (owner, phase, ready, created, deletion, since, info)


def _containers(cluster: Cluster) -> Iterator[Metric]:
    who = (*_POD, "container")
    for prefix, attribute in (("kube_pod_container", "containers"), ("kube_pod_init_container", "init_containers")):
        labels = (*who, "node", "resource", "unit")
        requests = GaugeMetricFamily(f"{prefix}_resource_requests", "Requested by a container.", labels=labels)
        limits = GaugeMetricFamily(f"{prefix}_resource_limits", "The limit of a container.", labels=labels)
        for pod in cluster.pods:
            _resources(requests, pod, getattr(pod, attribute), "requests")
            _resources(limits, pod, getattr(pod, attribute), "limits")
        yield from (requests, limits)
        running = GaugeMetricFamily(f"{prefix}_status_running", "Whether a container is running.", labels=who)
        for pod, item in ((each, item) for each in cluster.pods for item in getattr(each, attribute)):
            running.add_metric([pod.namespace, pod.name, pod.uid, item.name], item in pod.running_containers)
        yield running
    started = GaugeMetricFamily("kube_pod_container_state_started", "Start time of a running container.", labels=who)
    info = GaugeMetricFamily(
        "kube_pod_init_container_info", "Information about an init container.", labels=(*who, *_INIT_CONTAINER_INFO)
    )
    for pod in cluster.pods:
        for item in pod.containers:
            if item.started is not None:
                started.add_metric([pod.namespace, pod.name, pod.uid, item.name], item.started)
        for item in pod.init_containers:
            what = [item.name, item.image, "", item.image, item.id, item.restart_policy]
            info.add_metric([pod.namespace, pod.name, pod.uid, *what], 1)
    yield from (started, info)


def _nodes(cluster: Cluster) -> Metric:
    family = GaugeMetricFamily(
        "kube_node_status_condition", "The condition of a cluster node.", labels=("node", "condition", "status")
    )
    for node in cluster.nodes:
        for condition, status in node.conditions.items():
            for shown in READY:
                family.add_metric([node.name, condition, shown], status.lower() == shown)
    return family


def _resources(family: GaugeMetricFamily, pod: Pod, containers: tuple[Container, ...], which: str) -> None:
    for container in containers:
        for resource, amount in getattr(container, which).items():
            if resource in UNITS:
                who = [pod.namespace, pod.name, pod.uid, container.name, pod.node]
                family.add_metric([*who, resource, UNITS[resource]], amount)
