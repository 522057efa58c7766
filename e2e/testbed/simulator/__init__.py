"""A load simulator: the cluster's pods under a load that is known, as the series of the exporters that watch real ones.

It reads pods from an API server, asks each workload for the load of a scenario, shares that over the ready pods (closed
loop: more pods, less load for each), and serves what the kubelet's cAdvisor, kube-state-metrics, RabbitMQ and
postgres_exporter would. Run it as ``python -m e2e.testbed.simulator --kubeconfig F --config scenario.yaml --port P
[--seed N]``, or in process as :class:`Simulator`.

Endpoints, on loopback:

* ``GET /metrics``: everything, with RabbitMQ per object; scrape it with ``honor_labels: true`` (it has
  ``instance`` labels).
* ``GET /metrics/cadvisor``, ``/metrics/kube-state-metrics``, ``/metrics/rabbitmq`` (aggregated),
  ``/metrics/rabbitmq/per-object``, ``/metrics/rabbitmq/detailed``, ``/metrics/postgres``, ``/metrics/truth``: one each.
* ``GET /truth``: the ground truth as JSON, also exposed as ``deadband_sim_*``.
* ``POST /load``: a change (below) as JSON; 204, or 400 with the reason and nothing changed.

The scenario (every key has a default but the names and ``connections``; unknown keys are refused)::

    seed: 0
    sandboxContainer: POD              # or "", as under containerd
    workloads:
      - namespace: leadgen
        name: api
        kind: Deployment               # or StatefulSet
        container: api                 # the one that works; default: the first
        cpu: {percent: 90, pods: 3}    # of the request, with that many pods; or {amount: 1.35} in cores
        memory: {percent: 60, pods: 3} # or {amount: …} in bytes shared by the ready pods, on top of
        memoryBaseBytes: 0             # what each running pod has
        maxBacklogCoreSeconds: 0       # work that waits when all pods are at their limit; beyond that it is refused
        sidecarCores: 0                # each other container of a running pod
        sidecarBytes: 0
        unreadyCores: 0                # a running pod that is not ready
        drainingCores: 0               # a terminating one
    queues:
      - name: leads
        vhost: /
        arrivals: 0                    # messages per second
        worker: leadgen/lead-worker    # its ready pods drain the queue,
        ratePerPod: 50                 # each at most so many messages per second,
        coreSecondsPerMessage: 0       # with so much work for each message
        prefetch: 10
        depth: 0                       # messages ready at the start
        hold: false                    # true: depth stays as it is, whatever arrives and is taken
    databases:
      - instance: leads-db
        server: leads-db:5432
        datname: leads
        connections: 40
        maxConnections: 100
        superuserReservedConnections: 3
        reservedConnections: 0
        up: true
    hide: []                           # families left out, e.g. container_memory_working_set_bytes, rabbitmq_*

A load is a number, or one of these (seconds count from the simulator's start, or from the change that brought it)::

    {type: constant, value: 1}
    {type: step, points: [[0, 40], [30, 90]]}
    {type: ramp, start: 10, end: 90, durationSeconds: 60, delaySeconds: 0}
    {type: day, low: 10, high: 90, periodSeconds: 86400, peakSeconds: 43200}
    {type: spike, base: 20, peak: 95, atSeconds: 30, durationSeconds: 20, everySeconds: 120}
    {type: outage, of: 50, atSeconds: 30, durationSeconds: 20}
    {type: noise, of: 50, percent: 2}

A change names what is to change::

    {"workloads": {"leadgen/api": {"cpu": {"percent": 90, "pods": 3}, "memory": {…}}},
     "queues": {"leads": {"depth": 10000, "hold": true, "arrivals": …, "ratePerPod": …}},
     "databases": {"leads-db": {"connections": 85, "up": true}},
     "freeze": true,                   # the time of loads and all queues stand still; counters go on
     "hide": ["rabbitmq_*"]}           # replaces the list
"""

from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.server import Simulator
from e2e.testbed.simulator.world import Truth

__all__ = ["Change", "Scenario", "Simulator", "Truth"]
