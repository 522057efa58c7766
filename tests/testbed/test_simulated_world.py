"""The closed loop: pods share load, saturate, queue and drain; numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from e2e.testbed.simulator.cluster import Cluster, Container, Node, Owner, Pod, Scalable, parse_cluster
from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.world import Truth, World

MAIN = Container("api", "registry.example/api:1", {"cpu": 0.5, "memory": 1000}, {"cpu": 1.0, "memory": 2000})
SIDECAR = Container("proxy", "registry.example/proxy:1", {}, {})


def pod(name: str, *, ready: str = "True", phase: str = "Running", deletion: float | None = None) -> Pod:
    owner = Owner("ReplicaSet", "api-abc", controller=True)
    return Pod("shop", name, f"uid-{name}", "node-0", phase, ready, (owner,), (MAIN, SIDECAR), 0.0, deletion)


def cluster(*pods: Pod) -> Cluster:
    deployment = Owner("Deployment", "api", controller=True)
    return Cluster(pods, (Scalable("ReplicaSet", "shop", "api-abc", (deployment,), len(pods), 0, 0),))


def world(pods: int = 2, **scenario: Any) -> World:
    made = World(Scenario.model_validate(scenario), now=100.0)
    made.observe(cluster(*(pod(f"api-{index}") for index in range(pods))), 100.0)
    return made


def workload(**load: Any) -> dict[str, Any]:
    return {"workloads": [{"namespace": "shop", "name": "api", "sidecarCores": 0.25, **load}]}


def truth(made: World) -> Truth:
    (only,) = made.truth()
    return only


@pytest.mark.parametrize(
    ("load", "pods", "percent"),
    [
        pytest.param({"cpu": {"percent": 90, "pods": 3}}, 3, 90.0, id="as written at that many pods"),
        pytest.param({"cpu": {"percent": 90, "pods": 3}}, 6, 45.0, id="half of it at twice as many"),
        pytest.param({"cpu": {"percent": 90, "pods": 3}}, 1, 200.0, id="no more than the limit, twice the request"),
        pytest.param({"cpu": {"amount": 0.8}}, 2, 80.0, id="0.8 cores over 2 pods of 0.5"),
        pytest.param({}, 2, 0.0, id="idle without a load"),
    ],
)
def test_cpu_percent_of_requests_follows_the_ready_pods(load: dict[str, Any], pods: int, percent: float) -> None:
    assert truth(world(pods, **workload(**load))).cpu_percent == pytest.approx(percent)


@pytest.mark.parametrize(
    ("load", "pods", "percent"),
    [
        pytest.param({"memory": {"percent": 85, "pods": 2}, "memoryBaseBytes": 100}, 2, 85.0, id="as written"),
        pytest.param(
            {"memory": {"percent": 85, "pods": 2}, "memoryBaseBytes": 100}, 3, 60.0, id="the base stays: 100+500"
        ),
        pytest.param({"memory": {"amount": 9000}}, 2, 200.0, id="no more than the limit"),
    ],
)
def test_memory_percent_of_requests_follows_the_ready_pods(load: dict[str, Any], pods: int, percent: float) -> None:
    assert truth(world(pods, **workload(**load))).memory_percent == pytest.approx(percent)


def test_only_ready_pods_that_stay_get_load_and_count() -> None:
    made = world(**workload(cpu={"amount": 0.6}, unreadyCores=0.3, drainingCores=0.2))
    made.observe(
        cluster(
            pod("serving"),
            pod("starting", ready="False"),
            pod("leaving", deletion=1.0),
            pod("pending", phase="Pending", ready="False"),
        ),
        100.0,
    )
    assert truth(made).ready_pods == 1
    assert truth(made).cpu_percent == pytest.approx(120)
    assert {uid: use.cores for (uid, name), use in made.use.items() if name == "api"} == {
        "uid-serving": pytest.approx(0.6),
        "uid-starting": 0.3,
        "uid-leaving": 0.2,
    }


PROXY = Container("mesh", "registry.example/mesh:1", {"cpu": 0.5}, {}, restart_policy="Always")
SETUP = Container("setup", "registry.example/setup:1", {"cpu": 4.0}, {})


@pytest.mark.parametrize(
    ("changed", "percent"),
    [
        pytest.param(
            {"init_containers": (SETUP, PROXY)}, 100 * (0.4 + 0.25) / (0.5 + 0.5), id="a native sidecar counts"
        ),
        pytest.param({"requests": {"cpu": 2.0}}, 100 * (0.4 + 0.25) / 2.0, id="a pod's request stands for all"),
        pytest.param({"limits": {"cpu": 0.2}}, 40.0, id="a pod's limit binds its main container"),
        pytest.param({"containers": (replace(MAIN, stopped=True), SIDECAR)}, None, id="a container that waits is idle"),
    ],
)
def test_percent_counts_what_kubernetes_counts(changed: dict[str, Any], percent: float | None) -> None:
    made = world(1, **workload(cpu={"amount": 0.4}))
    made.observe(cluster(replace(pod("api-0"), **changed)), 100.0)
    assert truth(made).cpu_percent == (percent if percent is None else pytest.approx(percent))


def test_another_workload_with_the_same_prefix_is_not_touched() -> None:
    made = world(1, **workload(cpu={"amount": 0.4}))
    stranger = Pod(
        "shop", "api-gw-0", "uid-gw", "node-0", "Running", "True", (Owner("StatefulSet", "api-gw", True),), (MAIN,), 0.0
    )
    made.observe(Cluster((*made.cluster.pods, stranger), made.cluster.scalables), 100.0)
    assert made.use["uid-gw", "api"].cores == 0
    assert truth(made).ready_pods == 1


def test_a_counter_is_the_integral_of_use_and_never_falls() -> None:
    made = world(2, **workload(cpu={"amount": 0.8}))
    last = 0.0
    for now in (100.1, 100.1, 99.0, 103.7, 110.0):
        made.advance(now)
        assert made.cpu_seconds["uid-api-0", "api"] >= last
        last = made.cpu_seconds["uid-api-0", "api"]
    assert last == pytest.approx(0.4 * 10)
    assert made.cpu_seconds["uid-api-0", "proxy"] == pytest.approx(0.25 * 10)
    before = made.node_cpu_seconds["node-0"]
    made.observe(cluster(pod("api-1")), 112.0)
    assert ("uid-api-0", "api") not in made.cpu_seconds
    assert made.node_cpu_seconds["node-0"] > before, "the node's counter outlives its pods"
    made.advance(122.0)
    assert made.cpu_seconds["uid-api-1", "api"] == pytest.approx(0.4 * 12 + 0.8 * 10)


def test_work_beyond_the_limits_waits_and_is_done_later() -> None:
    load = {"type": "spike", "base": 0.5, "peak": 3, "atSeconds": 0, "durationSeconds": 10}
    made = world(2, **workload(cpu={"amount": load}, maxBacklogCoreSeconds=100))
    made.advance(110.0)
    assert truth(made).backlog_core_seconds == pytest.approx((3 - 2) * 10, rel=0.1)
    assert truth(made).cpu_percent == pytest.approx(200)
    waiting = truth(made).backlog_core_seconds
    made.advance(110.0 + waiting / 1.5 + 0.5)  # 2 cores of capacity less the 0.5 that still arrive
    assert truth(made).backlog_core_seconds == pytest.approx(0, abs=1e-6)
    made.advance(made.now + 1)
    assert truth(made).cpu_percent == pytest.approx(50)


def test_without_room_for_a_backlog_what_is_too_much_is_refused() -> None:
    made = world(1, **workload(cpu={"amount": 3}))
    made.advance(110.0)
    assert truth(made).backlog_core_seconds == 0
    assert truth(made).cpu_percent == pytest.approx(200)


QUEUE = {"name": "leads", "worker": "shop/api", "ratePerPod": 50, "arrivals": 30, "depth": 1000}


def test_workers_drain_a_queue_at_their_rate_and_work_for_it() -> None:
    made = world(2, **workload(), queues=[{**QUEUE, "coreSecondsPerMessage": 0.004}])
    made.advance(110.0)
    assert made.queues["leads"].ready == 1000 + 30 * 10 - 2 * 50 * 10
    assert truth(made).cpu_percent == pytest.approx(100 * 0.004 * 100 / 1.0)
    assert made.queues["leads"].unacked == 20, "two busy consumers with a prefetch of 10"
    made.advance(130.0)
    assert made.queues["leads"].ready == 0
    assert made.queues["leads"].throughput == pytest.approx(30)


def test_a_queue_grows_while_no_worker_is_ready() -> None:
    made = world(0, **workload(), queues=[QUEUE])
    made.advance(110.0)
    assert made.queues["leads"].ready == 1300


def test_a_held_queue_stays_exactly_where_it_was_put() -> None:
    made = world(2, **workload(), queues=[QUEUE])
    made.apply(Change.model_validate({"queues": {"leads": {"depth": 10000, "hold": True}}}), 105.0)
    made.advance(150.0)
    assert made.queues["leads"].ready == 10000
    made.apply(Change.model_validate({"queues": {"leads": {"hold": False}}}), 150.0)
    made.advance(160.0)
    assert made.queues["leads"].ready == 10000 - 70 * 10


def test_a_freeze_stops_loads_and_queues_but_not_counters() -> None:
    ramp = {"type": "ramp", "start": 0, "end": 1, "durationSeconds": 10}
    made = world(2, **workload(cpu={"amount": ramp}), queues=[QUEUE])
    made.apply(Change(freeze=True), 105.0)
    frozen, depth = truth(made), made.queues["leads"].ready
    counted = made.cpu_seconds["uid-api-0", "api"]
    made.advance(125.0)
    assert truth(made) == frozen
    assert frozen.cpu_percent == pytest.approx(50)
    assert made.queues["leads"].ready == depth
    assert made.cpu_seconds["uid-api-0", "api"] == pytest.approx(counted + 0.25 * 20)
    made.apply(Change(freeze=False), 125.0)
    made.advance(127.5)
    assert truth(made).cpu_percent == pytest.approx(75)


def test_a_changed_load_begins_at_its_second_zero_and_keeps_percent_meaningful_without_pods() -> None:
    made = world(2, **workload(cpu={"amount": 0.1}))
    made.observe(cluster(), 105.0)
    spike = {"type": "spike", "base": 20, "peak": 80, "atSeconds": 5, "durationSeconds": 5}
    made.apply(Change.model_validate({"workloads": {"shop/api": {"cpu": {"percent": spike, "pods": 2}}}}), 110.0)
    assert truth(made).offered_cores == pytest.approx(0.2)
    assert truth(made).cpu_percent is None, "no pods, no requests, no percent"
    made.observe(cluster(pod("api-8")), 116.0)
    assert truth(made).cpu_percent == pytest.approx(160)


def test_connections_are_refused_beyond_the_usable_ones() -> None:
    database = {"instance": "leads-db", "connections": 40, "maxConnections": 100, "reservedConnections": 2}
    made = World(Scenario.model_validate({"databases": [database]}), 0.0)
    assert made.databases["leads-db"].connections == 40
    made.apply(Change.model_validate({"databases": {"leads-db": {"connections": 500}}}), 1.0)
    assert made.databases["leads-db"].connections == 100 - 3 - 2


@pytest.mark.parametrize("kind", ["workloads", "queues", "databases"])
def test_a_change_of_something_unknown_changes_nothing(kind: str) -> None:
    made = world(2, **workload(cpu={"amount": 0.5}))
    with pytest.raises(KeyError, match=r"shop/ipa"):
        made.apply(Change.model_validate({"freeze": True, kind: {"shop/ipa": {}}}), 101.0)
    assert not made.frozen


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param({"workloads": [{"name": "api"}]}, "namespace", id="a workload without a namespace"),
        pytest.param(workload(cpu={"percent": 90}), "pods", id="a percent without pods"),
        pytest.param(workload(cpu={"percent": 90, "amount": 1, "pods": 1}), "exactly one", id="two units"),
        pytest.param(workload(cpu={}), "exactly one", id="no unit"),
        pytest.param({"queues": [QUEUE]}, "none of the workloads", id="an unknown worker"),
        pytest.param({"queues": [{"name": "a"}, {"name": "a"}]}, "named twice", id="a name twice"),
        pytest.param({"queue": []}, "queue", id="an unknown key"),
        pytest.param({"sampling": {"everySeconds": 0}}, "greater than 0", id="samples without a pause"),
        pytest.param({"nodeGraceSeconds": -1}, "greater than or equal to 0", id="a negative grace"),
        pytest.param(workload(readiness={"failsAfter": 1}), "failsAfter", id="an unknown key of readiness"),
        pytest.param(workload(startUp={"cores": 1}), "seconds", id="start-up work without an end"),
        pytest.param(workload(readiness={"recoversAfterSeconds": 0}), "greater than 0", id="readiness never lost"),
        pytest.param(
            {"databases": [{"instance": "d", "connections": 1, "maxConnections": 3}]}, "exceed", id="none usable"
        ),
    ],
)
def test_a_faulty_scenario_is_refused_with_its_fault(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Scenario.model_validate(written)


def test_lists_of_the_api_are_parsed() -> None:
    metadata = {"namespace": "shop", "creationTimestamp": "2026-01-05T08:00:00Z"}
    controller = {"kind": "ReplicaSet", "name": "api-abc", "controller": True}
    parsed = parse_cluster(
        [
            {
                "metadata": {**metadata, "name": "p", "uid": "u", "ownerReferences": [controller]},
                "spec": {
                    "nodeName": "node-0",
                    "containers": [
                        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}}},
                        {"name": "bare"},
                    ],
                    "initContainers": [{"name": "mesh", "restartPolicy": "Always"}],
                    "resources": {"requests": {"cpu": "1"}},
                },
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-05T08:00:09Z"}],
                    "containerStatuses": [
                        {
                            "name": "c",
                            "containerID": "containerd://abc",
                            "restartCount": 2,
                            "state": {"running": {"startedAt": "2026-01-05T08:00:05Z"}},
                        },
                        {"name": "bare", "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                    ],
                },
            },
            {"metadata": {**metadata, "name": "new", "uid": "v"}, "spec": {"containers": [{"name": "c"}]}},
        ],
        {
            "ReplicaSet": [
                {
                    "metadata": {
                        **metadata,
                        "name": "api-abc",
                        "ownerReferences": [{"kind": "Deployment", "name": "api", "controller": True}],
                    },
                    "spec": {"replicas": 2},
                    "status": {"replicas": 2, "readyReplicas": 1},
                }
            ]
        },
        [{"metadata": {"name": "node-0"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}],
    )
    first, new = parsed.pods
    assert parsed.members == {("Deployment", "shop", "api"): (first,)}
    assert first.containers[0].requests == {"cpu": 0.25, "memory": 128 * 1024**2}
    assert (first.serving, new.serving, new.running, new.ready) == (True, False, False, None)
    assert first.created == 1767600000
    assert first.ready_since == 1767600009
    assert [(item.name, item.started, item.restarts) for item in first.running_containers] == [
        ("c", 1767600005, 2),
        ("mesh", None, 0),
    ]
    assert first.container_id(first.containers[0]) == "abc"
    assert [(item.name, item.stopped, item.sidecar) for item in first.init_containers] == [("mesh", False, True)]
    assert (first.requests, first.limits) == ({"cpu": 1.0}, {})
    assert parsed.nodes == (Node("node-0", {"Ready": "Unknown"}),)
    assert (parsed.scalables[0].replicas, parsed.scalables[0].ready, parsed.scalables[0].available) == (2, 1, 0)
