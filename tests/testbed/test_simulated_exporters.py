"""What the simulator serves: the names and labels of the real exporters, and live changes over HTTP."""

from __future__ import annotations

import dataclasses
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from e2e.testbed.simulator import Simulator
from e2e.testbed.simulator.cluster import Cluster, Container, Node, Owner, Pod, Scalable

SCENARIO: dict[str, Any] = {
    "workloads": [{"namespace": "shop", "name": "api", "cpu": {"amount": 1.0}, "memory": {"amount": 600}}],
    "queues": [{"name": "leads", "depth": 10001.9, "hold": True}, {"name": "mails", "vhost": "/x", "depth": 5}],
    "databases": [
        {"instance": "leads-db", "server": "db:5432", "datname": "leads", "connections": 40},
        {"instance": "lost-db", "connections": 1, "up": False},
    ],
}
MAIN = Container("api", "registry.example/api:1", {"cpu": 0.5, "memory": 1000, "hugepages-2Mi": 1}, {"memory": 2000})
PROXY = Container(
    "proxy", "registry.example/proxy:1", {"cpu": 0.2}, {"cpu": 0.4}, restart_policy="Always", id="cri://f"
)
SETUP = Container("setup", "registry.example/setup:1", {"cpu": 0.1}, {}, stopped=True)
STARTED = dataclasses.replace(MAIN, started=20.0)
OWNER = Owner("ReplicaSet", "api-abc", controller=True)
CLUSTER = Cluster(
    (
        Pod(
            *("shop", "api-0", "uid-0", "node-0", "Running", "True", (OWNER,), (STARTED,), 10.0),
            ready_since=25.0,
            host_ip="10.0.0.1",
            pod_ip="10.1.0.1",
        ),
        Pod("shop", "api-1", "uid-1", "node-0", "Running", "True", (OWNER,), (MAIN,), 10.0, deletion=99.0),
        Pod("shop", "bare", "uid-2", "", "Pending", None, (), (MAIN,), 10.0),
        Pod(
            *("shop", "late", "uid-3", "node-1", "Pending", "False", (), (MAIN,), 10.0),
            ready_since=30.0,
            init_containers=(SETUP, PROXY),
        ),
    ),
    (
        Scalable("ReplicaSet", "shop", "api-abc", (Owner("Deployment", "api", controller=True),), 2, 1, 1),
        Scalable("Deployment", "shop", "api", (), 2, 1, 1),
        Scalable("StatefulSet", "shop", "db", (), 3, 2, 2),
    ),
    (Node("node-0", {"Ready": "True", "DiskPressure": "False"}), Node("node-1", {"Ready": "Unknown"})),
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SCENARIO, None) as running:
        running.observe(CLUSTER)
        yield running


def series(simulator: Simulator, name: str, exporter: str = "") -> list[Sample]:
    families = text_string_to_metric_families(simulator.exposition(exporter).decode())
    return [sample for family in families for sample in family.samples if sample.name == name]


POD = {"namespace", "pod", "uid"}
CADVISOR = {"container", "id", "image", "name", "namespace", "pod", "node", "instance"}
POD_INFO = {"host_ip", "pod_ip", "node", "created_by_kind", "created_by_name", "priority_class", "host_network"}
OWNERS = {"owner_kind", "owner_name", "owner_is_controller"}


@pytest.mark.parametrize(
    ("name", "labels", "count"),
    [
        pytest.param(
            "container_cpu_usage_seconds_total", {*CADVISOR, "cpu"}, 2 * 3 + 2, id="running pods and the node"
        ),
        pytest.param("container_memory_working_set_bytes", CADVISOR, 2 * 3 + 2, id="memory has no cpu label"),
        pytest.param("kube_pod_owner", POD | OWNERS, 4, id="every pod, a bare one too"),
        pytest.param("kube_pod_status_phase", {*POD, "phase"}, 4 * 5, id="five phases"),
        pytest.param("kube_pod_status_ready", {*POD, "condition"}, 3 * 3, id="only pods with the condition"),
        pytest.param("kube_pod_deletion_timestamp", POD, 1, id="only terminating pods"),
        pytest.param("kube_pod_created", POD, 4, id="creation"),
        pytest.param(
            "kube_pod_container_resource_requests",
            {*POD, "container", "node", "resource", "unit"},
            4 * 2,
            id="cpu and memory requests of pending pods too",
        ),
        pytest.param(
            "kube_pod_container_resource_limits",
            {*POD, "container", "node", "resource", "unit"},
            4,
            id="only the limits that exist",
        ),
        pytest.param("kube_pod_status_ready_time", POD, 1, id="only while ready"),
        pytest.param("kube_pod_container_state_started", {*POD, "container"}, 1, id="only what has started"),
        pytest.param("kube_pod_container_status_running", {*POD, "container"}, 4, id="1 or 0 for each container"),
        pytest.param("kube_pod_init_container_status_running", {*POD, "container"}, 2, id="and each init container"),
        pytest.param("kube_pod_info", POD | POD_INFO, 4, id="every pod and its node"),
        pytest.param(
            "kube_pod_init_container_resource_requests",
            {*POD, "container", "node", "resource", "unit"},
            2,
            id="init containers, native sidecars among them",
        ),
        pytest.param(
            "kube_pod_init_container_resource_limits",
            {*POD, "container", "node", "resource", "unit"},
            1,
            id="limits of init containers",
        ),
        pytest.param(
            "kube_pod_init_container_info",
            {*POD, "container", "image", "image_id", "image_spec", "container_id", "restart_policy"},
            2,
            id="which init container is a sidecar",
        ),
        pytest.param("kube_node_status_condition", {"node", "condition", "status"}, 3 * 3, id="three for a condition"),
        pytest.param("kube_replicaset_owner", {"namespace", "replicaset", *OWNERS}, 1, id="the ReplicaSet's owner"),
        pytest.param("kube_deployment_spec_replicas", {"namespace", "deployment"}, 1, id="a Deployment"),
        pytest.param("kube_deployment_status_replicas_ready", {"namespace", "deployment"}, 1, id="its ready replicas"),
        pytest.param("kube_deployment_status_replicas_available", {"namespace", "deployment"}, 1, id="available ones"),
        pytest.param("kube_statefulset_replicas", {"namespace", "statefulset"}, 1, id="a StatefulSet"),
        pytest.param("rabbitmq_queue_messages_ready", {"vhost", "queue"}, 2, id="per object"),
        pytest.param("rabbitmq_detailed_queue_messages_ready", {"vhost", "queue"}, 2, id="detailed"),
        pytest.param("pg_up", {"instance"}, 2, id="up, also of a database that is down"),
        pytest.param("pg_stat_database_numbackends", {"instance", "datid", "datname"}, 3, id="only while it is up"),
        pytest.param("pg_settings_max_connections", {"instance", "server"}, 1, id="settings have the server"),
        pytest.param(
            "pg_settings_superuser_reserved_connections", {"instance", "server"}, 1, id="reserved for superusers"
        ),
        pytest.param("pg_settings_reserved_connections", {"instance", "server"}, 1, id="reserved for others"),
        pytest.param("deadband_sim_cpu_utilization_percent", {"namespace", "kind", "workload"}, 1, id="the truth"),
    ],
)
def test_a_family_has_the_labels_and_series_of_the_real_exporter(
    simulator: Simulator, name: str, labels: set[str], count: int
) -> None:
    found = series(simulator, name)
    assert {frozenset(sample.labels) for sample in found} == {frozenset(labels)}
    assert len(found) == count


def test_a_query_that_does_not_exclude_slices_and_sandboxes_counts_twice(simulator: Simulator) -> None:
    memory = [s for s in series(simulator, "container_memory_working_set_bytes") if s.labels["pod"] == "api-0"]
    right = [s for s in memory if s.labels["container"] not in {"", "POD"}]
    assert [s.value for s in right] == [600]
    assert sum(s.value for s in memory) == 2 * (600 + 700_000)
    assert {s.labels["container"] for s in memory} == {"", "POD", "api"}


def test_under_containerd_the_sandbox_has_no_container_name() -> None:
    with Simulator({**SCENARIO, "sandboxContainer": ""}, None) as simulator:
        simulator.observe(CLUSTER)
        seconds = [s for s in series(simulator, "container_cpu_usage_seconds_total") if s.labels["pod"] == "api-0"]
    assert sorted((s.labels["container"], s.labels["image"]) for s in seconds) == [
        ("", ""),
        ("", "registry.k8s.io/pause:3.10"),
        ("api", "registry.example/api:1"),
    ]


def test_values_say_what_the_objects_say(simulator: Simulator) -> None:
    by_pod = {(s.labels["pod"], s.labels["condition"]): s.value for s in series(simulator, "kube_pod_status_ready")}
    assert by_pod["api-0", "true"] == 1
    assert by_pod["api-0", "false"] == 0
    requests = series(simulator, "kube_pod_container_resource_requests")
    assert {(s.labels["resource"], s.labels["unit"], s.value) for s in requests} == {
        ("cpu", "core", 0.5),
        ("memory", "byte", 1000),
    }
    bare = next(s for s in series(simulator, "kube_pod_owner") if s.labels["pod"] == "bare")
    assert bare.labels["owner_kind"] == ""
    owned = next(s for s in series(simulator, "kube_pod_owner") if s.labels["pod"] == "api-0")
    assert (owned.labels["owner_name"], owned.labels["owner_is_controller"]) == ("api-abc", "true")
    assert [s.value for s in series(simulator, "deadband_sim_cpu_utilization_percent")] == [200]
    assert [s.value for s in series(simulator, "pg_stat_database_numbackends") if s.labels["datname"] == "leads"] == [
        40
    ]


def test_times_nodes_and_sidecars_are_those_of_the_objects(simulator: Simulator) -> None:
    assert [(s.labels["pod"], s.value) for s in series(simulator, "kube_pod_status_ready_time")] == [("api-0", 25)]
    started = series(simulator, "kube_pod_container_state_started")
    assert [(s.labels["pod"], s.labels["container"], s.value) for s in started] == [("api-0", "api", 20)]
    by_pod = {s.labels["pod"]: s.labels for s in series(simulator, "kube_pod_info")}
    assert (by_pod["api-0"]["node"], by_pod["api-0"]["created_by_name"]) == ("node-0", "api-abc")
    assert by_pod["bare"]["created_by_kind"] == "<none>"
    assert {
        (s.labels["node"], s.labels["condition"], s.labels["status"])
        for s in series(simulator, "kube_node_status_condition")
        if s.value
    } == {("node-0", "Ready", "true"), ("node-0", "DiskPressure", "false"), ("node-1", "Ready", "unknown")}
    policies = {
        s.labels["container"]: s.labels["restart_policy"] for s in series(simulator, "kube_pod_init_container_info")
    }
    assert policies == {"setup": "", "proxy": "Always"}


def test_a_restarted_container_is_another_series_that_counts_from_zero(simulator: Simulator) -> None:
    def ids() -> dict[str, float]:
        found = series(simulator, "container_cpu_usage_seconds_total")
        return {s.labels["id"]: s.value for s in found if (s.labels["pod"], s.labels["container"]) == ("api-0", "api")}

    first = CLUSTER.pods[0]
    simulator.world.advance(simulator.world.now + 100)
    ((before, counted),) = ids().items()
    restarted = dataclasses.replace(first, containers=(dataclasses.replace(STARTED, restarts=1, started=50.0),))
    simulator.world.observe(dataclasses.replace(CLUSTER, pods=(restarted,)), simulator.world.now)
    ((after, anew),) = ids().items()
    assert before != after
    assert counted >= 100
    assert anew < 10


def test_the_kubelet_has_series_of_native_sidecars_and_none_of_ended_init_containers(simulator: Simulator) -> None:
    pod = dataclasses.replace(CLUSTER.pods[0], init_containers=(SETUP, PROXY))
    simulator.observe(dataclasses.replace(CLUSTER, pods=(pod,)))
    found = series(simulator, "container_memory_working_set_bytes")
    assert {s.labels["name"] for s in found if s.labels["container"] == "proxy"} == {"f"}
    assert "setup" not in {s.labels["container"] for s in found}


def test_each_rabbitmq_endpoint_has_its_own_names(simulator: Simulator) -> None:
    name = "queue_messages_ready"
    (aggregated,) = series(simulator, f"rabbitmq_{name}", "rabbitmq")
    assert (aggregated.labels, aggregated.value) == ({}, 10006)
    assert {s.labels["queue"]: s.value for s in series(simulator, f"rabbitmq_{name}", "rabbitmq/per-object")} == {
        "leads": 10001,
        "mails": 5,
    }
    assert not series(simulator, f"rabbitmq_{name}", "rabbitmq/detailed")
    assert len(series(simulator, f"rabbitmq_detailed_{name}", "rabbitmq/detailed")) == 2


def request(simulator: Simulator, path: str, body: object = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(simulator.url + path, data=data, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_change_over_http_is_in_force_at_once(simulator: Simulator) -> None:
    status, _ = request(
        simulator,
        "/load",
        {"workloads": {"shop/api": {"cpu": {"percent": 90, "pods": 1}}}, "queues": {"leads": {"depth": 7}}},
    )
    assert status == 204
    _, truth = request(simulator, "/truth")
    assert json.loads(truth)["shop/api"]["cpu_percent"] == pytest.approx(90)
    assert simulator.truth()["shop/api"].cpu_percent == pytest.approx(90)
    assert simulator.queue_depth("leads") == 7
    _, metrics = request(simulator, "/metrics")
    assert 'rabbitmq_queue_messages_ready{queue="leads",vhost="/"} 7.0' in metrics


@pytest.mark.parametrize(
    ("body", "word"),
    [
        pytest.param({"queues": {"lead": {}}}, "lead", id="an unknown queue"),
        pytest.param({"queues": {"leads": {"depht": 1}}}, "depht", id="an unknown key"),
        pytest.param([], "object", id="not an object"),
    ],
)
def test_a_faulty_change_is_refused_with_the_reason(simulator: Simulator, body: object, word: str) -> None:
    status, reason = request(simulator, "/load", body)
    assert (status, word in reason) == (400, True)


def test_hidden_families_are_gone_until_the_list_is_replaced(simulator: Simulator) -> None:
    simulator.apply({"hide": ["container_cpu_usage_seconds_total", "rabbitmq_*"]})
    assert not series(simulator, "container_cpu_usage_seconds_total")
    assert not series(simulator, "rabbitmq_detailed_queue_messages_ready")
    assert series(simulator, "container_memory_working_set_bytes")
    simulator.apply({"hide": []})
    assert series(simulator, "container_cpu_usage_seconds_total")


@pytest.mark.parametrize("path", ["/", "/metrics/nothing", "/metricsx"])
def test_an_unknown_path_is_not_found(simulator: Simulator, path: str) -> None:
    assert request(simulator, path)[0] == 404


def test_two_simulators_take_a_free_port_each() -> None:
    with Simulator({}, None) as one, Simulator({}, None) as two:
        assert one.port != two.port
        assert request(one, "/metrics/truth")[0] == 200
