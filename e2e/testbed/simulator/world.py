"""The simulated world: load, queues, databases and what the pods use, advanced by the times that it is given.

Nothing here reads a clock or a socket. Between two calls of :meth:`World.advance` everything moves in steps of at most
``LONGEST_STEP`` seconds in which use is constant, so that a counter is exactly the integral of the use that the ground
truth reports, whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from e2e.testbed.simulator.cgroups import Cgroup, Sample, Sampler, cgroups_of
from e2e.testbed.simulator.cluster import Cluster, Container, Pod
from e2e.testbed.simulator.orders import Orders
from e2e.testbed.simulator.roles import asking, limit_of, main_container
from e2e.testbed.simulator.scenario import Change, Scenario, WorkloadLoad
from e2e.testbed.simulator.sharing import drain, ratio_percent, share
from e2e.testbed.simulator.states import (
    IDLE,
    PAUSE,
    PAUSE_USE,
    ContainerKey,
    DatabaseState,
    QueueState,
    Truth,
    Use,
    WorkloadState,
)

LONGEST_STEP = 0.25


class World:
    """The state of a scenario at ``now`` (any clock in seconds that never goes back).

    Attributes:
        epoch: Unix time at which that clock was 0.
        lost: The nodes whose kubelet is lost, and since when on that clock.
    """

    def __init__(self, scenario: Scenario, now: float, seed: int | None = None, epoch: float = 0.0) -> None:
        self.scenario = scenario
        self.now = now
        self.epoch = epoch
        self.load_time = 0.0
        self.frozen = False
        self.hide = scenario.hide
        self.seed = scenario.seed if seed is None else seed
        self.cluster = Cluster()
        self.workloads = {item.key: WorkloadState(item, item.cpu, item.memory) for item in scenario.workloads}
        self.queues = {
            item.name: QueueState(item, item.arrivals, item.rate_per_pod, item.depth, item.hold)
            for item in scenario.queues
        }
        self.databases = {item.instance: DatabaseState(item, item.connections, item.up) for item in scenario.databases}
        self.use: dict[ContainerKey, Use] = {}
        self.cpu_seconds: dict[ContainerKey, float] = {}
        self.pod_cpu_seconds: dict[str, float] = {}
        self.node_cpu_seconds: dict[str, float] = {}
        self.lost = dict.fromkeys(scenario.lost_nodes, now)
        self._killed: set[ContainerKey] = set()
        self._cgroups: tuple[Cgroup, ...] = ()
        self._sampler = None if scenario.sampling is None else Sampler(scenario.sampling, self.seed)
        self._ids: dict[ContainerKey, str] = {}
        self._started: dict[ContainerKey, float] = {}
        self._requests: dict[tuple[str, str], float] = {}
        self._settle(0.0)

    def observe(self, cluster: Cluster, now: float) -> None:
        """Bring the world to ``now``, then replace what is known of the cluster."""
        self.advance(now)
        self.cluster = cluster
        uids = {pod.uid for pod in cluster.pods}
        ids = {(pod.uid, item.name): pod.container_id(item) for pod in cluster.pods for item in pod.running_containers}
        self.pod_cpu_seconds = {uid: value for uid, value in self.pod_cpu_seconds.items() if uid in uids}
        self.cpu_seconds = {
            key: value
            for key, value in self.cpu_seconds.items()
            if key[0] in uids and ids.get(key) in {None, self._ids.get(key)}  # a restarted container counts from 0
        }
        self._started = {key: self._started[key] if self._ids.get(key) == run else now for key, run in ids.items()}
        self._ids = {key: value for key, value in self._ids.items() if key[0] in uids} | ids
        for workload in self.workloads.values():
            workload.probes.forget(self._members(workload.config))
        self._cgroups = tuple(cgroups_of(cluster, self.scenario.sandbox_container, self.node_cpu_seconds))
        self._settle(0.0)

    def apply(self, change: Change, now: float) -> None:
        """Bring the world to ``now``, then put a change in force; KeyError (with the name) for an unknown name."""
        self.advance(now)
        for known, named in (
            (self.workloads.keys(), change.workloads.keys() | set(change.kill)),
            (self.queues.keys(), change.queues.keys()),
            (self.databases.keys(), change.databases.keys()),
        ):
            if unknown := sorted(named - known):
                raise KeyError(f"unknown {', '.join(unknown)}; known are {', '.join(sorted(known)) or 'none'}")
        for key, workload_change in change.workloads.items():
            self.workloads[key].change(workload_change, self.load_time)
        for name, queue_change in change.queues.items():
            self.queues[name].change(queue_change, self.load_time)
        for instance, database_change in change.databases.items():
            self.databases[instance].change(database_change, self.load_time)
        for key in change.kill:
            config = self.workloads[key].config
            self._killed |= {(pod.uid, main_container(config, pod).name) for pod in self.serving(config)}
        if change.lost_nodes is not None:
            self.lost = {node: self.lost.get(node, now) for node in change.lost_nodes}
        self.frozen = self.frozen if change.freeze is None else change.freeze
        self.hide = self.hide if change.hide is None else change.hide
        self._settle(0.0)

    def advance(self, now: float) -> None:
        """Let the time until ``now`` pass; an earlier ``now`` changes nothing."""
        while (rest := now - self.now) > 0:
            step = min(rest, LONGEST_STEP)
            self._settle(step)
            for pod, name in self._running_containers():
                used = self.use[pod.uid, name].cores * step
                self.cpu_seconds[pod.uid, name] = self.cpu_seconds.get((pod.uid, name), 0.0) + used
                self.pod_cpu_seconds[pod.uid] = self.pod_cpu_seconds.get(pod.uid, 0.0) + used
                self.node_cpu_seconds[pod.node] = self.node_cpu_seconds.get(pod.node, 0.0) + used
            self.now = now if step == rest else self.now + step
            if self._sampler is not None:
                self._sampler.take(self.now, self.epoch, self._measured())

    def sampled(self) -> Iterator[tuple[Cgroup, Sample]]:
        """Yield what each kubelet shows: the last samples, or without ``sampling`` what is so at this instant."""
        for cgroup, now in self._measured():
            shown = now if self._sampler is None else self._sampler.last(cgroup)
            if shown is not None:
                yield cgroup, shown

    def orders(self) -> Orders:
        """Return what the pretended kubelets must make the API server say; a kill is ordered once."""
        grace = self.scenario.node_grace_seconds
        killed, self._killed = frozenset(self._killed), set()
        return Orders(
            unready=frozenset(uid for state in self.workloads.values() for uid in state.probes.failing),
            killed=killed,
            unreachable=frozenset(node for node, since in self.lost.items() if self.now - since >= grace),
        )

    def truth(self) -> list[Truth]:
        """Return the ground truth of every workload at the world's ``now``, in the order of the scenario."""
        return [self._truth(state) for state in self.workloads.values()]

    def serving(self, workload: WorkloadLoad) -> tuple[Pod, ...]:
        """Return the pods that share the workload's load."""
        return tuple(pod for pod in self._members(workload) if pod.serving)

    def _members(self, workload: WorkloadLoad) -> tuple[Pod, ...]:
        return self.cluster.members.get((workload.kind, workload.namespace, workload.name), ())

    def _measured(self) -> Iterator[tuple[Cgroup, Sample]]:
        """Yield every cgroup of the nodes that are not lost, with what it uses at this instant."""
        by_pod: dict[str, float] = {}
        for (uid, _), use in self.use.items():
            by_pod[uid] = by_pod.get(uid, 0.0) + use.memory
        by_node = dict.fromkeys(self.node_cpu_seconds, 0.0)
        for pod in self.cluster.pods:
            by_node[pod.node] = by_node.get(pod.node, 0.0) + by_pod.get(pod.uid, 0.0)
        for cgroup in self._cgroups:
            if cgroup.node in self.lost:
                continue
            if not cgroup.uid:
                seconds, memory = self.node_cpu_seconds.get(cgroup.node, 0.0), by_node[cgroup.node]
            elif not cgroup.key:
                seconds, memory = self.pod_cpu_seconds.get(cgroup.uid, 0.0), by_pod.get(cgroup.uid, 0.0)
            else:
                key = (cgroup.uid, cgroup.key)
                seconds, memory = self.cpu_seconds.get(key, 0.0), self.use.get(key, IDLE).memory
            yield cgroup, Sample(None, seconds, memory)

    def _running_containers(self) -> Iterator[tuple[Pod, str]]:
        for pod in self.cluster.pods:
            if pod.running:
                yield from ((pod, name) for name in (*(item.name for item in pod.running_containers), PAUSE))

    def _settle(self, step: float) -> None:
        """Compute the use that holds during the next ``step`` seconds, and move queues and backlogs by it."""
        if not self.frozen:
            self.load_time += step
        self.use = {(pod.uid, name): PAUSE_USE if name == PAUSE else IDLE for pod, name in self._running_containers()}
        for queue in self.queues.values():
            self._settle_queue(queue, step)
        for workload in self.workloads.values():
            self._settle_workload(workload, step)
        for database in self.databases.values():
            asked = database.load.at(self.load_time - database.since, f"{self.seed}/{database.config.instance}")
            database.connections = min(round(asked), database.config.usable_connections)

    def _settle_queue(self, queue: QueueState, step: float) -> None:
        worker = queue.config.worker
        queue.consumers = len(self.serving(self.workloads[worker].config)) if worker is not None else 0
        queue.arrivals = queue.load.at(self.load_time - queue.since, f"{self.seed}/{queue.config.name}")
        still = self.frozen or queue.hold
        capacity = queue.rate_per_pod * queue.consumers
        depth, queue.throughput = drain(queue.depth, queue.arrivals, capacity, step or LONGEST_STEP)
        if step and not still:
            queue.depth = depth

    def _settle_workload(self, state: WorkloadState, step: float) -> None:
        config, members = state.config, self._members(state.config)
        serving = [pod for pod in members if pod.serving]
        offered = state.cpu.at(
            self.load_time - state.cpu_since, f"{self.seed}/{config.key}/cpu", self._request(config, members, "cpu")
        ) + sum(
            queue.throughput * queue.config.core_seconds_per_message
            for queue in self.queues.values()
            if queue.config.worker == config.key
        )
        memory = state.memory.at(
            self.load_time - state.memory_since,
            f"{self.seed}/{config.key}/memory",
            self._request(config, members, "memory"),
            config.memory_base_bytes,
        )
        caps = [limit_of(config, pod, "cpu") for pod in serving]
        worked_off = state.backlog_core_seconds / (step or LONGEST_STEP)
        cores = share(offered + worked_off, caps)
        state.offered_cores = offered
        if config.readiness is not None:
            throttled = offered + worked_off > sum(cores) + 1e-9
            state.probes.watch(config.readiness, members, throttled, self.now, f"{self.seed}/{config.key}")
        if step and not self.frozen:
            waiting = state.backlog_core_seconds + (offered - sum(cores)) * step
            state.backlog_core_seconds = min(max(0.0, waiting), config.max_backlog_core_seconds)
        for pod in members:
            if not pod.running:
                continue
            main = main_container(config, pod)
            lone = self._without_load(state, pod, main)
            for container in pod.running_containers:
                beside = Use(config.sidecar_cores, config.sidecar_bytes)
                alone = Use(lone, config.memory_base_bytes)
                self.use[pod.uid, container.name] = alone if container.name == main.name else beside
        for pod, used in zip(serving, cores, strict=True):
            main = main_container(config, pod)
            if main not in pod.running_containers:
                continue
            asked = config.memory_base_bytes + memory / len(serving)
            self.use[pod.uid, main.name] = Use(used, min(asked, limit_of(config, pod, "memory")))

    def _without_load(self, state: WorkloadState, pod: Pod, main: Container) -> float:
        """Return the cores that the main container of a pod uses that gets no load."""
        config = state.config
        if pod.deletion is not None:
            return config.draining_cores
        if pod.uid in state.probes.busy:
            return limit_of(config, pod, "cpu")
        age = self.now - self._started.get((pod.uid, main.name), self.now)
        if config.start_up is not None and age < config.start_up.seconds:
            return config.start_up.cores
        return config.unready_cores

    def _request(self, config: WorkloadLoad, members: tuple[Pod, ...], resource: str) -> float | None:
        """Return the request of the pod, or of its main container; the last known one while there are no pods."""
        for pod in members:
            request = pod.requests.get(resource, main_container(config, pod).requests.get(resource))
            if request is not None:
                self._requests[config.key, resource] = request
                break
        return self._requests.get((config.key, resource))

    def _truth(self, state: WorkloadState) -> Truth:
        serving = self.serving(state.config)
        percents = {
            resource: ratio_percent(
                sum(
                    getattr(self.use[pod.uid, item.name], measure) for pod in serving for item in asking(pod, resource)
                ),
                sum(pod.requests[resource] for pod in serving if resource in pod.requests)
                + sum(
                    item.requests[resource]
                    for pod in serving
                    if resource not in pod.requests
                    for item in asking(pod, resource)
                ),
            )
            for resource, measure in (("cpu", "cores"), ("memory", "memory"))
        }
        return Truth(
            kind=state.config.kind,
            namespace=state.config.namespace,
            name=state.config.name,
            ready_pods=len(serving),
            offered_cores=state.offered_cores,
            used_cores=sum(self.use[pod.uid, item.name].cores for pod in serving for item in pod.running_containers),
            backlog_core_seconds=state.backlog_core_seconds,
            cpu_percent=percents["cpu"],
            memory_percent=percents["memory"],
        )
