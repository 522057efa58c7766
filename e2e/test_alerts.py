"""Alerts and approvals, from the policy to the page: real Alertmanagers, a real webhook, the guide's own manifests."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient
from prometheus_client.parser import text_string_to_metric_families

from deadband.adapters.alertmanager import AlertmanagerAlerts
from deadband.ports import Alert
from e2e.testbed.alertmanager import Alertmanager, Webhook
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import IMPATIENT, Installation, Operator, install
from e2e.testbed.policies import Seen, source
from e2e.testbed.processes import free_port
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload
from tests.contracts.alerts import CONTRACT, LASTING, TEXTS, Replicas, alert

NAMESPACE = "alerts"
GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "database-alerts.md"


def guide() -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The guide's policies by name, evaluated every 5 s and without waiting, and its Alertmanager configuration."""
    blocks = [yaml.safe_load(text.partition("```")[0]) for text in GUIDE.read_text().split("```yaml\n")[1:]]
    policies = {block["metadata"]["name"]: block for block in blocks if block.get("kind") == "ScalingPolicy"}
    for document in policies.values():
        document["metadata"]["namespace"] = NAMESPACE
        document["spec"]["intervalSeconds"] = 5
        document["spec"]["scaleUp"]["forSeconds"] = 0
    (configuration,) = [block for block in blocks if "route" in block]
    return policies, configuration


POLICIES, CONFIGURATION = guide()


def hasty() -> dict[str, Any]:
    """The guide's second policy, on a workload and a queue of its own; its proposals expire after 5 s."""
    document: dict[str, Any] = json.loads(json.dumps(POLICIES["lead-workers"]).replace("lead-worker", "hasty"))
    document["metadata"]["name"] = "hasty"
    document["spec"]["scaleTargetRef"]["name"] = "hasty"
    document["spec"]["metrics"][0]["queue"]["name"] = "hasty"
    document["spec"]["scaleUp"]["approvalSeconds"] = 5
    return document


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    seen: Seen
    simulator: Simulator
    replicas: tuple[Alertmanager, Alertmanager]
    webhook: Webhook
    operator: Operator

    def queue(self, name: str, depth: int) -> None:
        """Hold a queue at a depth."""
        self.simulator.apply({"queues": {name: {"depth": depth, "hold": True}}})

    def connections(self, number: int) -> None:
        """Open so many connections to the database; 97 can be."""
        self.simulator.apply({"databases": {"leads-db": {"connections": number}}})

    def held(self, policy: str) -> list[list[dict[str, Any]]]:
        """The alerts of a policy, as each replica that runs shows them."""
        return [one.alerts(policy=policy) for one in self.replicas if one.process.running]

    def until_held(self, policy: str, number: int, *, timeout: float = 30) -> None:
        """Wait until every replica that runs has so many alerts of a policy."""
        counts = [number] * sum(one.process.running for one in self.replicas)
        self.seen.wait_for(
            f"{number} alerts of {policy} at every replica",
            lambda: [len(alerts) for alerts in self.held(policy)] == counts,
            timeout=timeout,
        )

    def approve(self, policy: str, proposal: str) -> None:
        """As the guide and the alert's own text say."""
        annotation = f"deadband.dev/approve={proposal}"
        self.cluster.kubectl("annotate", "scalingpolicy", policy, "-n", NAMESPACE, "--overwrite", annotation)

    def proposal(self, policy: str) -> str:
        """Id of the open proposal; empty when there is none."""
        return str((self.seen.status(policy).get("proposal") or {}).get("id", ""))

    def counted(self, name: str) -> float:
        """Sum of one of the operator's own counters."""
        families = text_string_to_metric_families(self.operator.metrics())
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The guide's Alertmanager as a cluster of two, the guide's policies, and an operator that is told of both."""
    folder = tmp_path_factory.mktemp("alerts")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(*(workload(name, NAMESPACE, replicas=2) for name in ("lead-worker", "hasty")))
    scenario = {
        "queues": [{"name": name, "depth": 5000, "hold": True} for name in ("leads", "hasty")],
        "databases": [{"instance": "leads-db", "connections": 40}],
    }
    gossip = [free_port(), free_port()]
    with Webhook() as webhook, Simulator(scenario, str(cluster.kubeconfig)) as simulator:
        configuration = json.loads(json.dumps(CONFIGURATION).replace("http://pager.example", webhook.url))
        configuration["route"] |= {"group_wait": "0s", "group_interval": "1s"}
        first, second = (
            Alertmanager(
                folder / f"am-{port}", configuration, gossip=port, peers=[one for one in gossip if one != port]
            )
            for port in gossip
        )
        with first, second, Prometheus(folder, [ScrapeJob("s", [f"127.0.0.1:{simulator.port}"])]) as prometheus:
            prometheus.wait_for("pg_settings_max_connections")
            cluster.apply(source("alerts", prometheus.url, default=True))
            told = install(cluster, {"alertmanager": {"urls": [first.url, second.url]}})
            operator = Operator(told, folder, identity="alerts", namespaces=[NAMESPACE], command=IMPATIENT)
            operator.start()
            try:
                cluster.apply(*POLICIES.values(), hasty())
                yield World(cluster, Seen(api_client, NAMESPACE), simulator, (first, second), webhook, operator)
            finally:
                operator.process.stop()
                cluster.kubectl("delete", "metricsource", "alerts")
                cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_a_database_that_runs_out_of_connections_pages_its_owner_once_and_is_never_scaled(world: World) -> None:
    world.connections(85)
    world.until_held("leads-db", 1)
    world.seen.wait_for("the page", lambda: bool(world.webhook.of("leads-db", "firing")))

    (page,) = world.webhook.of("leads-db", "firing")
    assert page.path == "/database/page"
    assert page.labels == {
        "alertname": "DeadbandActionRequired",
        "namespace": NAMESPACE,
        "policy": "leads-db",
        "resource": "leads-db",
        "direction": "Up",
        "severity": "critical",
        "owner": "database-team",
    }
    assert page.annotations["summary"] == "Scale up: connections 88 % is above 80 %."
    assert page.annotations["proposal"] == world.proposal("leads-db")
    for (held,) in world.held("leads-db"):
        assert held["labels"] == page.labels

    world.approve("leads-db", world.proposal("leads-db"))
    asked = ("True", "ApprovalRefused")
    world.seen.wait_for("the refusal", lambda: world.seen.condition("leads-db", "ActionRequired") == asked)
    assert "there is no target that the operator could scale" in world.seen.message("leads-db", "ActionRequired")

    world.connections(40)
    world.seen.wait_for("the end of it", lambda: bool(world.webhook.of("leads-db", "resolved")))
    world.until_held("leads-db", 0)
    assert world.seen.condition("leads-db", "ActionRequired")[0] == "False"
    assert len(world.webhook.of("leads-db", "firing")) == 1, "the replicas agree on who notifies"


def test_an_alert_is_sent_again_with_the_start_that_it_had_and_a_later_end(world: World) -> None:
    world.queue("leads", 12000)
    world.until_held("lead-workers", 1)
    before = [alerts[0] for alerts in world.held("lead-workers")]

    def sent_again() -> bool:
        ends = [alerts[0]["endsAt"] for alerts in world.held("lead-workers") if alerts]
        return len(ends) == 2 and all(end > was["endsAt"] for end, was in zip(ends, before, strict=True))

    world.seen.wait_for("later ends", sent_again)
    assert [alerts[0]["startsAt"] for alerts in world.held("lead-workers")] == [one["startsAt"] for one in before]
    assert before[0]["labels"]["resource"] == "Deployment/lead-worker"
    assert before[0]["labels"]["severity"] == "warning"
    (chat,) = world.webhook.of("lead-workers", "firing")
    assert chat.path == "/database/chat"


def test_a_replica_that_was_down_is_told_when_it_is_back(world: World) -> None:
    first, second = world.replicas
    second.process.stop()
    world.seen.wait_for("a failure", lambda: world.counted("deadband_alert_failures_total") > 0)
    assert len(first.alerts(policy="lead-workers")) == 1
    assert f"could not send alerts to {second.url} (127.0.0.1): the connection failed" in (
        world.operator.process.log.read_text()
    )

    second.start()
    world.until_held("lead-workers", 1)
    assert world.counted("deadband_alerts_sent_total") > 0


def test_an_approval_is_carried_out_once_and_its_annotation_never_acts_again(world: World) -> None:
    seen = world.seen
    seen.wait_for("the proposal", lambda: bool(world.proposal("lead-workers")))
    approved = world.proposal("lead-workers")
    assert seen.replicas("lead-worker") == 2

    world.approve("lead-workers", approved)
    seen.wait_for("3 replicas", lambda: seen.replicas("lead-worker") == 3)
    seen.wait_for("another proposal", lambda: world.proposal("lead-workers") not in ("", approved))
    following = world.proposal("lead-workers")
    assert seen.status("lead-workers")["lastProposal"] == {
        "id": approved,
        "outcome": "CarriedOut",
        "time": seen.status("lead-workers")["lastScaleTime"],
    }

    evaluated = world.counted("deadband_decisions_total")
    seen.wait_for("further evaluations", lambda: world.counted("deadband_decisions_total") >= evaluated + 4)
    assert seen.policy("lead-workers")["metadata"]["annotations"]["deadband.dev/approve"] == approved
    assert seen.replicas("lead-worker") == 3
    assert world.proposal("lead-workers") == following
    assert seen.condition("lead-workers", "ActionRequired") == ("True", "ApprovalRequired")


def test_an_approval_after_the_expiry_is_refused_and_says_so(world: World) -> None:
    seen = world.seen
    world.queue("hasty", 12000)
    seen.wait_for("the proposal", lambda: bool(world.proposal("hasty")))
    late = world.proposal("hasty")
    seen.wait_for("the next proposal", lambda: world.proposal("hasty") not in ("", late))

    world.approve("hasty", late)
    seen.wait_for("the refusal", lambda: seen.condition("hasty", "ActionRequired") == ("True", "ApprovalRefused"))

    assert f"The approval was not carried out: proposal {late} expired at " in seen.message("hasty", "ActionRequired")
    assert seen.replicas("hasty") == 2

    def told() -> bool:
        events = world.cluster.get("events.events.k8s.io", "-n", NAMESPACE)["items"]
        return any(f"proposal {late} expired at" in each["note"] for each in events)

    seen.wait_for("the event", told)
    world.queue("hasty", 5000)


def test_the_alert_of_an_operator_that_was_killed_ends_by_itself_and_goes_on_with_the_next(world: World) -> None:
    world.until_held("lead-workers", 1)
    before = world.held("lead-workers")[0][0]
    world.operator.process.kill()
    world.until_held("lead-workers", 0)
    world.seen.wait_for("the page of it", lambda: bool(world.webhook.of("lead-workers", "resolved")))

    world.operator.start()
    world.until_held("lead-workers", 1, timeout=60)
    assert [alerts[0]["startsAt"] for alerts in world.held("lead-workers")] == [before["startsAt"]] * 2


class RealPair:
    """Two Alertmanagers behind one host name; each alone, so that none learns anything from the other."""

    def __init__(self, folder: Path) -> None:
        self.first = Alertmanager(folder / "first")
        self.second = Alertmanager(folder / "second", host="127.0.0.2", port=self.first.port)
        url = f"http://alertmanager.monitoring:{self.first.port}"
        self.alerts = AlertmanagerAlerts([url], lambda *_: None, resolve=self.resolve)

    async def resolve(self, host: str, port: int) -> Sequence[tuple[int, str]]:
        return [(int(socket.AF_INET), "127.0.0.1"), (int(socket.AF_INET), "127.0.0.2")]

    async def lasting(self) -> list[list[Mapping[str, str]]]:
        return [
            [one["labels"] for one in server.alerts()] for server in (self.first, self.second) if server.process.running
        ]

    async def take_down(self) -> None:
        self.second.process.stop()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[RealPair]:
    made = RealPair(tmp_path)
    with made.first, made.second:
        yield made
        await made.alerts.close()


@pytest.mark.parametrize("behaviour", CONTRACT, ids=lambda one: one.__name__)
async def test_real_alertmanagers_are_told_as_the_port_promises(
    behaviour: Callable[[Replicas], Awaitable[None]], pair: RealPair
) -> None:
    await behaviour(pair)


async def test_an_alert_that_would_be_refused_keeps_no_other_from_a_real_alertmanager(pair: RealPair) -> None:
    lasting = alert(LASTING, ends_in=timedelta(minutes=1))
    nameless = Alert({"": "x"}, TEXTS, lasting.starts_at, lasting.ends_at)
    odd = Alert({**LASTING, "owner": "", "a.b": "x"}, {**TEXTS, "empty": ""}, lasting.starts_at, lasting.ends_at)

    assert await pair.alerts.send([nameless, odd]) == {}
    assert await pair.lasting() == [[LASTING], [LASTING]]
