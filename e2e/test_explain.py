"""`deadband explain` on a real cluster with a real Prometheus: what it reads and what it makes of it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from e2e.conftest import PrometheusFactory
from e2e.testbed.autoscalers import autoscaler
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation
from e2e.testbed.policies import policy, source
from e2e.testbed.workloads import workload

UP = {"anyOf": [{"metric": "load", "above": 70}], "forSeconds": 60}


def explain(cluster: Cluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command against the cluster."""
    return subprocess.run(
        [sys.executable, "-m", "deadband", "explain", *arguments, "--kubeconfig", str(cluster.kubeconfig)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def sources(
    cluster: Cluster, installation: Installation, namespace: str, start_prometheus: PrometheusFactory
) -> Iterator[str]:
    """A namespace with a workload, and two sources: one that answers and one that nobody listens at."""
    alive, dead = f"{namespace}-alive", f"{namespace}-dead"
    cluster.apply(workload("api", namespace, replicas=2))
    cluster.apply(source(alive, start_prometheus([]).url), source(dead, "http://127.0.0.1:9"))
    yield namespace
    cluster.kubectl("delete", "metricsource", alive, dead, "--wait=false")


def test_a_policy_on_the_cluster_is_explained_with_what_it_reads_right_now(cluster: Cluster, sources: str) -> None:
    metrics = [{"name": "load", "query": "vector(74)", "source": f"{sources}-alive"}]
    cluster.apply(policy("api", sources, metrics=metrics, scaleUp=UP))

    done = explain(cluster, "api", "-n", sources)

    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "vector(74)" in lines
    assert "load 74" in lines
    (verdict,) = [line for line in lines if line.startswith("on these values: Holding at 2: load 74 is above 70")]
    assert verdict.endswith("[WaitingForTime, R7]")


def test_an_hpa_is_explained_with_its_bounds_and_the_pods_of_its_workload(cluster: Cluster, sources: str) -> None:
    cluster.apply(autoscaler("api", sources, 2, 10))
    metrics = [{"name": "cpu", "resource": {"name": "cpu"}, "source": f"{sources}-alive"}]
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}
    up = {"anyOf": [{"metric": "cpu", "above": 70}]}
    cluster.apply(policy("floor", sources, scaleTargetRef=hpa, metrics=metrics, scaleUp=up))

    done = explain(cluster, "floor", "-n", sources)

    assert done.returncode == 0, done.stderr
    assert "target: minReplicas of HPA api at 2 (its maxReplicas is 10); its workload has 2 replicas, " in done.stdout
    assert 'owner_kind="Deployment",owner_name="api"' in done.stdout
    assert "on these values: Holding minReplicas of HPA api at 2: " in done.stdout


def test_a_source_that_is_not_reachable_from_here_is_said_to_be_so(cluster: Cluster, sources: str) -> None:
    metrics = [{"name": "load", "query": "vector(74)", "source": f"{sources}-dead"}]
    cluster.apply(policy("api", sources, metrics=metrics, scaleUp=UP))

    done = explain(cluster, "api", "-n", sources)

    assert done.returncode == 0, done.stderr
    assert "load: no value from here (Error" in done.stdout


def test_a_policy_that_is_not_there_is_told_in_one_line(cluster: Cluster, sources: str) -> None:
    done = explain(cluster, "nobody", "-n", sources)

    assert done.returncode == 1
    assert done.stderr == f"Error: there is no ScalingPolicy nobody in namespace {sources}\n"
