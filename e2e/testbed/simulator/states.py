"""The parts of the simulated world at one time: use of containers; states of workloads, queues and databases."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from e2e.testbed.simulator.loads import Load
from e2e.testbed.simulator.probes import Probes
from e2e.testbed.simulator.scenario import (
    DatabaseChange,
    DatabaseLoad,
    Demand,
    QueueChange,
    QueueLoad,
    WorkloadChange,
    WorkloadLoad,
)

PAUSE = "POD"  # the sandbox of a pod; no container can be named so, their names are lower case
ContainerKey = tuple[str, str]  # (pod uid, container name)


@dataclass(frozen=True, slots=True)
class Use:
    """What one container uses: cores, and bytes of working set."""

    cores: float = 0.0
    memory: float = 0.0


IDLE = Use()
PAUSE_USE = Use(cores=0.0005, memory=700_000)


@dataclass(slots=True)
class WorkloadState:
    """A workload now; a load's seconds count from ``…_since`` in load time, ``probes`` fail under throttling."""

    config: WorkloadLoad
    cpu: Demand
    memory: Demand
    cpu_since: float = 0.0
    memory_since: float = 0.0
    offered_cores: float = 0.0
    backlog_core_seconds: float = 0.0
    probes: Probes = field(default_factory=Probes)

    def change(self, new: WorkloadChange, now: float) -> None:
        """Put new demands in force at load time ``now``; what waits for CPU is forgotten with the old one."""
        if new.cpu is not None:
            self.cpu, self.cpu_since, self.backlog_core_seconds = new.cpu, now, 0.0
        if new.memory is not None:
            self.memory, self.memory_since = new.memory, now


@dataclass(slots=True)
class QueueState:
    """A queue now: depth in messages (fractional inside), arrivals and throughput in messages per second."""

    config: QueueLoad
    load: Load
    rate_per_pod: float
    depth: float
    hold: bool
    since: float = 0.0
    arrivals: float = 0.0
    throughput: float = 0.0
    consumers: int = 0

    def change(self, new: QueueChange, now: float) -> None:
        """Put new settings in force at load time ``now``."""
        if new.arrivals is not None:
            self.load, self.since = new.arrivals, now
        self.rate_per_pod = self.rate_per_pod if new.rate_per_pod is None else new.rate_per_pod
        self.depth = self.depth if new.depth is None else new.depth
        self.hold = self.hold if new.hold is None else new.hold

    @property
    def ready(self) -> int:
        """Whole messages that are ready to be delivered."""
        return math.floor(self.depth + 1e-9)

    @property
    def unacked(self) -> int:
        """Messages that the consumers hold: each busy one its prefetch."""
        capacity = self.rate_per_pod * self.consumers
        return round(self.config.prefetch * self.consumers * self.throughput / capacity) if capacity else 0


@dataclass(slots=True)
class DatabaseState:
    """A database now; connections beyond the usable ones are refused."""

    config: DatabaseLoad
    load: Load
    up: bool
    since: float = 0.0
    connections: int = 0

    def change(self, new: DatabaseChange, now: float) -> None:
        """Put new connections or reachability in force at load time ``now``."""
        if new.connections is not None:
            self.load, self.since = new.connections, now
        self.up = self.up if new.up is None else new.up


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really so in one workload: its ready pods, their use against their requests, what waits.

    Percents count running containers of ready pods that have a request, native sidecars too; the request of a pod
    stands for those of its containers, as Kubernetes has it. None without any request.
    """

    kind: str
    namespace: str
    name: str
    ready_pods: int
    offered_cores: float
    used_cores: float
    backlog_core_seconds: float
    cpu_percent: float | None
    memory_percent: float | None
