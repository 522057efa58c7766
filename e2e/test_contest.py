"""Who else writes a policy's target, on a real API server: named, and left alone (R16).

Everything is there from the start and each test watches its own, so that waiting costs once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
from kubernetes.client import ApiClient, AppsV1Api

from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.keda import SCALED_OBJECTS, scaled_object
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload

NAMESPACE = "contest"
WORKLOADS = ("gitops", "applied", "by-hand", "shared", "autoscaled", "keda-scaled", "keda-paused", "released", "slept")
ONE = {"type": "Pods", "pods": 1}
CONTESTED = ("True", "TargetContested")
NIGHT = {"name": "night", "schedule": "* * * * *", "durationSeconds": 60, "minReplicas": 0, "maxReplicas": 0}
"""An override that is always open."""


def growing(name: str, on: str, **spec: Any) -> dict[str, Any]:
    """A policy that wants one more at every evaluation, up to 3."""
    made = policy(
        name,
        NAMESPACE,
        metrics=[{"name": "wanted", "query": "vector(9)"}],
        scaleUp={"anyOf": [{"metric": "wanted", "above": 5}], "step": ONE, "limits": []},
        **{"maxReplicas": 3, **spec},
    )
    made["spec"]["scaleTargetRef"]["name"] = on
    return made


def autoscaler(name: str) -> dict[str, Any]:
    """An HPA; there are no metrics, so it writes nothing while its target is within its bounds."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 10,
        },
    }


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    seen: Seen
    operator: Operator

    def contested_by(self, name: str) -> str:
        """What the condition of a policy says; empty while it is not contested."""
        return (
            self.seen.message(name, "TargetContested")
            if self.seen.condition(name, "TargetContested") == CONTESTED
            else ""
        )

    def allow(self, name: str, replicas: int) -> None:
        """Raise a policy's maxReplicas, which is a change of its spec."""
        patch = f'{{"spec": {{"maxReplicas": {replicas}}}}}'
        self.cluster.kubectl("patch", "scalingpolicy", name, "-n", NAMESPACE, "--type=merge", "-p", patch)

    def scalings(self, name: str) -> int:
        """How often the operator has scaled a workload so far."""
        about = {"resource": "deployments", "subresource": "scale", "namespace": NAMESPACE, "name": name}
        return sum(
            caller(event).startswith("system:serviceaccount:deadband-system:")
            and event["verb"] == "patch"
            and about.items() <= event["objectRef"].items()
            for event in self.cluster.audit_events()
            if "objectRef" in event
        )


def apply_server_side(apps: AppsV1Api, name: str, **spec: int) -> None:
    """As Argo CD and Flux apply on the server's side."""
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    apps.patch_namespaced_deployment(
        name,
        NAMESPACE,
        body,
        field_manager="argocd-controller",
        force=True,
        _content_type="application/apply-patch+yaml",
    )


@contextmanager
def restoring(cluster: Cluster, api_client: ApiClient) -> Iterator[None]:
    """Three who want 2 replicas: a GitOps tool and a pipeline, again and again, and a person, twice."""
    apps, stop = AppsV1Api(api_client), Event()
    restore: dict[str, Callable[[], object]] = {
        "gitops": lambda: apply_server_side(apps, "gitops", replicas=2),
        "applied": lambda: cluster.apply(workload("applied", NAMESPACE, replicas=2)),
        "by-hand": lambda: cluster.kubectl("scale", "deployment", "by-hand", "-n", NAMESPACE, "--replicas=2"),
    }
    patience = {"gitops": 1000, "applied": 1000, "by-hand": 2}

    def run() -> None:
        while not stop.wait(0.3):
            for name, do_it in restore.items():
                found: Any = apps.read_namespaced_deployment(name, NAMESPACE)
                if found.spec.replicas != 2 and patience[name]:
                    patience[name] -= 1
                    do_it()

    thread = Thread(target=run, name="restoring")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """All workloads, the HPA, whoever restores, the operator, the policies, and only then KEDA's kind."""
    folder = tmp_path_factory.mktemp("contest")
    cluster.create_namespace(NAMESPACE)
    with Prometheus(folder / "prometheus", []) as prometheus:
        cluster.apply(
            source("contest", prometheus.url, default=True),
            *(workload(name, NAMESPACE, replicas=2) for name in WORKLOADS),
            autoscaler("autoscaled"),
            growing("elder", "shared"),
        )
        operator = Operator(installation, folder, identity="contest", namespaces=[NAMESPACE])
        operator.start()
        try:
            cluster.apply(
                growing("younger", "shared", maxReplicas=4),
                *(growing(name, name) for name in WORKLOADS if name not in ("shared", "released", "slept")),
                growing("released", "released", minReplicas=2),
                growing("slept", "slept", overrides=[NIGHT]),
            )
            cluster.apply(SCALED_OBJECTS)
            cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
            cluster.apply(scaled_object("keda-scaled", NAMESPACE), scaled_object("keda-paused", NAMESPACE, paused=True))
            with restoring(cluster, api_client):
                yield World(cluster, Seen(api_client, NAMESPACE), operator)
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "contest")
            cluster.kubectl("delete", "crd", "scaledobjects.keda.sh")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize(
    ("name", "manager"),
    [
        pytest.param("gitops", "argocd-controller", id="a GitOps tool, server-side"),
        pytest.param("applied", "kubectl-client-side-apply", id="a pipeline, client-side"),
    ],
)
def test_who_restores_the_replicas_is_named_after_the_third_time(world: World, name: str, manager: str) -> None:
    world.seen.wait_for("the contest", lambda: world.contested_by(name) != "")

    clause = f"{manager} restored 2 after deadband wrote 3, 3 times in 10 minutes"
    assert world.contested_by(name) == f"{clause}."
    assert clause in world.seen.status(name)["decision"]["sentence"]
    events = world.cluster.get("events.events.k8s.io", "-n", NAMESPACE, "--field-selector", "reason=TargetContested")
    assert f"{clause}." in [event["note"] for event in events["items"] if event["regarding"]["name"] == name]
    assert [revert["manager"] for revert in world.seen.status(name)["reverts"]] == [manager] * 3


def test_who_was_named_is_left_alone(world: World) -> None:
    world.seen.wait_for(
        "both contests", lambda: "" not in {world.contested_by("gitops"), world.contested_by("applied")}
    )
    time.sleep(11)  # two evaluations, which leave no trace

    assert (world.scalings("gitops"), world.scalings("applied")) == (3, 3)
    assert (world.seen.replicas("gitops"), world.seen.replicas("applied")) == (2, 2)


def test_a_tool_that_lets_go_of_the_field_ends_its_contest_and_bounds_hold_at_once(
    world: World, api_client: ApiClient
) -> None:
    apps, seen = AppsV1Api(api_client), world.seen

    def contested() -> bool:
        if seen.replicas("released") != 2:
            apply_server_side(apps, "released", replicas=2)
        return world.contested_by("released") != ""

    seen.wait_for("the contest", contested)
    apply_server_side(apps, "released")  # the API server's default of 1 stays, below minReplicas

    seen.wait_for("the contest is over", lambda: world.contested_by("released") == "")
    seen.wait_for("the replicas are within the bounds", lambda: seen.replicas("released") >= 2)
    assert not seen.status("released").get("reverts")


def test_a_0_that_deadband_wrote_ends_with_its_override_though_the_api_server_names_no_owner(world: World) -> None:
    seen, deployment = world.seen, ("deployment", "slept", "-n", NAMESPACE, "--show-managed-fields")
    seen.wait_for("the night", lambda: seen.replicas("slept") == 0)
    entries = world.cluster.get(*deployment)["metadata"]["managedFields"]
    assert [each for each in entries if "f:replicas" in each["fieldsV1"].get("f:spec", {})] == []

    world.cluster.kubectl(
        "patch", "scalingpolicy", "slept", "-n", NAMESPACE, "--type=merge", "-p", '{"spec": {"overrides": null}}'
    )

    seen.wait_for("the minimum", lambda: seen.replicas("slept") >= 1)
    world.cluster.kubectl("scale", "deployment", "slept", "-n", NAMESPACE, "--replicas=0")
    seen.wait_for("a person's 0 is left alone", lambda: seen.reason("slept") == "ScalingDisabled")


def test_a_person_who_scales_back_twice_is_no_contest(world: World) -> None:
    def reverts() -> int:
        return len(world.seen.status("by-hand").get("reverts") or [])

    world.seen.wait_for("both reverts", lambda: reverts() == 2)
    world.seen.wait_for("the third write", lambda: world.seen.reason("by-hand") == "AtMaximum")

    assert world.seen.replicas("by-hand") == 3
    assert [revert["manager"] for revert in world.seen.status("by-hand")["reverts"]] == ["kubectl"] * 2
    assert world.contested_by("by-hand") == ""


def test_of_two_policies_the_older_acts_and_the_younger_follows_when_it_is_gone(world: World) -> None:
    seen = world.seen
    seen.wait_for("the younger holds", lambda: world.contested_by("younger") != "")
    assert world.contested_by("younger") == "ScalingPolicy elder writes the same target."
    seen.wait_for("the older acts", lambda: seen.reason("elder") == "AtMaximum")
    assert seen.replicas("shared") == 3

    world.cluster.kubectl("delete", "scalingpolicy", "elder", "-n", NAMESPACE)

    seen.wait_for("the younger acts", lambda: seen.replicas("shared") == 4)


def test_an_hpa_contests_for_as_long_as_it_is_there(world: World) -> None:
    seen = world.seen
    seen.wait_for("the contest", lambda: world.contested_by("autoscaled") != "")
    assert world.contested_by("autoscaled") == "HorizontalPodAutoscaler autoscaled writes the same target."
    assert world.scalings("autoscaled") == 0

    world.cluster.kubectl("delete", "hpa", "autoscaled", "-n", NAMESPACE)
    seen.wait_for("the policy acts", lambda: seen.replicas("autoscaled") == 3)
    seen.wait_for("the contest is over", lambda: world.contested_by("autoscaled") == "")

    world.cluster.apply(autoscaler("autoscaled"))
    seen.wait_for("the contest again", lambda: world.contested_by("autoscaled") != "")
    world.allow("autoscaled", 5)
    seen.wait_for("the up is left to it", lambda: seen.reason("autoscaled") == "TargetContested")
    assert seen.replicas("autoscaled") == 3


def test_scaled_objects_of_a_keda_that_came_later_are_seen_within_a_minute_unless_they_are_paused(world: World) -> None:
    seen = world.seen
    seen.wait_for("the contest", lambda: world.contested_by("keda-scaled") != "", timeout=75)
    assert world.contested_by("keda-scaled") == "ScaledObject keda-scaled writes the same target."

    for name in ("keda-scaled", "keda-paused"):
        world.allow(name, 4)

    seen.wait_for("the paused one does not contest", lambda: seen.replicas("keda-paused") == 4)
    seen.wait_for("the up is left to the other", lambda: seen.reason("keda-scaled") == "TargetContested")
    assert seen.replicas("keda-scaled") == 3


def test_a_contest_outlives_a_restart_and_ends_with_a_change_of_the_spec(world: World) -> None:
    world.operator.process.stop()
    world.operator.start()
    evaluated = world.operator.metrics
    world.seen.wait_for("evaluations", lambda: 'reason="TargetContested"' in evaluated())
    assert world.contested_by("gitops") != ""
    assert world.scalings("gitops") == 3

    before = world.seen.status("gitops")["lastScaleTime"]

    world.allow("gitops", 4)

    world.seen.wait_for("it acts again", lambda: world.seen.status("gitops")["lastScaleTime"] != before)
