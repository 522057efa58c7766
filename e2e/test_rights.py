"""The chart's RBAC is exactly what the operator uses: no request is refused, and no right is never used."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.audit import caller
from e2e.testbed.autoscalers import autoscaler
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import RELEASE, SYSTEM, Installation, Operator
from e2e.testbed.keda import SCALED_OBJECTS
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload

NAMESPACE = "rights"


READY_AFTER = "testbed.deadband.dev/ready-after"


def stateful(name: str) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name}


class Right(NamedTuple):
    """One verb on one resource."""

    group: str
    resource: str
    verb: str


def granted(rules: Iterable[Mapping[str, Any]]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(events: Iterable[Mapping[str, Any]]) -> set[Right]:
    rights = set()
    for event in events:
        about = event.get("objectRef")
        if about is None:  # discovery
            continue
        resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
        rights.add(Right(about.get("apiGroup", ""), resource, event["verb"]))
    return rights


@pytest.fixture
def life(cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path: Path) -> list[dict[str, Any]]:
    """All requests of an operator that led a whole life: scaled every kind, more than once, and met a new leader."""
    mark = cluster.audit_mark()
    cluster.kubectl("delete", "lease", RELEASE, "-n", SYSTEM, "--ignore-not-found")  # as on a first start
    cluster.create_namespace(NAMESPACE)
    cluster.apply(workload("d", NAMESPACE, replicas=1), workload("s", NAMESPACE, kind="StatefulSet", replicas=1))
    # Its first pod is never ready, so its second is never made: both are looked for before there are more.
    slow = workload("slow", NAMESPACE, kind="StatefulSet", replicas=2, annotations={READY_AFTER: "24h"})
    slow["spec"]["podManagementPolicy"] = "OrderedReady"
    cluster.apply(slow, SCALED_OBJECTS)
    cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
    cluster.apply(workload("h", NAMESPACE, replicas=1), autoscaler("h", NAMESPACE, 1, 5))
    with Prometheus(tmp_path / "prometheus", []) as prometheus:
        cluster.apply(source("rights", prometheus.url, default=True))
        operator = Operator(installation, tmp_path, identity="rights", namespaces=[NAMESPACE])
        operator.start()
        try:
            grows = {
                "metrics": [{"name": "m", "query": "vector(9)"}],
                "scaleUp": {"anyOf": [{"metric": "m", "above": 5}], "step": {"type": "Pods", "pods": 1}},
                "maxReplicas": 3,
            }
            hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "h"}
            cluster.apply(
                policy("d", NAMESPACE, **grows),
                policy("s", NAMESPACE, scaleTargetRef=stateful("s"), **grows),
                policy("slow", NAMESPACE, scaleTargetRef=stateful("slow"), **grows),
                policy("h", NAMESPACE, scaleTargetRef=hpa, **grows),
            )
            seen = Seen(api_client, NAMESPACE)
            seen.wait_for("the Deployment at 3", lambda: seen.replicas("d") == 3)
            seen.wait_for("the StatefulSet at 3", lambda: seen.replicas("s", "StatefulSet") == 3)
            seen.wait_for("the slow one at 3", lambda: seen.replicas("slow", "StatefulSet") == 3)
            seen.wait_for("the HPA's workload at 3", lambda: seen.replicas("h") == 3)
            for _ in range(2):  # said twice in the same words, it becomes one Event that counts
                cluster.kubectl("scale", "deployment", "d", "-n", NAMESPACE, "--replicas=5")
                seen.wait_for("the maximum", lambda: seen.replicas("d") == 3)
            seen.wait_for("a repeated Event", lambda: _counted(cluster))
            seen.wait_for("the source's status", lambda: "status" in cluster.get("metricsource", "rights"))
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "rights")
            cluster.kubectl("delete", "crd", "scaledobjects.keda.sh")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    return [each for each in cluster.audit_events(mark) if caller(each) == installation.user]


def _counted(cluster: Cluster) -> bool:
    """Whether an Event was told more than once."""
    events = cluster.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
    return any(((each.get("series") or {}).get("count") or 0) > 1 for each in events)


def test_no_request_is_refused_and_no_right_is_never_used(
    life: list[dict[str, Any]], installation: Installation
) -> None:
    refused = [each["requestURI"] for each in life if each["responseStatus"]["code"] == 403]

    assert refused == []
    assert granted(installation.rights) - used(life) == set()
    assert not [right for right in granted(installation.rights) if "*" in right or right.resource == "secrets"]
