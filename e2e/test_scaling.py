"""What a policy does on a real API server, with a real Prometheus, under a load that is known.

All workloads and policies are there from the start and each test watches its own, so that waiting costs once.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient
from prometheus_client.parser import text_string_to_metric_families

from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.processes import free_port
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

NAMESPACE = "scaling"
ONE = {"type": "Pods", "pods": 1}
CPU = {"name": "cpu", "resource": {"name": "cpu", "of": "Requests"}}
MEMORY = {"name": "memory", "resource": {"name": "memory", "of": "Requests"}}
# The cooldown bridges the time in which the metrics still show the load as it was before a step.
UP = {"anyOf": [{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}], "cooldownSeconds": 600}
DOWN: dict[str, Any] = {
    "allOf": [{"metric": "cpu", "below": 20}],
    "forSeconds": 15,
    "cooldownSeconds": 0,
    "limits": [],
}


def both(name: str, **spec: Any) -> dict[str, Any]:
    """The first row of the program's table."""
    return policy(name, NAMESPACE, **{"metrics": [CPU, MEMORY], "scaleUp": UP, "scaleDown": DOWN, **spec})


def queue(name: str, **spec: Any) -> dict[str, Any]:
    """The third row: up beyond 10,000 messages, down under 100."""
    down = {**DOWN, "allOf": [{"metric": "depth", "below": 100}], "forSeconds": 5, "step": ONE}
    up = {"anyOf": [{"metric": "depth", "above": 10000}], "step": ONE, "cooldownSeconds": 600}
    depth = {"name": "depth", "queue": {"system": "RabbitMQ", "name": name}}
    return policy(name, NAMESPACE, **{"metrics": [depth], "scaleUp": up, "scaleDown": down, **spec})


def _annotated(document: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    document["metadata"]["annotations"] = {key: value}
    return document


# name: replicas at the start, cpu percent at these replicas, memory percent at these replicas
LOADS = {
    "up-on-cpu": (2, 90, 40),
    "up-on-memory": (2, 63, 90),
    "down-in-time": (4, 12, 20),
    "held-by-guard": (5, 12, 75),
    "in-the-band": (3, 45, 45),
    "dead-source": (5, 45, 45),
    "mortal-source": (3, 45, 45),
    "paused": (3, 88, 40),
    "asks-first": (2, 90, 40),
    "rehearses": (2, 90, 40),
    "conflicts": (2, 60, 45),
    "memory-only": (2, 40, 45),
}
QUEUES = {"worker": 5000, "edge": 10000}
QUIET = {"worker", "edge", "dead-source", "memory-only"}

POLICIES = [
    both("up-on-cpu"),
    both("up-on-memory"),
    both("down-in-time", scaleDown={**DOWN, "cooldownSeconds": 600}),
    both("held-by-guard", scaleDown={**DOWN, "forSeconds": 0, "step": ONE}),
    both("in-the-band"),
    both("dead-source", maxReplicas=3, metrics=[{**CPU, "source": "dead"}, {**MEMORY, "source": "dead"}]),
    both("mortal-source", metrics=[{**CPU, "source": "mortal"}, {**MEMORY, "source": "mortal"}]),
    _annotated(both("paused"), "deadband.dev/paused", "true"),
    both("asks-first", scaleUp={**UP, "mode": "Manual"}),
    both("rehearses", mode="DryRun"),
    both("conflicts", maxReplicas=3),
    policy("memory-only", NAMESPACE, metrics=[MEMORY], scaleUp={"anyOf": [{"metric": "memory", "above": 80}]}),
    queue("worker"),
    queue("edge"),
    both("stateful", scaleTargetRef={"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "stateful"}),
]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    seen: Seen
    simulator: Simulator
    mortal: Prometheus
    operator: Operator

    def load(self, name: str, **change: Any) -> None:
        """Change the load of a workload."""
        self.simulator.apply({"workloads": {f"{NAMESPACE}/{name}": change}})

    def evaluations(self) -> float:
        """How many evaluations the operator has made."""
        families = text_string_to_metric_families(self.operator.metrics())
        samples = (sample for family in families for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == "deadband_decisions_total")

    def queue(self, name: str, depth: int) -> None:
        """Hold a queue at a depth."""
        self.simulator.apply({"queues": {name: {"depth": depth, "hold": True}}})


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """All workloads under their loads, two Prometheus servers, the operator, and then all policies at once."""
    cluster.create_namespace(NAMESPACE)
    requests = {"cpu": "500m", "memory": "256Mi"}
    workloads = [
        workload(name, NAMESPACE, replicas=replicas, requests=requests) for name, (replicas, _, _) in LOADS.items()
    ]
    workloads += [workload(name, NAMESPACE, replicas=2, requests=requests) for name in QUEUES]
    workloads.append(workload("stateful", NAMESPACE, kind="StatefulSet", replicas=2, requests=requests))
    cluster.apply(*workloads)
    scenario = {
        "workloads": [
            {"namespace": NAMESPACE, "name": name, **_load(replicas, cpu, memory)}
            for name, (replicas, cpu, memory) in LOADS.items()
        ]
        + [{"namespace": NAMESPACE, "name": "stateful", "kind": "StatefulSet", **_load(2, 90, 40)}],
        "queues": [{"name": name, "depth": depth, "hold": True} for name, depth in QUEUES.items()],
    }
    folder = tmp_path_factory.mktemp("scaling")
    with Simulator(scenario, str(cluster.kubeconfig)) as simulator:
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        with Prometheus(folder / "main", [job]) as main, Prometheus(folder / "mortal", [job]) as mortal:
            cluster.apply(
                source("main", main.url, default=True),
                source("mortal", mortal.url),
                source("dead", f"http://127.0.0.1:{free_port()}"),
            )
            cluster.kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout=60s")
            for server in (main, mortal):
                server.wait_for("rate(container_cpu_usage_seconds_total{container='up-on-cpu'}[10s]) > 0")
            operator = Operator(installation, folder, identity="scaling", namespaces=[NAMESPACE])
            operator.start()
            try:
                cluster.apply(*POLICIES)
                yield World(cluster, Seen(api_client, NAMESPACE), simulator, mortal, operator)
            finally:
                operator.process.stop()
                cluster.kubectl("delete", "metricsource", "main", "mortal", "dead")
                cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _load(pods: int, cpu: float, memory: float) -> dict[str, Any]:
    return {"cpu": {"percent": cpu, "pods": pods}, "memory": {"percent": memory, "pods": pods}}


def test_cpu_above_70_scales_up_to_what_carries_the_load(world: World) -> None:
    """ceil(2 · 90 / 70) = 3, and at 3 the 60 % are inside the band."""
    world.seen.wait_for("3 replicas", lambda: world.seen.replicas("up-on-cpu") == 3)
    # First the scale is written, then the status; its last reason may still be of before.
    world.seen.wait_for("its status", lambda: world.seen.status("up-on-cpu").get("lastScaleDirection") == "Up")
    world.seen.wait_for("the band", lambda: world.seen.reason("up-on-cpu") == "WithinBand")

    assert world.seen.replicas("up-on-cpu") == 3


def test_memory_alone_scales_up(world: World) -> None:
    """ceil(2 · 90 / 80) = 3, while cpu stays under its threshold."""
    world.seen.wait_for("3 replicas", lambda: world.seen.replicas("up-on-memory") == 3)


def test_a_stateful_set_scales_as_a_deployment_does(world: World) -> None:
    world.seen.wait_for("3 replicas", lambda: world.seen.replicas("stateful", "StatefulSet") == 3)


def test_cpu_below_20_scales_down_only_after_its_for_time(world: World) -> None:
    """floor(4 · 10 / 20) = 2."""
    world.seen.wait_for("2 replicas", lambda: world.seen.replicas("down-in-time") == 2)
    world.seen.wait_for("its event", lambda: bool(world.seen.status("down-in-time").get("scaleEvents")))
    status = world.seen.status("down-in-time")

    event = status["scaleEvents"][0]
    assert (event["from"], event["to"]) == (4, 2)
    since = next(each["since"] for each in status["metrics"] if each["name"] == "cpu")
    assert _seconds(since, event["time"]) >= 15


def test_a_step_down_that_would_cause_the_next_step_up_is_not_made(world: World) -> None:
    """75 % memory on 5 would be 93.75 % on 4."""
    world.seen.wait_for("the guard", lambda: world.seen.reason("held-by-guard") == "ProjectedAboveThreshold")

    assert world.seen.replicas("held-by-guard") == 5


def test_a_queue_scales_its_workers_at_10000_and_100_and_not_at_the_thresholds_themselves(world: World) -> None:
    """Two policies with the same rules: `worker` is driven over the thresholds, `edge` is held exactly at them."""
    seen = world.seen
    seen.wait_for("both in the band", lambda: seen.reason("worker") == seen.reason("edge") == "WithinBand")
    world.queue("worker", 10001)
    seen.wait_for("the third worker", lambda: seen.replicas("worker") == 3)
    assert seen.replicas("edge") == 2
    assert "depth 10000 <100 >10000" in seen.status("edge")["metricsSummary"]

    world.queue("edge", 100)
    world.queue("worker", 99)
    seen.wait_for("the edge at 100", lambda: "depth 100 <100" in seen.status("edge")["metricsSummary"], timeout=90)
    seen.wait_for("two workers again", lambda: seen.replicas("worker") <= 2, timeout=90)
    assert seen.replicas("edge") == 2
    assert seen.reason("edge") == "WithinBand"


def test_a_lowered_maximum_is_honored_while_prometheus_cannot_be_reached(world: World) -> None:
    seen = world.seen
    seen.wait_for("3 replicas", lambda: seen.replicas("dead-source") == 3)
    seen.wait_for("the outage", lambda: seen.condition("dead-source", "MetricsAvailable") == ("False", "Error"))

    assert seen.condition("dead-source", "Ready")[0] == "True"
    seen.wait_for("its own health", lambda: _reachable(world.cluster, "dead") is False)


def test_an_outage_of_prometheus_scales_nothing_and_is_no_failure_of_the_policy(world: World) -> None:
    seen = world.seen

    def available() -> str:
        return seen.condition("mortal-source", "MetricsAvailable")[0]

    seen.wait_for("metrics", lambda: available() == "True")
    ready_since = _transition(seen, "mortal-source", "Ready")

    world.mortal.stop()
    world.load("mortal-source", cpu={"percent": 88, "pods": 3})
    seen.wait_for("no metrics", lambda: available() == "False")
    seen.wait_for("two more evaluations", lambda: seen.reason("mortal-source") == "MetricsUnknown")
    assert seen.replicas("mortal-source") == 3
    assert seen.condition("mortal-source", "Ready") == ("True", "AsExpected")

    world.mortal.start()
    seen.wait_for("metrics again", lambda: available() == "True", timeout=90)
    seen.wait_for("the load it has now", lambda: seen.replicas("mortal-source") == 4, timeout=90)
    assert _transition(seen, "mortal-source", "Ready") == ready_since


def test_a_paused_policy_recommends_and_does_not_touch_its_target(world: World) -> None:
    seen = world.seen
    seen.wait_for("the recommendation", lambda: seen.status("paused").get("desiredReplicas") == 4)
    assert (seen.reason("paused"), seen.replicas("paused")) == ("Paused", 3)
    assert seen.condition("paused", "ScalingActive") == ("False", "Paused")

    world.cluster.kubectl("annotate", "scalingpolicy", "paused", "-n", NAMESPACE, "deadband.dev/paused-")
    seen.wait_for("4 replicas", lambda: seen.replicas("paused") == 4)


def test_a_manual_direction_waits_for_the_approval_of_a_person(world: World) -> None:
    seen = world.seen
    seen.wait_for("the proposal", lambda: bool(seen.status("asks-first").get("proposal")))
    assert seen.replicas("asks-first") == 2
    assert seen.condition("asks-first", "ActionRequired") == ("True", "ApprovalRequired")

    approve = f"deadband.dev/approve={seen.status('asks-first')['proposal']['id']}"
    world.cluster.kubectl("annotate", "scalingpolicy", "asks-first", "-n", NAMESPACE, approve)
    seen.wait_for("3 replicas", lambda: seen.replicas("asks-first") == 3)


def test_a_dry_run_moves_its_shadow_only(world: World) -> None:
    seen = world.seen
    seen.wait_for("the shadow", lambda: (seen.status("rehearses").get("shadowReplicas") or 0) >= 3)

    assert seen.replicas("rehearses") == 2


def test_somebody_elses_change_is_seen_before_anything_is_written(world: World) -> None:
    """A person scales beyond the maximum: back to it at once, on the state that the person left."""
    seen = world.seen
    seen.wait_for("the band", lambda: seen.reason("conflicts") == "WithinBand")
    world.cluster.kubectl("scale", "deployment", "conflicts", "-n", NAMESPACE, "--replicas=5")
    seen.wait_for("the maximum", lambda: seen.replicas("conflicts") == 3)
    # First the scale is written, then the status.
    seen.wait_for("its event", lambda: bool(seen.status("conflicts").get("scaleEvents")))

    assert seen.status("conflicts")["scaleEvents"][-1]["from"] == 5


def test_kubectl_get_explains_every_policy(world: World) -> None:
    world.seen.wait_for("the summary", lambda: "cpu 45%" in str(world.seen.status("in-the-band").get("metricsSummary")))
    table = world.cluster.kubectl("get", "spol", "in-the-band", "-n", NAMESPACE)

    header, row = table.splitlines()
    assert header.split() == ["NAME", "TARGET", "CURRENT", "DESIRED", "MIN", "MAX", "METRICS", "READY", "REASON", "AGE"]
    assert row.startswith("in-the-band   Deployment/in-the-band   3         3         1     10")
    assert "cpu 45% <20 >70, memory 45% >80" in row
    assert "True    WithinBand" in row


def test_scalings_are_told_as_events(world: World) -> None:
    def told() -> bool:
        events = world.cluster.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
        return any(each["reason"] == "ScaledUp" and each["regarding"]["name"] == "up-on-cpu" for each in events)

    world.seen.wait_for("the event ScaledUp", told)


def test_the_dead_band_can_be_graphed_from_the_operators_own_metrics(world: World) -> None:
    mine = {"namespace": NAMESPACE, "policy": "in-the-band", "metric": "cpu"}

    def values(name: str) -> set[float]:
        families = text_string_to_metric_families(world.operator.metrics())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return {sample.value for sample in samples if mine.items() <= sample.labels.items()}

    world.seen.wait_for("its value", lambda: bool(values("deadband_policy_metric_value")))
    assert values("deadband_policy_threshold") == {70.0, 20.0}
    assert 40 < next(iter(values("deadband_policy_metric_value"))) < 50


def test_a_quiet_minute_has_no_write_at_all(world: World) -> None:
    """The operator's user writes nothing but the renewal of its Lease.

    Quiet is a queue, memory and an outage that stay as they are. A rate of CPU is never quite still, and a figure that
    moved is written at most every 30 s; so policies on CPU are taken away first.
    """
    seen = world.seen
    others = {each["metadata"]["name"] for each in POLICIES} - QUIET
    world.cluster.kubectl("delete", "scalingpolicy", "-n", NAMESPACE, *others)
    settled = {"WithinBand", "AtMinimum", "MetricsUnknown"}
    seen.wait_for("all settled", lambda: {seen.reason(name) for name in QUIET} <= settled)
    time.sleep(35)  # the last figures are written within 30 s; that nothing follows is what is measured
    mark = world.cluster.audit_mark()
    evaluated = world.evaluations()
    time.sleep(60)  # the quiet minute itself

    writes = [
        f"{event['verb']} {event['requestURI']}"
        for event in world.cluster.audit_events(mark)
        if caller(event).startswith("system:serviceaccount:deadband-system:")
        and event["verb"] not in {"get", "list", "watch"}
        and event["objectRef"]["resource"] != "leases"
    ]
    assert writes == []
    assert world.evaluations() >= evaluated + 10 * len(QUIET), "quiet, not asleep"


def _transition(seen: Seen, name: str, type_: str) -> str:
    conditions = seen.status(name)["conditions"]
    return str(next(each["lastTransitionTime"] for each in conditions if each["type"] == type_))


def _reachable(cluster: Cluster, name: str) -> bool | None:
    status: dict[str, Any] = cluster.get("metricsource", name).get("status") or {}
    return status.get("reachable")


def _seconds(earlier: str, later: str) -> float:

    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_the_examples_are_accepted_by_the_api_server(cluster: Cluster, installation: Installation) -> None:
    examples = Path(__file__).parents[1] / "examples"
    if "leadgen" not in json.dumps(cluster.get("namespaces")):
        cluster.create_namespace("leadgen")
    for name in ("api-pods.yaml", "lead-workers.yaml", "leads-db.yaml", "metric-source.yaml"):
        cluster.kubectl("apply", "--dry-run=server", "-f", str(examples / name))
