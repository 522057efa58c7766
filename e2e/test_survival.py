"""What a policy survives: the operator killed, replaced, gone; the API server restarted; bad input of every kind."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from kubernetes.client import ApiClient, CoordinationV1Api

from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import RELEASE, SYSTEM, Installation, Operator, install
from e2e.testbed.policies import Seen, open_client, policy, source
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

NAMESPACE = "survival"
ONE = {"type": "Pods", "pods": 1}
DEPTH = {"name": "depth", "queue": {"system": "RabbitMQ", "name": "slow"}}

OperatorFactory = Callable[..., Operator]


@pytest.fixture(scope="module")
def simulator(cluster: Cluster, installation: Installation) -> Iterator[Simulator]:
    """Queues under which policies want to go up (12,000) or down (50), and Deployments to be scaled."""
    cluster.create_namespace(NAMESPACE)
    names = ("killed", "relayed", "orphan", *(name for name, *_ in BAD_INPUT))
    cluster.apply(*(workload(name, NAMESPACE, replicas=3) for name in names if name != "target-missing"))
    scenario = {"queues": [{"name": "slow", "depth": 50, "hold": True}, {"name": "full", "depth": 12000, "hold": True}]}
    with Simulator(scenario, str(cluster.kubeconfig)) as running:
        yield running
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def prometheus(
    cluster: Cluster, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus, and the default MetricSource for it."""
    job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
    with Prometheus(tmp_path_factory.mktemp("survival"), [job]) as running:
        running.wait_for("rabbitmq_queue_messages_ready")
        cluster.apply(source("survival", running.url, default=True))
        yield running
        cluster.kubectl("delete", "metricsource", "survival")


@pytest.fixture
def seen(prometheus: Prometheus, api_client: ApiClient) -> Seen:
    return Seen(api_client, NAMESPACE)


@pytest.fixture
def start_operator(installation: Installation, tmp_path: Path) -> Iterator[OperatorFactory]:
    """A function that starts an operator of this namespace; all are stopped at the end."""
    started: list[Operator] = []

    def start(identity: str) -> Operator:
        operator = Operator(installation, tmp_path, identity=identity, namespaces=[NAMESPACE])
        started.append(operator)
        operator.start()
        return operator

    yield start
    for operator in started:
        operator.process.stop()


def draining(name: str, **down: Any) -> dict[str, Any]:
    """A policy that is about to go down by one."""
    rule = {"allOf": [{"metric": "depth", "below": 100}], "step": ONE, "limits": [], "cooldownSeconds": 600, **down}
    return policy(name, NAMESPACE, metrics=[DEPTH], scaleDown=rule)


def test_an_operator_killed_in_the_middle_of_a_for_time_goes_on_where_it_was(
    cluster: Cluster, seen: Seen, start_operator: OperatorFactory
) -> None:
    first = start_operator("first")
    cluster.apply(draining("killed", forSeconds=30))
    seen.wait_for("the timer", lambda: bool(seen.status("killed").get("scaleDown", {}).get("heldSince")))
    held_since = seen.status("killed")["scaleDown"]["heldSince"]
    time.sleep(12)  # part of the for-time passes
    first.process.kill()
    assert seen.replicas("killed") == 3

    start_operator("second")
    seen.wait_for("the step down", lambda: seen.replicas("killed") == 2, timeout=90)
    seen.wait_for("its event", lambda: bool(seen.status("killed").get("scaleEvents")))
    status = seen.status("killed")

    moved = _instant(status["scaleDown"]["heldSince"]) - _instant(held_since)
    waited = _instant(status["scaleEvents"][0]["time"]) - _instant(held_since)
    assert timedelta(seconds=1) <= moved, "the time without an operator is not held (R7)"
    assert waited >= timedelta(seconds=30) + moved
    assert waited <= timedelta(seconds=30 + 10) + moved, "the time before the kill was not lost"


def test_of_two_operators_one_leads_and_the_other_takes_over_within_seconds_of_its_end(
    cluster: Cluster, seen: Seen, start_operator: OperatorFactory, api_client: ApiClient
) -> None:
    leader = start_operator("leader")
    seen.wait_for("a leader", leader.leads)
    follower = start_operator("follower")
    cluster.apply(draining("relayed", forSeconds=5, cooldownSeconds=5))
    seen.wait_for("a first step", lambda: seen.replicas("relayed") == 2)
    assert not follower.leads()
    assert "deadband_scale_writes_total{" not in follower.metrics()

    began = time.monotonic()
    leader.process.stop()
    took = time.monotonic() - began

    assert leader.process.returncode == 0
    lease = _lease(api_client)
    holder = lease.holder_identity or ""
    assert not holder or holder.startswith("follower"), f"not released in the {took:.1f} s of its end"
    seen.wait_for("the follower leads", follower.leads, timeout=15)
    seen.wait_for("a second step", lambda: seen.replicas("relayed") == 1)


def test_a_policy_goes_at_once_when_no_operator_runs(cluster: Cluster, seen: Seen) -> None:
    cluster.apply(draining("orphan"))
    cluster.kubectl("delete", "scalingpolicy", "orphan", "-n", NAMESPACE, "--timeout=5s")

    assert seen.policy("orphan") == {}
    assert seen.replicas("orphan") == 3


def test_sigterm_ends_with_0_and_frees_the_lease(
    seen: Seen, start_operator: OperatorFactory, api_client: ApiClient
) -> None:
    operator = start_operator("brief")
    seen.wait_for("a leader", operator.leads, timeout=60)
    asked = datetime.now().astimezone()
    operator.process.stop()
    lease = _lease(api_client)

    assert operator.process.returncode == 0
    assert not lease.holder_identity
    assert lease.renew_time - asked < timedelta(seconds=2)


class _Nonsense(BaseHTTPRequestHandler):
    """Answers every query with something that is not Prometheus's."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<html>Sign in to continue</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Say nothing."""


def raw(query: str, **spec: Any) -> dict[str, Any]:
    """Up when a query says more than 5, at once."""
    metric = {"name": "m", "query": query, **({"source": spec.pop("source")} if "source" in spec else {})}
    return {"metrics": [metric], "scaleUp": {"anyOf": [{"metric": "m", "above": 5}], "step": ONE}, **spec}


CRON = {"name": "night", "schedule": "0 25 * * *", "durationSeconds": 3600, "minReplicas": 2}

# name, spec, condition, status, reason, what its message says
BAD_INPUT: list[tuple[str, dict[str, Any], str, str, str, str]] = [
    ("promql-range", raw("x[5m]"), "Stalled", "True", "InvalidSpec", "spec.metrics[0].query"),
    ("promql-broken", raw("sum(rate(x[5m])"), "MetricsAvailable", "False", "Error", "the source rejects the query"),
    ("cron-broken", raw("vector(9)", overrides=[CRON]), "Stalled", "True", "InvalidSpec", "spec.overrides[0].schedule"),
    ("target-missing", raw("vector(9)"), "Stalled", "True", "TargetNotFound", "target-missing"),
    ("source-unknown", raw("vector(9)", source="nowhere"), "Stalled", "True", "SourceNotFound", "nowhere"),
    ("source-silent", raw("vector(9)", source="silent"), "MetricsAvailable", "False", "Error", "connection"),
    ("source-nonsense", raw("vector(9)", source="nonsense"), "MetricsAvailable", "False", "Error", ""),
    ("query-refused", raw("vector(9) + on(a) group_left() (label_replace(up, 'b', '1', '', '') or up)"),
     "MetricsAvailable", "False", "", ""),
    ("query-empty", raw("no_such_series_anywhere"), "MetricsAvailable", "False", "Empty", "m is unknown"),
    ("query-nan", raw("vector(0) / 0"), "MetricsAvailable", "False", "NotANumber", "m is unknown"),
    ("query-infinite", raw("vector(1) / 0"), "MetricsAvailable", "False", "NotANumber", "m is unknown"),
    ("query-many", raw("rabbitmq_queue_messages_ready"), "MetricsAvailable", "False", "ManySeries", "m is unknown"),
]  # fmt: skip


@pytest.fixture(scope="module")
def bad_input(
    cluster: Cluster, installation: Installation, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """Every bad policy at once, under one operator."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense)
    Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    folder = tmp_path_factory.mktemp("bad-input")
    operator = Operator(installation, folder, identity="bad-input", namespaces=[NAMESPACE])
    cluster.apply(
        source("silent", "http://127.0.0.1:1"),
        source("nonsense", f"http://127.0.0.1:{server.server_address[1]}"),
        *(policy(name, NAMESPACE, **spec) for name, spec, *_ in BAD_INPUT),
    )
    operator.start()
    yield operator
    operator.process.stop()
    server.shutdown()
    server.server_close()
    cluster.kubectl("delete", "metricsource", "silent", "nonsense")
    cluster.kubectl("delete", "scalingpolicy", "-n", NAMESPACE, *(name for name, *_ in BAD_INPUT))


@pytest.mark.parametrize(
    ("name", "spec", "type_", "status", "reason", "says"), BAD_INPUT, ids=[row[0] for row in BAD_INPUT]
)
def test_bad_input_ends_as_a_condition_and_scales_nothing(
    bad_input: Operator, seen: Seen, name: str, spec: Any, type_: str, status: str, reason: str, says: str
) -> None:
    seen.wait_for("the condition", lambda: seen.condition(name, type_)[0] == status)

    assert reason in seen.condition(name, type_)[1]
    assert says in seen.message(name, type_)
    assert name == "target-missing" or seen.replicas(name) == 3


def test_an_operator_with_nothing_but_bad_input_is_healthy_and_silent(bad_input: Operator, seen: Seen) -> None:
    for name, *_ in BAD_INPUT:
        seen.wait_for(name, partial(_evaluated, seen, name))

    assert bad_input.process.running
    assert bad_input.live()
    assert "Traceback" not in bad_input.process.log_tail()


def test_a_policy_that_is_mended_acts_again(bad_input: Operator, cluster: Cluster, seen: Seen) -> None:
    seen.wait_for("the refusal", lambda: seen.condition("promql-range", "Stalled")[0] == "True")
    cluster.apply(policy("promql-range", NAMESPACE, **raw("vector(9)")))

    seen.wait_for("a step up", lambda: seen.replicas("promql-range") > 3)
    # First the scale is written, then the status.
    seen.wait_for("Ready", lambda: seen.condition("promql-range", "Ready")[0] == "True")


def test_bounds_hold_while_the_source_rejects_the_only_query(bad_input: Operator, cluster: Cluster, seen: Seen) -> None:
    seen.wait_for("the error", lambda: seen.condition("promql-broken", "MetricsAvailable")[0] == "False")
    cluster.apply(policy("promql-broken", NAMESPACE, maxReplicas=2, **raw("sum(rate(x[5m])")))

    seen.wait_for("the new maximum", lambda: seen.replicas("promql-broken") == 2)


def test_an_api_server_that_comes_back_finds_an_operator_that_goes_on(own_control_plane: Any, tmp_path: Path) -> None:
    """The watches are begun anew; a change made after the restart is acted upon."""
    plane = own_control_plane
    installation = install(plane)
    plane.create_namespace("alone")
    plane.apply(workload("api", "alone", replicas=3))
    operator = Operator(installation, tmp_path, identity="alone")
    operator.start()
    try:
        plane.apply(policy("api", "alone", **raw("vector(1)")))
        with open_client(plane.kubeconfig) as client:
            seen = Seen(client, "alone")
            seen.wait_for("a first status", lambda: seen.reason("api") != "")
            plane.restart_api_server()
            plane.apply(policy("api", "alone", maxReplicas=2, **raw("vector(1)")))
            seen.wait_for("the new maximum", lambda: seen.replicas("api") == 2, timeout=120)
    finally:
        operator.process.stop()


def _evaluated(seen: Seen, name: str) -> bool:
    return bool(seen.status(name))


def _lease(client: ApiClient) -> Any:
    """The spec of the operators' Lease."""
    found: Any = CoordinationV1Api(client).read_namespaced_lease(RELEASE, SYSTEM)
    return found.spec


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_nothing_of_an_answer_is_repeated_in_status(bad_input: Operator, seen: Seen) -> None:
    """A source may answer with secrets of whoever it really is (F: response leakage)."""
    seen.wait_for("the condition", lambda: seen.condition("source-nonsense", "MetricsAvailable")[0] == "False")

    assert "Sign in" not in json.dumps(seen.status("source-nonsense"))
