"""Recipes against real servers, told of by their real exporters: RabbitMQ, Redis and PostgreSQL.

Only the pods are pretended; of PostgreSQL's pod the CPU time is that of the real server.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.servers import PostgreSql, RabbitMq, Redis
from e2e.testbed.servers.usage import Usage
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

NAMESPACE = "servers"
EXAMPLE = Path(__file__).parents[1] / "examples" / "leads-db.yaml"
ONE = {"type": "Pods", "pods": 1}
QUEUES = {"RabbitMQ": "leads", "RedisList": "mail"}
EMPTY = "never-filled"


def worker(name: str, system: str) -> dict[str, Any]:
    """The third row of the program's table, for a queue of a system: up beyond 10,000, down under 100."""
    return policy(
        name,
        NAMESPACE,
        minReplicas=2,
        metrics=[{"name": "depth", "queue": {"system": system, "name": QUEUES[system]}}],
        scaleUp={"anyOf": [{"metric": "depth", "above": 10000}], "step": ONE, "cooldownSeconds": 600},
        scaleDown={
            "allOf": [{"metric": "depth", "below": 100}],
            "forSeconds": 5,
            "cooldownSeconds": 0,
            "limits": [],
            "step": ONE,
        },
    )


def database() -> dict[str, Any]:
    """The example of the second row, with shorter times."""
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    document["metadata"]["namespace"] = NAMESPACE
    document["spec"]["intervalSeconds"] = 5
    document["spec"]["scaleUp"]["forSeconds"] = 5
    return document


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    seen: Seen
    prometheus: Prometheus
    queues: dict[str, RabbitMq | Redis]
    postgresql: PostgreSql
    user: str
    mark: int

    def wait_for_workers(self, *, depth: int, replicas: int) -> None:
        """Wait until every system's queue is read at a depth and has its workers."""
        for name in (system.lower() for system in QUEUES):
            self.seen.wait_for(f"{name} at {depth}", partial(self._reads, name, f"depth {depth} <100"))
            self.seen.wait_for(f"{replicas} workers of {name}", partial(self._runs, name, replicas))

    def summary(self, name: str) -> str:
        """The values of a policy beside their thresholds."""
        return str(self.seen.status(name).get("metricsSummary"))

    def _reads(self, name: str, summary: str) -> bool:
        return summary in self.summary(name)

    def _runs(self, name: str, replicas: int) -> bool:
        return self.seen.replicas(name) == replicas


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The servers, with queues and connections under their upper thresholds, and then what watches them."""
    folder = tmp_path_factory.mktemp("servers")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(
        workload("rabbitmq", NAMESPACE, replicas=2),
        workload("redislist", NAMESPACE, replicas=2),
        workload("leads-db", NAMESPACE, kind="StatefulSet", requests={"cpu": "200m"}),
    )
    rabbitmq, redis = RabbitMq(folder / "rabbitmq"), Redis(folder / "redis", [QUEUES["RedisList"], EMPTY])
    postgresql = PostgreSql(folder / "postgresql", "leads-db")
    queues: dict[str, RabbitMq | Redis] = {"RabbitMQ": rabbitmq, "RedisList": redis}
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        for started in [pool.submit(stack.enter_context, server) for server in (rabbitmq, redis, postgresql)]:
            started.result()
        for system, server in queues.items():
            server.put(QUEUES[system], 10000)
        postgresql.open_connections(17)
        simulator = stack.enter_context(Simulator({}, str(cluster.kubeconfig)))
        pods = ScrapeJob("kube-state-metrics", [f"127.0.0.1:{simulator.port}"], "/metrics/kube-state-metrics")
        labels = {"namespace": NAMESPACE, "pod": "leads-db-0", "container": "leads-db"}
        usage = stack.enter_context(Usage(postgresql.process.pid, **labels))
        jobs = [pods, usage.job, *rabbitmq.jobs, *redis.jobs, *postgresql.jobs]
        prometheus = stack.enter_context(Prometheus(folder / "prometheus", jobs))
        prometheus.wait_for("sum(up) == 6")
        prometheus.wait_for("rate(container_cpu_usage_seconds_total[10s])")
        cluster.apply(source("servers", prometheus.url, default=True))
        stack.callback(cluster.kubectl, "delete", "namespace", NAMESPACE, "--wait=false")
        stack.callback(cluster.kubectl, "delete", "metricsource", "servers")
        operator = Operator(installation, folder, identity="servers", namespaces=[NAMESPACE])
        stack.callback(operator.process.stop)
        operator.start()
        mark = cluster.audit_mark()
        cluster.apply(worker("rabbitmq", "RabbitMQ"), worker("redislist", "RedisList"), database())
        yield World(cluster, Seen(api_client, NAMESPACE), prometheus, queues, postgresql, installation.user, mark)


def test_workers_follow_real_queues_and_not_at_the_thresholds_themselves(world: World) -> None:
    """10,000 and 100 are inside the band, 10,001 and 99 are not; both systems at once, to wait once."""
    world.wait_for_workers(depth=10000, replicas=2)
    for system, queue in world.queues.items():
        queue.put(QUEUES[system], 1)
    world.wait_for_workers(depth=10001, replicas=3)
    for system, queue in world.queues.items():
        queue.take(QUEUES[system], 9901)
    world.wait_for_workers(depth=100, replicas=3)
    for system, queue in world.queues.items():
        queue.take(QUEUES[system], 1)
    world.wait_for_workers(depth=99, replicas=2)
    # What both endpoints of RabbitMQ tell of counted once.
    told = world.prometheus.query('{__name__=~"rabbitmq_(detailed_)?queue_messages_ready",queue="leads"}')
    assert [row["value"][1] for row in told] == ["99", "99"]


def test_a_list_that_has_no_elements_reads_0_and_not_nothing(world: World) -> None:
    world.prometheus.wait_for(f'redis_key_size{{db="db0",key="{EMPTY}"}} == 0')


def test_a_database_short_of_connections_asks_a_person_until_it_has_enough_again(world: World) -> None:
    """17 clients and the exporter's one or two are at most 76 % of 25; 20 and the exporter's are 84 % or more."""
    seen = world.seen
    seen.wait_for("the band", lambda: bool(re.search(r"connections 7[26]% >80", world.summary("leads-db"))))
    assert seen.condition("leads-db", "ActionRequired")[0] == "False"

    world.postgresql.open_connections(3)
    seen.wait_for("the proposal", lambda: "proposal" in seen.status("leads-db"))
    assert seen.condition("leads-db", "ActionRequired") == ("True", "ApprovalRequired")
    proposal = seen.status("leads-db")["proposal"]
    assert "replicas" not in proposal
    assert re.fullmatch(r"Scale up: connections 8[48] % is above 80 %\.", proposal["text"])

    world.postgresql.close_connections()
    seen.wait_for("the end of it", lambda: seen.condition("leads-db", "ActionRequired")[0] == "False")
    assert "proposal" not in seen.status("leads-db")


def test_a_database_that_computes_too_much_asks_a_person_by_its_cpu(world: World) -> None:
    """The server's real CPU time beside the 200m that its pod requests."""
    seen = world.seen
    seen.wait_for("rest", lambda: seen.condition("leads-db", "ActionRequired")[0] == "False")

    world.postgresql.compute()
    seen.wait_for("the proposal", lambda: "proposal" in seen.status("leads-db"))
    assert re.fullmatch(r"Scale up: cpu \d+ % is above 60 %\.", seen.status("leads-db")["proposal"]["text"])

    world.postgresql.close_connections()
    seen.wait_for("the end of it", lambda: seen.condition("leads-db", "ActionRequired")[0] == "False")


def test_a_database_is_never_scaled(world: World) -> None:
    written = {
        (event["objectRef"]["resource"], event["objectRef"].get("subresource"))
        for event in world.cluster.audit_events(world.mark)
        if caller(event) == world.user and event["verb"] in {"patch", "update"}
        if event["objectRef"].get("namespace") == NAMESPACE and event["objectRef"]["name"] == "leads-db"
    }
    assert written == {("scalingpolicies", "status")}
    assert world.seen.replicas("leads-db", "StatefulSet") == 1
