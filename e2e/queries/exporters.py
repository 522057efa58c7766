"""Pods, queues and databases as series of the kubelet's cAdvisor, kube-state-metrics, RabbitMQ and postgres_exporter.

Names and labels: see deadband.queries.resource, .rabbitmq, .queues and .postgresql, which cite the documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from e2e.queries.backfill import Backfill, burned, counter, gauge

MIB = 2**20
_UNITS = {"cpu": "core", "memory": "byte"}
_QUEUE_METRICS = {
    "detailed": "rabbitmq_detailed_queue_messages_ready",
    "per-object": "rabbitmq_queue_messages_ready",
}


@dataclass(frozen=True, slots=True)
class Container:
    """One container: what it uses (None: cAdvisor shows nothing yet) and asks for, in cores and bytes."""

    name: str
    cpu: float | None = None
    memory: float | None = None
    requests: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    sidecar: bool = False
    """Whether it is an init container; one that goes on running (a native sidecar) uses something."""
    burned: float = 0
    """CPU-seconds used up to 40 s before the end, beside `cpu`."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod; its owner is the ReplicaSet, or the StatefulSet, that is named."""

    namespace: str
    name: str
    owner: str
    containers: tuple[Container, ...]
    owner_kind: str = "ReplicaSet"
    ready: bool = True
    terminating: bool = False
    silent_for: int = 0
    """Seconds before the end in which cAdvisor does not tell of it any more."""
    ready_for: int | None = None
    """Seconds since it became Ready for the last time; None: kube-state-metrics does not export that time."""
    unready_for: int = 0
    """Seconds since it lost its readiness; with `ready` False and `ready_for`."""
    started: int | None = None
    """Seconds since its containers started; None: that time is not exported."""
    stopped: bool = False
    """Whether its containers do not run."""
    phase: str = "Running"
    node: str = "n1"


def add_replicaset(world: Backfill, namespace: str, deployment: str, replicaset: str) -> None:
    """Add a ReplicaSet of a Deployment."""
    owner = {"owner_kind": "Deployment", "owner_name": deployment, "owner_is_controller": "true"}
    world.add("kube_replicaset_owner", {"namespace": namespace, "replicaset": replicaset, **owner}, gauge(1))


def add_pod(world: Backfill, pod: Pod) -> None:
    """Add all that is seen of a pod, with the cgroups that are not containers of it."""
    who = {"namespace": pod.namespace, "pod": pod.name, "uid": f"uid-{pod.namespace}-{pod.name}"}
    owner = {"owner_kind": pod.owner_kind, "owner_name": pod.owner, "owner_is_controller": "true"}
    world.add("kube_pod_owner", {**who, **owner}, gauge(1))
    for condition in ("true", "false", "unknown"):
        is_so = condition == str(pod.ready).lower()
        world.add("kube_pod_status_ready", {**who, "condition": condition}, gauge(int(is_so)))
    world.add("kube_pod_status_phase", {**who, "phase": pod.phase}, gauge(1))
    world.add("kube_pod_info", {**who, "node": pod.node, "created_by_name": pod.owner}, gauge(1))
    if pod.ready_for is not None:
        at = gauge(world.at - pod.ready_for)
        world.add("kube_pod_status_ready_time", who, at, silent_for=pod.unready_for, age=pod.ready_for)
    for container in pod.containers:
        inside = {**who, "container": container.name}
        if pod.started is not None and not pod.stopped:
            world.add("kube_pod_container_state_started", inside, gauge(world.at - pod.started), age=pod.started)
        world.add("kube_pod_container_status_running", inside, gauge(int(not pod.stopped)))
    if pod.terminating:
        world.add("kube_pod_deletion_timestamp", who, gauge(world.at - 20))
    for container in pod.containers:
        for which, amounts in (("requests", container.requests), ("limits", container.limits)):
            for resource, amount in amounts.items():
                what = {"container": container.name, "node": "n1", "resource": resource, "unit": _UNITS[resource]}
                kind = "init_container" if container.sidecar else "container"
                world.add(f"kube_pod_{kind}_resource_{which}", {**who, **what}, gauge(amount))
        add_usage(world, pod, container)
    cpu = [each.cpu for each in pod.containers if each.cpu is not None]
    memory = [each.memory for each in pod.containers if each.memory is not None]
    if cpu or memory:  # the pod's own cgroup, and the sandbox as an older runtime names it
        add_usage(world, pod, Container("", sum(cpu), sum(memory)))
        add_usage(world, pod, Container("POD", 0.001, MIB))


def add_usage(
    world: Backfill, pod: Pod, container: Container, *, job: str = "kubelet", run: int = 0, ended: int | None = None
) -> None:
    """Add what cAdvisor shows of a container.

    Args:
        world: Where to.
        pod: Whose container it is; its series begins when the pod's containers started.
        container: What it uses.
        job: Who scraped it.
        run: Tells the ids before and after a restart apart.
        ended: Seconds since this run ended, which then did not begin with the pod's containers.
    """
    silent, age = (pod.silent_for, pod.started) if ended is None else (ended, None)
    where = {"namespace": pod.namespace, "pod": pod.name, "container": container.name, "job": job}
    where["id"] = f"/kubepods/{pod.namespace}/{pod.name}/{container.name}/{run}"
    if container.cpu is not None:
        cpu = {**where, "cpu": "total"}
        usage = burned(container.cpu, container.burned) if container.burned else counter(container.cpu)
        world.add("container_cpu_usage_seconds_total", cpu, usage, silent_for=silent, age=age)
    if container.memory is not None:
        world.add("container_memory_working_set_bytes", where, gauge(container.memory), silent_for=silent, age=age)


def add_node(world: Backfill, name: str, *, ready: bool) -> None:
    """Add a node; the kubelet of one that is not ready was lost."""
    for status in ("true", "false", "unknown"):
        is_so = status == ("true" if ready else "unknown")
        world.add(
            "kube_node_status_condition", {"node": name, "condition": "Ready", "status": status}, gauge(int(is_so))
        )


def add_queue(
    world: Backfill, vhost: str, name: str, ready: int, *, endpoint: str = "detailed", silent_for: int = 0
) -> None:
    """Add a queue as /metrics/detailed or /metrics/per-object shows it."""
    labels = {"vhost": vhost, "queue": name, "instance": "mq-0:15692", "job": endpoint}
    world.add(_QUEUE_METRICS[endpoint], labels, gauge(ready), silent_for=silent_for)


def add_depth(world: Backfill, metric: str, labels: Mapping[str, str], *values: int) -> None:
    """Add a gauge of an exporter, once for each value, as that many scraped instances."""
    for number, value in enumerate(values):
        world.add(metric, {**labels, "instance": f"exporter-{number}:9100"}, gauge(value))


def add_group(
    world: Backfill, group: str, topic: str, partitions: Mapping[str, tuple[int, int, int]], *, shown: bool = True
) -> None:
    """Add a consumer group in a topic as kafka_exporter shows it.

    Args:
        world: Takes the series.
        group: Its name.
        topic: The topic's.
        partitions: By number, the group's committed offset (-1: none), the oldest and the next offset of the partition.
        shown: Whether the exporter shows the topic's own offsets too.
    """
    for partition, (committed, oldest, newest) in partitions.items():
        where = {"topic": topic, "partition": partition}
        lag = newest - committed if committed >= 0 else -1
        add_depth(world, "kafka_consumergroup_lag", {"consumergroup": group, **where}, lag)
        add_depth(world, "kafka_consumergroup_current_offset", {"consumergroup": group, **where}, committed)
        if shown:
            add_depth(world, "kafka_topic_partition_oldest_offset", where, oldest)
            add_depth(world, "kafka_topic_partition_current_offset", where, newest)


def add_postgres(
    world: Backfill,
    instance: str,
    backends: Mapping[str, int],
    settings: Mapping[str, int],
    kinds: Mapping[str, int] | None = None,
) -> None:
    """Add an instance with the backends of its databases, its settings, and what it shows of backends by their type."""
    for number, (datname, count) in enumerate(backends.items(), start=16384):
        labels = {"instance": instance, "datid": str(number), "datname": datname}
        world.add("pg_stat_database_numbackends", labels, gauge(count))
    for name, value in settings.items():
        world.add(f"pg_settings_{name}", {"instance": instance, "server": "10.0.0.9:5432"}, gauge(value))
    for kind, count in (kinds or {}).items():
        for job in ("postgres", "postgres-again"):
            labels = {"instance": instance, "datname": "leads", "state": "active", "backend_type": kind, "job": job}
            world.add("pg_stat_activity_count", labels, gauge(count))
