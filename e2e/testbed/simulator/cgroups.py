"""The cgroups that cAdvisor has series of, and the samples that it takes of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from e2e.testbed.simulator.cluster import Cluster, Pod
from e2e.testbed.simulator.scenario import Sampling
from e2e.testbed.simulator.states import PAUSE

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup and its labels, which are blank where it has none.

    Attributes:
        id: Its path, another one for each run of a container.
        node: Where it is.
        uid: Of its pod; empty for a cgroup of the whole node.
        key: Name of its container, or PAUSE; empty for a pod's slice.
        started: Unix seconds at which its container started; None where that is not known.
    """

    id: str
    node: str
    uid: str = ""
    key: str = ""
    container: str = ""
    image: str = ""
    name: str = ""
    namespace: str = ""
    pod: str = ""
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU seconds so far and bytes of working set; ``at`` on the world's clock, None for this instant."""

    at: float | None
    cpu_seconds: float
    memory: float


def cgroups_of(cluster: Cluster, sandbox_container: str, nodes: Iterable[str]) -> Iterator[Cgroup]:
    """Yield the cgroups of running containers, sandboxes, pod slices and these nodes.

    Args:
        cluster: Its running pods have some.
        sandbox_container: Label container of a sandbox.
        nodes: Names of nodes beside those that have running pods.
    """
    running = [pod for pod in cluster.pods if pod.running]
    for pod in running:
        yield from _of_pod(pod, sandbox_container)
    for node in dict.fromkeys([*nodes, *(pod.node for pod in running)]):
        for path in ("/", "/kubepods.slice"):
            yield Cgroup(path, node)


def _of_pod(pod: Pod, sandbox_container: str) -> Iterator[Cgroup]:
    path = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod.uid.replace('-', '_')}.slice"
    whole = Cgroup(path, pod.node, pod.uid, namespace=pod.namespace, pod=pod.name)
    for item in pod.running_containers:
        run = pod.container_id(item)
        scope = f"{path}/cri-containerd-{run}.scope"
        yield replace(
            whole, id=scope, key=item.name, container=item.name, image=item.image, name=run, started=item.started
        )
    run = hashlib.sha256(f"{pod.uid}/{PAUSE}".encode()).hexdigest()
    scope = f"{path}/cri-containerd-{run}.scope"
    yield replace(whole, id=scope, key=PAUSE, container=sandbox_container, image=PAUSE_IMAGE, name=run)
    yield whole


class Sampler:
    """cAdvisor's housekeeping: each cgroup is sampled in its own rhythm, the first time a while after its start."""

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self._sampling = sampling
        self._random = random.Random(seed)
        self._due: dict[tuple[str, str], float] = {}
        self._last: dict[tuple[str, str], Sample] = {}

    def take(self, now: float, epoch: float, measured: Iterable[tuple[Cgroup, Sample]]) -> None:
        """Sample what is due at ``now`` (the world's clock; ``epoch`` is its 0 in Unix seconds); forget the others."""
        due, last = {}, {}
        for cgroup, sample in measured:
            key = (cgroup.node, cgroup.id)
            if key not in self._due:
                born = now if cgroup.started is None else min(now, cgroup.started - epoch)
                due[key] = born + self._sampling.first_after_seconds * self._random.uniform(4 / 5, 6 / 5)
            else:
                due[key] = self._due[key]
            if now >= due[key]:
                last[key] = replace(sample, at=now)
                due[key] = now + self._sampling.every_seconds * self._random.uniform(2 / 3, 4 / 3)
            elif key in self._last:
                last[key] = self._last[key]
        self._due, self._last = due, last

    def last(self, cgroup: Cgroup) -> Sample | None:
        """Return the sample that was taken last; None before the first."""
        return self._last.get((cgroup.node, cgroup.id))
