"""A load simulator: the cluster's pods under a load that is known, as the series of the exporters that watch real ones.

It reads pods from an API server, asks each workload for the load of a scenario, shares that over the ready pods (closed
loop: more pods, less load for each), and serves what the kubelet's cAdvisor, kube-state-metrics, RabbitMQ and
postgres_exporter would. It writes to the API server what real kubelets would and KWOK does not: readiness that is lost
under throttling, containers that start again, nodes that fall silent. Run it as ``python -m e2e.testbed.simulator
--kubeconfig F --config scenario.yaml --port P [--seed N]``, or in process as :class:`Simulator`.

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
    sampling:                          # absent: cAdvisor's values are those of this instant, without a time
      everySeconds: 15                 # a cgroup's values move each time, give or take a third, and bear that time
      firstAfterSeconds: 25            # after the container's start, give or take a fifth
    lostNodes: []                      # whose kubelet is lost: no samples at once,
    nodeGraceSeconds: 40               # after that time NotReady, and their pods too
    workloads:
      - namespace: leadgen
        name: api
        kind: Deployment               # or StatefulSet
        container: api                 # the one that works; default: the first
        cpu: {percent: 90, pods: 3}    # of the request, with that many pods; or {amount: 1.35} in cores
        memory: {percent: 60, pods: 3} # or {amount: …} in bytes shared by the ready pods, on top of
        memoryBaseBytes: 0             # what each running pod has
        maxBacklogCoreSeconds: 0       # work that waits when all pods are at their limit; beyond that it is refused
        sidecarCores: 0                # each other container of a running pod, native sidecars too
        sidecarBytes: 0
        unreadyCores: 0                # a running pod that is not ready
        startUp:                       # absent: none. Work before Ready (stages.yaml: starts-in), which is no load
          cores: 1
          seconds: 4                   # after the container's start; none any more once the pod is ready
        drainingCores: 0               # a terminating one
        readiness:                     # absent: throttling does not cost a pod its readiness
          failsAfterSeconds: 10        # of throttling, up to twice as long; it works on at its limit
          recoversAfterSeconds: 10     # after it failed
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
     "hide": ["rabbitmq_*"],           # replaces the list
     "lostNodes": ["testbed-node-1"],  # replaces the list
     "kill": ["leadgen/api"]}          # main containers of ready pods end, and start again a moment later

Pods are counted as Kubernetes counts them: native sidecars belong to a pod, requests and limits of the whole pod
(``spec.resources``) stand for those of its containers. kube-state-metrics has no series of these.
"""

from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.server import Simulator
from e2e.testbed.simulator.states import Truth

__all__ = ["Change", "Scenario", "Simulator", "Truth"]
