"""What Prometheus scrapes: cAdvisor and kube-state-metrics of the whole fleet, made so that a scrape costs little.

Names and labels are those of testbed/simulator/exposition.py, which cites the exporters' documentation; series that
the operator's queries do not name at all are left out. The kubelet gives the time of each cAdvisor sample, and so does
this server: a counter is exact at the time that stands beside it. One page stands for the kubelets of all nodes, so it
also has the `up` that Prometheus would write for each of them.

Every revision of deadband is measured on the same pages, also those that read fewer of these series: what a scrape
costs must not differ between two revisions.
"""

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from e2e.bench.fleet import CPU_REQUEST, MEMORY_REQUEST, PODS, Member, Role
from e2e.testbed.exporter import Exporter

CADVISOR, STATE = "/cadvisor", "/kube-state-metrics"

_SEED = 1
_UNEASY = (70.0, 83.0)
"""Percent of memory that a tenth of a noisy fleet moves in: across the upper threshold of 80, rarely for long."""
_JITTER = 5.0
"""Percentage points by which all others move up and down."""
_AGE = 86400.0
"""Seconds for which all pods have been Ready when the exporters start: longer than any window."""
_STARTING = 5.0
"""Seconds from the start of a container to Ready."""
_NODES = 100
_NODE_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_THREE = ("true", "false", "unknown")


class Exporters(Exporter):
    """The fleet's pods as a page of each exporter; a context manager that serves them on a free port of loopback."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self._members = members
        self._lock = threading.Lock()
        self._random = random.Random(_SEED)
        self._noisy = False
        self._cpu = [member.cpu_percent for member in members]
        self._memory = [member.memory_percent for member in members]
        self._seconds = [1000.0] * len(members)
        self._at = _now()
        self._cpu_lines = [list(_cpu_lines(member)) for member in members]
        self._memory_lines = [list(_memory_lines(member)) for member in members]
        self._up_lines = list(_up_lines(members))
        self._state = "".join(_state_lines(members, self._at - _AGE)).encode()
        super().__init__({CADVISOR: self.cadvisor, STATE: self.state})

    def make_noise(self) -> None:
        """From now on every reading changes with every scrape, but those of probes."""
        with self._lock:
            self._noisy = True

    def cross(self, member: Member) -> float:
        """Let the memory of a probe leave the band; returns the Unix time of that."""
        with self._lock:
            self._memory[member.number] = 95.0
            return _now()

    def state(self) -> bytes:
        """What kube-state-metrics shows: the same at any time."""
        return self._state

    def cadvisor(self) -> bytes:
        """CPU and memory of every container, sandbox and pod, at this instant."""
        with self._lock:
            now = _now()
            passed, self._at = now - self._at, now
            self._seconds = [
                seconds + passed * CPU_REQUEST * cpu / 100
                for seconds, cpu in zip(self._seconds, self._cpu, strict=True)
            ]
            page = "".join(self._lines(f" {round(now * 1000)}\n")).encode()
            if self._noisy:
                self._disturb()
            return page

    def _lines(self, end: str) -> Iterator[str]:
        yield "# TYPE container_cpu_usage_seconds_total counter\n"
        for lines, seconds in zip(self._cpu_lines, self._seconds, strict=True):
            value = f"{seconds!r}{end}"
            yield from (line + value for line in lines)
        yield "# TYPE container_memory_working_set_bytes gauge\n"
        for lines, percent in zip(self._memory_lines, self._memory, strict=True):
            value = f"{round(MEMORY_REQUEST * percent / 100)}{end}"
            yield from (line + value for line in lines)
        yield "# TYPE up gauge\n"
        yield from self._up_lines

    def _disturb(self) -> None:
        for member in self._members:
            number = member.number
            if member.role is Role.PROBE:
                continue
            self._cpu[number] = member.cpu_percent + self._random.uniform(-_JITTER, _JITTER)
            if number % 10 == 0:
                self._memory[number] = self._random.uniform(*_UNEASY)
            else:
                self._memory[number] = member.memory_percent + self._random.uniform(-_JITTER, _JITTER)


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _pods(member: Member) -> Iterator[tuple[str, str]]:
    """Name and uid of each pod."""
    for number in range(PODS):
        yield f"{member.name}-7d9f8b6c5-{number:05}", f"00000000-0000-0000-{number:04}-{member.number:012}"


def _who(member: Member) -> Iterator[str]:
    """The labels by which kube-state-metrics names each pod."""
    yield from (f'namespace="{member.namespace}",pod="{pod}",uid="{uid}"' for pod, uid in _pods(member))


def _node(member: Member) -> str:
    """Where all pods of a workload run."""
    return f"node-{member.number % _NODES:03}"


def _nodes(members: tuple[Member, ...]) -> list[str]:
    return sorted({_node(member) for member in members})


def _cgroups(member: Member) -> Iterator[str]:
    """The labels of each pod's container, sandbox and slice."""
    for pod, uid in _pods(member):
        where = f'namespace="{member.namespace}",pod="{pod}",node="{_node(member)}"'
        slice_ = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice"
        for container, image in ((member.name, "registry.example/app:1"), ("POD", "registry.example/pause:3")):
            scope = f"{uid}-{container}"
            yield (
                f'container="{container}",id="{slice_}/cri-containerd-{scope}.scope",image="{image}",name="{scope}",{where}'
            )
        yield f'container="",id="{slice_}",image="",name="",{where}'


def _cpu_lines(member: Member) -> Iterator[str]:
    return (f'container_cpu_usage_seconds_total{{{labels},cpu="total"}} ' for labels in _cgroups(member))


def _memory_lines(member: Member) -> Iterator[str]:
    return (f"container_memory_working_set_bytes{{{labels}}} " for labels in _cgroups(member))


def _up_lines(members: tuple[Member, ...]) -> Iterator[str]:
    for node in _nodes(members):
        yield f'up{{job="kubelet",metrics_path="/metrics/cadvisor",instance="{node}:10250",node="{node}"}} 1\n'


def _state_lines(members: tuple[Member, ...], ready_since: float) -> Iterator[str]:
    """The page of kube-state-metrics; `ready_since` is the Unix time at which every pod became Ready."""
    yield from _family("kube_replicaset_owner", members, _owner_of_replicaset)
    yield from _family("kube_pod_owner", members, _owner_of_pods)
    yield from _family("kube_pod_info", members, _info)
    yield from _family("kube_pod_status_ready", members, _ready)
    yield from _family("kube_pod_status_ready_time", members, lambda member: _ready_time(member, ready_since))
    yield from _family("kube_pod_container_state_started", members, lambda member: _started(member, ready_since))
    yield from _family("kube_pod_container_resource_requests", members, _requests)
    yield "# TYPE kube_node_status_condition gauge\n"
    yield from (line for node in _nodes(members) for line in _node_conditions(node))


def _family(name: str, members: tuple[Member, ...], lines: Callable[[Member], Iterator[str]]) -> Iterator[str]:
    yield f"# TYPE {name} gauge\n"
    for member in members:
        yield from (f"{name}{{{line}\n" for line in lines(member))


def _owner_of_replicaset(member: Member) -> Iterator[str]:
    replicaset = f'namespace="{member.namespace}",replicaset="{member.name}-7d9f8b6c5"'
    yield f'{replicaset},owner_kind="Deployment",owner_name="{member.name}",owner_is_controller="true"}} 1'


def _owner_of_pods(member: Member) -> Iterator[str]:
    owner = f'owner_kind="ReplicaSet",owner_name="{member.name}-7d9f8b6c5",owner_is_controller="true"'
    yield from (f"{who},{owner}}} 1" for who in _who(member))


def _info(member: Member) -> Iterator[str]:
    created = f'created_by_kind="ReplicaSet",created_by_name="{member.name}-7d9f8b6c5"'
    for number, who in enumerate(_who(member)):
        ip = f"10.{member.number // 250}.{member.number % 250}.{number + 1}"
        where = f'host_ip="192.0.2.1",pod_ip="{ip}",node="{_node(member)}"'
        yield f'{who},{where},{created},priority_class="",host_network="false"}} 1'


def _ready(member: Member) -> Iterator[str]:
    for who in _who(member):
        yield from (f'{who},condition="{value}"}} {int(value == "true")}' for value in _THREE)


def _ready_time(member: Member, since: float) -> Iterator[str]:
    yield from (f"{who}}} {round(since)}" for who in _who(member))


def _started(member: Member, ready_since: float) -> Iterator[str]:
    for who in _who(member):
        yield f'{who},container="{member.name}"}} {round(ready_since - _STARTING)}'


def _requests(member: Member) -> Iterator[str]:
    for who in _who(member):
        container = f'{who},container="{member.name}",node="{_node(member)}"'
        yield f'{container},resource="cpu",unit="core"}} {CPU_REQUEST}'
        yield f'{container},resource="memory",unit="byte"}} {MEMORY_REQUEST}'


def _node_conditions(node: str) -> Iterator[str]:
    for condition in _NODE_CONDITIONS:
        holds = "true" if condition == "Ready" else "false"
        for status in _THREE:
            labels = f'node="{node}",condition="{condition}",status="{status}"'
            yield f"kube_node_status_condition{{{labels}}} {int(status == holds)}\n"
