"""Pods that find no room: a real ResourceQuota, a real scheduler with a node that is too small (R12).

Everything is there from the start, so that waiting costs once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.scheduler import give_room, placed, scheduling, small_node
from e2e.testbed.workloads import workload

NAMESPACE = "room"
NODE = "testbed-small"
STATEFUL = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "stateful"}
ONE = {"type": "Pods", "pods": 1}
MORE = {"anyOf": [{"metric": "wanted", "above": 5}], "step": ONE, "limits": []}
# One step per 35 s: the pods of the last one have been unschedulable for 30 s when the next is due.
SLOWLY = {**MORE, "limits": [{"type": "Pods", "value": 1, "periodSeconds": 35}]}


def growing(name: str, **spec: Any) -> dict[str, Any]:
    """A policy that always wants one more."""
    return policy(name, NAMESPACE, **{"metrics": [{"name": "wanted", "query": "vector(9)"}], "scaleUp": MORE, **spec})


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    seen: Seen

    def quiet(self, *names: str) -> bool:
        """Whether two more evaluations write nothing at all, to the policies or to their targets."""
        mark = self.cluster.audit_mark()
        time.sleep(11)  # evaluations are waited for, and they leave no trace when nothing changes
        return not [
            event["requestURI"]
            for event in self.cluster.audit_events(mark)
            if caller(event).startswith("system:serviceaccount:deadband-system:")
            and event["verb"] == "patch"
            and event["objectRef"]["namespace"] == NAMESPACE
            and event["objectRef"]["name"] in names
        ]


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A quota of 7 pods, a node with room for two of them, three workloads, the operator and the policies."""
    folder = tmp_path_factory.mktemp("room")
    cluster.create_namespace(NAMESPACE)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": NAMESPACE},
        "spec": {"hard": {"pods": "7"}},
    }
    with (
        scheduling(cluster, folder),
        small_node(cluster, NODE, "1"),
        Prometheus(folder / "prometheus", []) as prometheus,
    ):
        cluster.apply(
            quota,
            source("room", prometheus.url, default=True),
            placed(workload("small", NAMESPACE, replicas=2, requests={"cpu": "500m"}), NODE),
            workload("denied", NAMESPACE, replicas=1),
            workload("stateful", NAMESPACE, kind="StatefulSet", replicas=1),
        )
        cluster.kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout=60s")
        operator = Operator(installation, folder, identity="room", namespaces=[NAMESPACE])
        operator.start()
        try:
            cluster.apply(
                growing("small", scaleUp=SLOWLY),
                growing("denied"),
                growing("stateful", scaleTargetRef=STATEFUL),
            )
            yield World(cluster, Seen(api_client, NAMESPACE))
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "room")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize(("name", "kind"), [("denied", "Deployment"), ("stateful", "StatefulSet")])
def test_a_quota_that_denies_pods_stops_the_up(world: World, name: str, kind: str) -> None:
    seen = world.seen
    seen.wait_for("the quota", lambda: seen.reason(name) == "QuotaExceeded")

    assert seen.condition(name, "ScalingLimited") == ("True", "QuotaExceeded")
    assert "a quota denies the target's pods" in seen.status(name)["decision"]["sentence"]
    wanted, there = seen.replicas(name, kind), world.cluster.get(kind, name, "-n", NAMESPACE)["status"]["replicas"]
    assert wanted == there + 1


def test_what_a_quota_denied_goes_on_when_it_admits_more(world: World) -> None:
    seen = world.seen
    before = {"denied": seen.replicas("denied"), "stateful": seen.replicas("stateful", "StatefulSet")}
    assert world.quiet("denied", "stateful")

    world.cluster.kubectl("patch", "quota", "few", "-n", NAMESPACE, "-p", '{"spec": {"hard": {"pods": "40"}}}')
    # As the runbook says: their controllers try again at once instead of when their pause is over.
    world.cluster.kubectl("annotate", "deployment/denied", "statefulset/stateful", "-n", NAMESPACE, "retry=now")

    seen.wait_for("the Deployment goes on", lambda: seen.replicas("denied") > before["denied"])
    seen.wait_for("the StatefulSet goes on", lambda: seen.replicas("stateful", "StatefulSet") > before["stateful"])


def test_pods_that_stay_unschedulable_stop_the_up_until_there_is_room(world: World) -> None:
    """Two pods of 500m fill the node; the third waits, so there is no fourth."""
    seen = world.seen
    seen.wait_for("the shortage", lambda: seen.reason("small") == "InsufficientCapacity")
    assert seen.condition("small", "ScalingLimited") == ("True", "InsufficientCapacity")
    assert "the target's pods stay unschedulable" in seen.status("small")["decision"]["sentence"]
    assert seen.replicas("small") == 3
    assert world.quiet("small")

    give_room(world.cluster, NODE, "2")
    seen.wait_for("the fourth", lambda: seen.replicas("small") == 4)
