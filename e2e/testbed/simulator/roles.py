"""Which container of a pod works, at most how much it can, and which ones count in percent of requests."""

from __future__ import annotations

import math

from e2e.testbed.simulator.cluster import Container, Pod
from e2e.testbed.simulator.scenario import WorkloadLoad


def main_container(config: WorkloadLoad, pod: Pod) -> Container:
    """Return the container that works: the one that the scenario names, else the first."""
    every = (*pod.containers, *(item for item in pod.init_containers if item.sidecar))
    return next((item for item in every if item.name == config.container), pod.containers[0])


def limit_of(config: WorkloadLoad, pod: Pod, resource: str) -> float:
    """Return what the main container can use at most: its own limit or its pod's, none where it does not run."""
    main = main_container(config, pod)
    if main not in pod.running_containers:
        return 0.0
    return min(main.limits.get(resource, math.inf), pod.limits.get(resource, math.inf))


def asking(pod: Pod, resource: str) -> tuple[Container, ...]:
    """Return the containers whose use counts: all of a pod with a request of its own, else those with a request."""
    return tuple(item for item in pod.running_containers if resource in pod.requests or resource in item.requests)
