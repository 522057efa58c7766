"""Targets of a kind that nobody told deadband of: a CRD with the scale subresource, under the chart's rights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.autoscalers import autoscaler
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Operator, install
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus

NAMESPACE = "any-kind"
GROUP = "navy.example.com"
GROWS = {
    "metrics": [{"name": "load", "query": "vector(9)"}],
    "scaleUp": {"anyOf": [{"metric": "load", "above": 5}], "step": {"type": "Pods", "pods": 1}},
    "maxReplicas": 3,
}


def definition(kind: str, *, scale: bool) -> dict[str, Any]:
    """A CRD whose replicas are called size."""
    plural = f"{kind.lower()}s"
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.ships"}
    number = {"type": "integer"}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": number}},
            "status": {"type": "object", "properties": {"ships": number, "readyReplicas": number}},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}} | ({"scale": paths} if scale else {}),
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def ref(kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "name": name}


def vessel(kind: str, name: str, size: int) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"size": size},
    }


# Fleets may be scaled, Barges may not, Buoys have no scale, and nobody knows Kraken.
DEFINITIONS = [definition("Fleet", scale=True), definition("Barge", scale=True), definition("Buoy", scale=False)]
TARGETS = {
    "atlantic": ref("Fleet", "atlantic"),
    "pacific": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "pacific"},
    "baltic": ref("Fleet", "baltic"),
    "sunk": ref("Fleet", "sunk"),
    "barge": ref("Barge", "barge"),
    "buoy": ref("Buoy", "buoy"),
    "kraken": ref("Kraken", "kraken"),
}


@pytest.fixture(scope="module")
def seen(cluster: Cluster, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Objects of the kinds, a policy on each, and an operator that was granted the Fleets."""
    folder: Path = tmp_path_factory.mktemp("any-kind")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(*DEFINITIONS)
    names = [each["metadata"]["name"] for each in DEFINITIONS]
    cluster.kubectl("wait", "--for=condition=Established", *(f"crd/{name}" for name in names), "--timeout=60s")
    fleets = [vessel("Fleet", name, 1) for name in ("atlantic", "pacific", "baltic")]
    cluster.apply(*fleets, vessel("Barge", "barge", 1), vessel("Buoy", "buoy", 1))
    status = '{"status": {"ships": 8, "readyReplicas": 8}}'
    cluster.kubectl("patch", "fleet", "baltic", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", status)
    cluster.kubectl("patch", "fleet", "baltic", "-n", NAMESPACE, "--type=merge", "-p", '{"spec": {"size": 8}}')
    cluster.apply(autoscaler("pacific", NAMESPACE, 1, 10, scales=ref("Fleet", "pacific")))
    installation = install(cluster, {"rbac": {"scaleTargets": [{"apiGroups": [GROUP], "resources": ["fleets"]}]}})
    operator = Operator(installation, folder, identity="any-kind", namespaces=[NAMESPACE])
    with Prometheus(folder / "prometheus", []) as prometheus:
        cluster.apply(source("any-kind", prometheus.url, default=True))
        drains = {
            "metrics": [{"name": "load", "query": "vector(15)", "per": "Replica"}],
            "scaleDown": {"allOf": [{"metric": "load", "below": 30}], "forSeconds": 0},
            "maxReplicas": 10,
        }
        cluster.apply(
            *(
                policy(name, NAMESPACE, scaleTargetRef=target, **(drains if name == "baltic" else GROWS))
                for name, target in TARGETS.items()
            )
        )
        operator.start()
        try:
            yield Seen(api_client, NAMESPACE)
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "any-kind")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
            cluster.kubectl("delete", "crd", *names, "--wait=false")
            install(cluster)


def size(cluster: Cluster, name: str) -> int:
    return int(cluster.get("fleet", name, "-n", NAMESPACE)["spec"]["size"])


def test_a_custom_resource_is_scaled_through_its_scale(cluster: Cluster, seen: Seen) -> None:
    seen.wait_for("three ships", lambda: size(cluster, "atlantic") == 3)
    seen.wait_for("the maximum", lambda: seen.reason("atlantic") == "AtMaximum")

    status = seen.status("atlantic")
    assert (status["target"], status["currentReplicas"]) == ("Fleet/atlantic", 3)
    assert [(each["from"], each["to"]) for each in status["scaleEvents"]] == [(1, 2), (2, 3)]


def test_a_step_is_proportional_to_the_ready_ones_that_the_object_shows(cluster: Cluster, seen: Seen) -> None:
    seen.wait_for("half of eight", lambda: size(cluster, "baltic") == 4)  # floor(8 · 15 / 30)


def test_an_hpa_over_such_a_kind_has_its_floor_moved_and_scales_it(cluster: Cluster, seen: Seen) -> None:
    def floor() -> int:
        return int(cluster.get("hpa.v2.autoscaling", "pacific", "-n", NAMESPACE)["spec"]["minReplicas"])

    seen.wait_for("the floor", lambda: floor() == 3)
    seen.wait_for("the HPA's own loop", lambda: size(cluster, "pacific") == 3)


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        pytest.param("sunk", "TargetNotFound", "Fleet sunk does not exist in namespace any-kind", id="no such object"),
        pytest.param("kraken", "TargetNotFound", "serves no Kraken of navy.example.com/v1", id="no such kind"),
        pytest.param("buoy", "TargetNotScalable", "Buoy (navy.example.com/v1) has no scale subresource", id="no scale"),
        pytest.param("barge", "AccessDenied", "the chart grants it with rbac.scaleTargets", id="no right"),
    ],
)
def test_what_cannot_be_scaled_stalls_its_policy_and_says_what_to_do(
    seen: Seen, name: str, reason: str, words: str
) -> None:
    seen.wait_for(reason, lambda: seen.condition(name, "Stalled") == ("True", reason))

    assert words in seen.message(name, "Stalled")
