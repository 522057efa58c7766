"""Sources for some namespaces only, and queries that read their own namespace only, under the chart's rights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator, install
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload


@pytest.fixture
def selecting(cluster: Cluster) -> Iterator[Installation]:
    """The chart with the right to see the labels of namespaces."""
    yield install(cluster, {"rbac": {"namespaceSelectors": True}})
    install(cluster)


def test_a_source_serves_the_namespaces_that_it_chooses_as_soon_as_they_have_the_label(
    cluster: Cluster, selecting: Installation, api_client: ApiClient, namespace: str, tmp_path: Path
) -> None:
    grows = {
        "metrics": [{"name": "m", "query": "vector(9)", "source": "choosy"}],
        "scaleUp": {"anyOf": [{"metric": "m", "above": 5}], "step": {"type": "Pods", "pods": 1}},
        "maxReplicas": 2,
    }
    seen = Seen(api_client, namespace)
    cluster.apply(workload("d", namespace, replicas=1))
    with Prometheus(tmp_path / "prometheus", []) as prometheus:
        chosen = {"matchLabels": {"deadband-test/tenant": namespace}}
        cluster.apply(source("choosy", prometheus.url, allowedNamespaces=chosen, rawQueries="NamespaceEnforced"))
        cluster.apply(policy("d", namespace, **grows))
        operator = Operator(selecting, tmp_path, identity="tenants", namespaces=[namespace])
        operator.start()
        try:
            refused = f"m: MetricSource choosy does not allow policies of namespace {namespace}"
            seen.wait_for("the refusal", lambda: seen.message("d", "Ready") == refused)
            assert seen.condition("d", "Ready") == ("False", "AccessDenied")
            assert seen.replicas("d") == 1
            cluster.kubectl("label", "namespace", namespace, f"deadband-test/tenant={namespace}")
            seen.wait_for("the maximum", lambda: seen.replicas("d") == 2, timeout=120)
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "scalingpolicy", "--all", "-n", namespace)
            cluster.kubectl("delete", "metricsource", "choosy")
