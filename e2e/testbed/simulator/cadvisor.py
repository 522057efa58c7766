"""The world as the metric families of cAdvisor in the kubelet, with their names and labels.

Names: google/cadvisor docs/storage/prometheus.md; labels: kubernetes/kubernetes pkg/kubelet/server/server.go
(``containerPrometheusLabelsFunc``), blank where a cgroup has none. Beside the containers it has series of the sandbox
(container "POD", or "" under containerd), of each pod's slice and of the whole node: a query without ``container!=""``
counts twice. ``node`` and ``instance`` come from the scrape configuration (kube-prometheus); they are exposed here
because one endpoint speaks for every node. The id changes with a restart of the container.

With ``sampling`` in the scenario each cgroup shows the sample that cAdvisor took last, with the time at which it was
taken, as the kubelet does: Prometheus then writes no staleness marker when a series ends, and a dead container is found
until the lookback ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from e2e.testbed.simulator.world import World

_LABELS = ("container", "id", "image", "name", "namespace", "pod", "node", "instance")


def cadvisor(world: World) -> Iterator[Metric]:
    """Yield CPU and memory of every container, sandbox, pod slice and node; nothing of nodes whose kubelet is lost."""
    cpu = CounterMetricFamily(
        "container_cpu_usage_seconds", "Cumulative cpu time consumed in seconds.", labels=(*_LABELS, "cpu")
    )
    memory = GaugeMetricFamily("container_memory_working_set_bytes", "Current working set in bytes.", labels=_LABELS)
    for cgroup, sample in world.sampled():
        where = [cgroup.namespace, cgroup.pod, cgroup.node, cgroup.node]
        labels = [cgroup.container, cgroup.id, cgroup.image, cgroup.name, *where]
        at = None if sample.at is None else world.epoch + sample.at
        cpu.add_metric([*labels, "total"], sample.cpu_seconds, timestamp=at)
        memory.add_metric(labels, sample.memory, timestamp=at)
    yield from (cpu, memory)
