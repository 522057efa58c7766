"""The world as the metric families of the real exporters, with their names and labels.

Where the names and labels come from:

* cAdvisor in the kubelet: google/cadvisor docs/storage/prometheus.md for the names; kubernetes/kubernetes
  pkg/kubelet/server/server.go (``containerPrometheusLabelsFunc``) for the labels, blank where a cgroup has none. Beside
  the containers it has series of the sandbox (container "POD", or "" under containerd), of each pod's slice and of the
  whole node: a query without ``container!=""`` counts twice. ``node`` and ``instance`` come from the scrape
  configuration (kube-prometheus); they are exposed here because one endpoint speaks for every node.
* kube-state-metrics v2: docs/metrics/workload/{pod,replicaset,deployment,statefulset}-metrics.md and
  docs/metrics/cluster/node-metrics.md. A pod without a Ready condition has no kube_pod_status_ready, one that is not
  ready no kube_pod_status_ready_time, one without an owner has blank owner labels. Native sidecars are init containers
  there, told from the others by restart_policy of kube_pod_init_container_info. Requests of a whole pod
  (``spec.resources``) have no series at all.
* RabbitMQ: deps/rabbitmq_prometheus/metrics.md and metrics-detailed.md, rabbitmq.com/docs/prometheus: /metrics is
  aggregated and has no queue label, /metrics/per-object has {vhost, queue} under the same names, /metrics/detailed
  has them under the prefix ``rabbitmq_detailed_`` (families queue_coarse_metrics and queue_consumer_count).
* postgres_exporter: collector/pg_stat_database.go ({datid, datname}), cmd/postgres_exporter/pg_setting.go
  (pg_settings_* with {server}) and its README (pg_up). ``instance`` is the scrape target's label; here it tells the
  databases apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from e2e.testbed.simulator.cluster import Cluster, Container, Owner, Pod
from e2e.testbed.simulator.world import PAUSE, QueueState, Use, World

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
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
_CADVISOR = ("container", "id", "image", "name", "namespace", "pod", "node", "instance")
_POD = ("namespace", "pod", "uid")
_OWNER = ("owner_kind", "owner_name", "owner_is_controller")
_POD_INFO = ("host_ip", "pod_ip", "node", "created_by_kind", "created_by_name", "priority_class", "host_network")
_INIT_CONTAINER_INFO = ("image", "image_id", "image_spec", "container_id", "restart_policy")


def cadvisor(world: World) -> Iterator[Metric]:
    """Yield CPU and memory of every container, sandbox, pod slice and node."""
    cpu = CounterMetricFamily(
        "container_cpu_usage_seconds", "Cumulative cpu time consumed in seconds.", labels=(*_CADVISOR, "cpu")
    )
    memory = GaugeMetricFamily("container_memory_working_set_bytes", "Current working set in bytes.", labels=_CADVISOR)
    node_memory = dict.fromkeys(world.node_cpu_seconds, 0.0)
    for pod in (pod for pod in world.cluster.pods if pod.running):
        slice_id = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod.uid.replace('-', '_')}.slice"
        images = {**{item.name: item.image for item in pod.running_containers}, PAUSE: PAUSE_IMAGE}
        ids = {item.name: pod.container_id(item) for item in pod.running_containers}
        ids[PAUSE] = hashlib.sha256(f"{pod.uid}/{PAUSE}".encode()).hexdigest()
        uses = {name: world.use.get((pod.uid, name), Use()) for name in images}
        seconds = {name: world.cpu_seconds.get((pod.uid, name), 0.0) for name in images}
        where = [pod.namespace, pod.name, pod.node, pod.node]
        for name, image in images.items():
            shown = world.scenario.sandbox_container if name == PAUSE else name
            labels = [shown, f"{slice_id}/cri-containerd-{ids[name]}.scope", image, ids[name], *where]
            cpu.add_metric([*labels, "total"], seconds[name])
            memory.add_metric(labels, uses[name].memory)
        whole = sum(use.memory for use in uses.values())
        node_memory[pod.node] = node_memory.get(pod.node, 0.0) + whole
        cpu.add_metric(["", slice_id, "", "", *where, "total"], world.pod_cpu_seconds.get(pod.uid, 0.0))
        memory.add_metric(["", slice_id, "", "", *where], whole)
    for node, used in node_memory.items():
        for cgroup in ("/", "/kubepods.slice"):
            cpu.add_metric(["", cgroup, "", "", "", "", node, node, "total"], world.node_cpu_seconds.get(node, 0.0))
            memory.add_metric(["", cgroup, "", "", "", "", node, node], used)
    yield from (cpu, memory)


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
    started = GaugeMetricFamily("kube_pod_container_state_started", "Start time of a running container.", labels=who)
    info = GaugeMetricFamily(
        "kube_pod_init_container_info", "Information about an init container.", labels=(*who, *_INIT_CONTAINER_INFO)
    )
    for pod in cluster.pods:
        for item in pod.containers:
            if item.started is not None:
                started.add_metric([pod.namespace, pod.name, pod.uid, item.name], item.started)
        for item in pod.init_containers:
            labels = [pod.namespace, pod.name, pod.uid, item.name, item.image, "", item.image, item.id]
            info.add_metric([*labels, item.restart_policy], 1)
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


QUEUE_FAMILIES: dict[str, tuple[str, Callable[[QueueState], int]]] = {
    "queue_messages_ready": ("Messages ready to be delivered to consumers", lambda queue: queue.ready),
    "queue_messages_unacked": ("Messages delivered to consumers but not yet acknowledged", lambda queue: queue.unacked),
    "queue_messages": ("Sum of ready and unacknowledged messages", lambda queue: queue.ready + queue.unacked),
    "queue_consumers": ("Consumers on a queue", lambda queue: queue.consumers),
}


def rabbitmq_aggregated(world: World) -> Iterator[Metric]:
    """Yield the sums over all queues, without a queue label (the broker's default endpoint)."""
    for name, (text, value) in QUEUE_FAMILIES.items():
        yield GaugeMetricFamily(f"rabbitmq_{name}", text, value=sum(value(queue) for queue in world.queues.values()))


def rabbitmq_per_object(world: World) -> Iterator[Metric]:
    """Yield one series per queue under the plain names."""
    yield from _queues(world, "rabbitmq_")


def rabbitmq_detailed(world: World) -> Iterator[Metric]:
    """Yield one series per queue under the names of the detailed endpoint."""
    yield from _queues(world, "rabbitmq_detailed_")


def _queues(world: World, prefix: str) -> Iterator[Metric]:
    for name, (text, value) in QUEUE_FAMILIES.items():
        family = GaugeMetricFamily(prefix + name, text, labels=("vhost", "queue"))
        for queue in world.queues.values():
            family.add_metric([queue.config.vhost, queue.config.name], value(queue))
        yield family


def postgres(world: World) -> Iterator[Metric]:
    """Yield connections and their limits; of a database that is down there is only pg_up 0."""
    up = GaugeMetricFamily("pg_up", "Whether the last scrape could connect to the server.", labels=("instance",))
    backends = GaugeMetricFamily(
        "pg_stat_database_numbackends", "Backends connected to this database.", labels=("instance", "datid", "datname")
    )
    settings = {
        name: GaugeMetricFamily(f"pg_settings_{name}", f"Server Parameter: {name}", labels=("instance", "server"))
        for name in ("max_connections", "superuser_reserved_connections", "reserved_connections")
    }
    for instance, database in world.databases.items():
        up.add_metric([instance], database.up)
        if database.up:
            backends.add_metric([instance, "16384", database.config.datname], database.connections)
            for datid, datname in (("1", "template1"), ("4", "template0")):
                backends.add_metric([instance, datid, datname], 0)
            for name, family in settings.items():
                family.add_metric([instance, database.config.server], getattr(database.config, name))
    yield from (up, backends, *settings.values())


def ground_truth(world: World) -> Iterator[Metric]:
    """Yield ``deadband_sim_*``: what a correct query over the other families must come to."""
    labels = ("namespace", "kind", "workload")
    for name, text, attribute in (
        ("ready_pods", "Pods that share the load.", "ready_pods"),
        ("offered_cores", "CPU that the workload is asked for.", "offered_cores"),
        ("used_cores", "CPU that its ready pods use.", "used_cores"),
        ("backlog_core_seconds", "Work that waits because the pods are saturated.", "backlog_core_seconds"),
        ("cpu_utilization_percent", "CPU use in percent of requests.", "cpu_percent"),
        ("memory_utilization_percent", "Working set in percent of requests.", "memory_percent"),
    ):
        family = GaugeMetricFamily(f"deadband_sim_{name}", text, labels=labels)
        for truth in world.truth():
            if (value := getattr(truth, attribute)) is not None:
                family.add_metric([truth.namespace, truth.kind, truth.name], value)
        yield family
    for name, text, attribute in (
        ("queue_depth", "Messages ready, with the fraction.", "depth"),
        ("queue_arrivals_per_second", "Messages that arrive.", "arrivals"),
        ("queue_throughput_per_second", "Messages that the workers take.", "throughput"),
    ):
        family = GaugeMetricFamily(f"deadband_sim_{name}", text, labels=("vhost", "queue"))
        for queue in world.queues.values():
            family.add_metric([queue.config.vhost, queue.config.name], getattr(queue, attribute))
        yield family
    share_used = GaugeMetricFamily("deadband_sim_connections_percent", "Of the usable ones.", labels=("instance",))
    for instance, database in world.databases.items():
        share_used.add_metric([instance], 100 * database.connections / database.config.usable_connections)
    yield share_used


EXPORTERS = {
    "cadvisor": (cadvisor,),
    "kube-state-metrics": (kube_state_metrics,),
    "rabbitmq": (rabbitmq_aggregated,),
    "rabbitmq/per-object": (rabbitmq_per_object,),
    "rabbitmq/detailed": (rabbitmq_detailed,),
    "postgres": (postgres,),
    "truth": (ground_truth,),
    "": (cadvisor, kube_state_metrics, rabbitmq_per_object, rabbitmq_detailed, postgres, ground_truth),
}


class Exposition(Collector):
    """The families of one of :data:`EXPORTERS`, without the hidden ones, as a prometheus_client collector."""

    def __init__(self, world: World, exporter: str = "") -> None:
        self._world = world
        self._sources = EXPORTERS[exporter]

    def collect(self) -> Iterator[Metric]:
        """Yield the families at the world's ``now``; the caller keeps the world still meanwhile."""
        for source in self._sources:
            for family in source(self._world):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                if not any(fnmatchcase(name, pattern) for pattern in self._world.hide):
                    yield family
