"""HPAs as targets: the HPA's own loop runs in the real controller-manager, and deadband moves its bounds.

There is no metrics API, so the loop does one thing: it brings a workload between the bounds of its HPA.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes.client import ApiClient

from deadband.adapters.autoscalers import KubeAutoscalers
from deadband.adapters.kube_connect import connect
from deadband.api.originals import ORIGINAL_BOUNDS_ANNOTATION
from deadband.core.autoscaler import Rewrite
from deadband.ports import ConflictError
from e2e.testbed.autoscalers import autoscaler
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.keda import SCALED_OBJECTS, scaled_object
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload

NAMESPACE = "hpa"
DOWN = {"allOf": [{"metric": "load", "below": 3}], "cooldownSeconds": 0, "forSeconds": 0}

# name: the HPA's bounds and the replicas of its workload at the start
HPAS = {
    "floor": (1, 4, 1),
    "cap": (1, 12, 12),
    "pin": (1, 10, 4),
    "kedas": (1, 10, 2),
    "leaver": (1, 10, 1),
    "turncoat": (1, 10, 3),
    "orphan": (2, 10, 2),
    "foreign": (2, 10, 2),
    "sleeper": (2, 10, 2),
    "sleepless": (2, 10, 2),
}
EXTERNAL = {"type": "External", "external": {"metric": {"name": "depth"}, "target": {"type": "Value", "value": "5"}}}


def moving(name: str, load: int, **spec: Any) -> dict[str, Any]:
    """A policy of an HPA under a load: up by two above 5, down by two below 3."""
    two = {"type": "Pods", "pods": 2}
    return policy(
        name,
        NAMESPACE,
        **{
            "scaleTargetRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": name},
            "metrics": [{"name": "load", "query": f"vector({load})"}],
            "scaleUp": {"anyOf": [{"metric": "load", "above": 5}], "step": two, "limits": []},
            "scaleDown": {**DOWN, "step": two, "limits": []},
            **spec,
        },
    )


HALVING = {**DOWN, "step": {"type": "Percent", "percent": 90}}  # as far as the default limits let it
POLICIES = [
    moving("floor", 9),
    moving("cap", 1, bound="MaxReplicas", scaleDown=HALVING),
    moving("pin", 4, bound="Both"),
    moving("kedas", 9),
    moving("leaver", 9, maxReplicas=3),
    moving("turncoat", 4, bound="Both"),
    moving("orphan", 9, maxReplicas=4),
    moving("sleeper", 1, minReplicas=0),
    moving("sleepless", 1, minReplicas=0),
    policy("direct", NAMESPACE, scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "kedas"},
           metrics=[{"name": "load", "query": "vector(9)"}], scaleUp={"anyOf": [{"metric": "load", "above": 5}]}),
]  # fmt: skip


class World:
    """The cluster with all HPAs under their policies, and the operator."""

    def __init__(self, cluster: Cluster, seen: Seen, start: Callable[[], Operator]) -> None:
        self.cluster = cluster
        self.seen = seen
        self._start = start
        self.operator = start()

    def restart(self) -> None:
        """Let a new process lead."""
        self.operator = self._start()

    def bounds(self, name: str) -> tuple[int, int]:
        """minReplicas and maxReplicas of an HPA."""
        spec = self._hpa(name)["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def originals(self, name: str) -> dict[str, Any]:
        """What the annotation says; empty where there is none."""
        annotations = self._hpa(name)["metadata"].get("annotations") or {}
        found: dict[str, Any] = json.loads(annotations.get(ORIGINAL_BOUNDS_ANNOTATION, "{}"))
        return found

    def wait_for_bounds(self, name: str, low: int, high: int) -> None:
        """Wait until an HPA says so."""
        self.seen.wait_for(f"{name} at {low} to {high}", lambda: self.bounds(name) == (low, high))

    def wait_for_pods(self, name: str, replicas: int) -> None:
        """Wait until the HPA's own loop has scaled the workload."""
        self.seen.wait_for(f"{replicas} replicas of {name}", lambda: self.seen.replicas(name) == replicas)

    def delete(self, name: str) -> None:
        """Delete a policy."""
        self.cluster.kubectl("delete", "scalingpolicy", name, "-n", NAMESPACE)

    def _hpa(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get("hpa.v2.autoscaling", name, "-n", NAMESPACE)
        return found


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Workloads and HPAs, then policies and the operator."""
    folder = tmp_path_factory.mktemp("hpa")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(*(workload(name, NAMESPACE, replicas=pods) for name, (_, _, pods) in HPAS.items()))
    # The owner must be there: what names another as its owner is garbage to the cluster.
    cluster.apply(SCALED_OBJECTS)
    cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
    queue = scaled_object("queue", NAMESPACE)
    queue["spec"]["scaleTargetRef"]["name"] = "kedas"
    cluster.apply(queue)
    uid = cluster.get("scaledobject", "queue", "-n", NAMESPACE)["metadata"]["uid"]
    owner = {key: queue[key] for key in ("apiVersion", "kind")} | {"name": "queue", "uid": uid, "controller": True}
    owners = {"kedas": owner}
    hpas = [autoscaler(name, NAMESPACE, low, high, owner=owners.get(name)) for name, (low, high, _) in HPAS.items()]
    next(hpa for hpa in hpas if hpa["metadata"]["name"] == "sleeper")["spec"]["metrics"] = [EXTERNAL]
    cluster.apply(*hpas, server_side=True)
    operators: list[Operator] = []

    def start() -> Operator:
        operators.append(Operator(installation, folder, identity=f"hpa-{len(operators)}", namespaces=[NAMESPACE]))
        operators[-1].start()
        return operators[-1]

    with Prometheus(folder / "prometheus", []) as prometheus:
        cluster.apply(source("hpa", prometheus.url, default=True), *POLICIES)
        try:
            yield World(cluster, Seen(api_client, NAMESPACE), start)
        finally:
            for operator in operators:
                operator.process.stop()
            cluster.kubectl("delete", "metricsource", "hpa")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_both_bounds_are_pinned_where_the_workload_stands(world: World) -> None:
    world.wait_for_bounds("pin", 4, 4)

    assert world.originals("pin")["minReplicas"] == {"original": 1, "written": 4}
    assert world.originals("pin")["maxReplicas"] == {"original": 10, "written": 4}
    assert world.seen.replicas("pin") == 4


def test_a_cut_of_the_cap_takes_pods_away_and_obeys_the_limits(world: World) -> None:
    world.wait_for_bounds("cap", 1, 6)
    world.wait_for_pods("cap", 6)
    world.seen.wait_for("the limit", lambda: world.seen.reason("cap") == "LimitReached")

    assert world.bounds("cap") == (1, 6)


def test_the_floor_rises_with_the_load_and_the_pods_follow_by_the_hpa_s_own_loop(world: World) -> None:
    world.wait_for_bounds("floor", 4, 4)  # from 1 by two, and not above the HPA's cap
    world.wait_for_pods("floor", 4)
    world.seen.wait_for("its status", lambda: world.seen.status("floor").get("currentReplicas") == 4)

    row = world.cluster.kubectl("get", "spol", "floor", "-n", NAMESPACE).splitlines()[1]
    assert row.split()[:6] == ["floor", "HorizontalPodAutoscaler/floor", "4", "4", "1", "10"]
    sentences = world.cluster.kubectl("get", "events.events.k8s.io", "-n", NAMESPACE, "-o", "jsonpath={.items[*].note}")
    assert "Raising minReplicas of HPA floor from 1 to 3: load 9 is above 5." in sentences
    owners = {
        entry["manager"]
        for entry in world.cluster.get("hpa.v2.autoscaling", "floor", "-n", NAMESPACE, "--show-managed-fields")[
            "metadata"
        ]["managedFields"]
        if "f:minReplicas" in entry["fieldsV1"].get("f:spec", {})
    }
    assert owners == {"deadband"}


def test_the_floor_comes_back_down_and_leaves_the_pods_to_the_hpa(world: World) -> None:
    world.wait_for_bounds("floor", 4, 4)
    world.wait_for_pods("floor", 4)
    world.cluster.apply(moving("floor", 1))

    world.wait_for_bounds("floor", 1, 4)

    assert world.seen.replicas("floor") == 4


def test_an_hpa_of_keda_s_is_left_to_keda_and_so_is_its_workload(world: World) -> None:
    seen = world.seen
    seen.wait_for("the contest", lambda: seen.condition("kedas", "TargetContested") == ("True", "TargetContested"))
    seen.wait_for("the other", lambda: seen.condition("direct", "TargetContested") == ("True", "TargetContested"))

    assert seen.message("kedas", "TargetContested") == "ScaledObject queue writes the same target."
    assert seen.message("direct", "TargetContested") == "ScaledObject queue writes the same target."
    assert world.bounds("kedas") == (1, 10)
    assert seen.replicas("kedas") == 2


async def test_a_foreign_edit_between_read_and_write_is_not_lost(world: World) -> None:
    kube = await connect(kubeconfig=str(world.cluster.kubeconfig), context=None)
    try:
        hpas = KubeAutoscalers(kube)
        read = await hpas.read(NAMESPACE, "foreign")
        patch = json.dumps({"spec": {"maxReplicas": 8}})
        world.cluster.kubectl("patch", "hpa", "foreign", "-n", NAMESPACE, "--type=merge", "-p", patch)
        with pytest.raises(ConflictError):
            await hpas.rewrite(
                NAMESPACE, "foreign", Rewrite(low=5, high=10, originals=None), resource_version=read.resource_version
            )
    finally:
        await kube.close()

    assert world.bounds("foreign") == (2, 8)


def test_a_bound_that_is_moved_no_more_goes_back(world: World) -> None:
    world.wait_for_bounds("turncoat", 3, 3)
    world.cluster.apply(moving("turncoat", 4, bound="MaxReplicas"))

    world.wait_for_bounds("turncoat", 1, 3)

    assert set(world.originals("turncoat")) == {"policy", "uid", "maxReplicas"}


def test_a_deleted_policy_gives_the_bounds_back_and_leaves_the_pods(world: World) -> None:
    world.wait_for_bounds("leaver", 3, 10)
    world.wait_for_pods("leaver", 3)
    world.delete("leaver")

    world.wait_for_bounds("leaver", 1, 10)

    assert world.originals("leaver") == {}
    assert world.seen.replicas("leaver") == 3

    def told() -> bool:
        events = world.cluster.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
        return any(each["reason"] == "BoundsRestored" and each["regarding"]["name"] == "leaver" for each in events)

    world.seen.wait_for("the event BoundsRestored", told)


def test_a_policy_that_was_deleted_while_no_operator_ran_is_made_good_at_the_next_start(world: World) -> None:
    world.wait_for_bounds("orphan", 4, 10)
    world.operator.process.stop()
    world.delete("orphan")
    assert world.bounds("orphan") == (4, 10)

    world.restart()

    world.wait_for_bounds("orphan", 2, 10)
    assert world.originals("orphan") == {}


def test_a_floor_goes_to_0_and_comes_back(world: World) -> None:
    world.wait_for_bounds("sleeper", 0, 10)
    world.seen.wait_for("its status", lambda: world.seen.status("sleeper").get("currentReplicas") == 0)
    assert world.seen.condition("sleeper", "ScalingActive")[0] == "True"
    assert world.originals("sleeper")["minReplicas"] == {"original": 2, "written": 0}

    world.cluster.apply(moving("sleeper", 9, minReplicas=0, maxReplicas=3))

    world.wait_for_bounds("sleeper", 3, 10)


def test_a_floor_of_0_that_the_api_server_does_not_take_is_told_in_its_words(world: World) -> None:
    """An HPA without an Object or External metric cannot go to 0."""
    seen = world.seen
    seen.wait_for("the refusal", lambda: "HTTP 422" in seen.status("sleepless")["decision"]["sentence"])

    sentence = seen.status("sleepless")["decision"]["sentence"]
    assert "must specify at least one Object or External metric to support scaling to zero replicas" in sentence
    assert seen.condition("sleepless", "AbleToScale")[0] == "False"
    assert world.bounds("sleepless") == (2, 10)
