"""The world as the metric families of the real exporters, with their names and labels.

Where the names and labels come from:

* cAdvisor in the kubelet: cadvisor.py; kube-state-metrics: kube_state_metrics.py.
* RabbitMQ: deps/rabbitmq_prometheus/metrics.md and metrics-detailed.md, rabbitmq.com/docs/prometheus: /metrics is
  aggregated and has no queue label, /metrics/per-object has {vhost, queue} under the same names, /metrics/detailed
  has them under the prefix ``rabbitmq_detailed_`` (families queue_coarse_metrics and queue_consumer_count).
* postgres_exporter: collector/pg_stat_database.go ({datid, datname}), cmd/postgres_exporter/pg_setting.go
  (pg_settings_* with {server}) and its README (pg_up). ``instance`` is the scrape target's label; here it tells the
  databases apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from e2e.testbed.simulator.cadvisor import cadvisor
from e2e.testbed.simulator.kube_state_metrics import kube_state_metrics
from e2e.testbed.simulator.states import QueueState
from e2e.testbed.simulator.world import World

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
