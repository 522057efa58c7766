"""Readiness lost under throttling, killed containers and lost nodes: what the world orders, and what is written."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, Configuration

from e2e.testbed.simulator.cluster import Cluster, Container, Owner, Pod
from e2e.testbed.simulator.kubelets import Kubelets
from e2e.testbed.simulator.orders import Orders
from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.world import World

MAIN = Container("db", "registry.example/db:1", {"cpu": 0.5}, {"cpu": 0.5})
OWNER = Owner("StatefulSet", "db", controller=True)
NAMES = ("a", "b")
LOAD: dict[str, Any] = {"namespace": "shop", "name": "db", "kind": "StatefulSet"}


def pod(name: str, ready: str = "True") -> Pod:
    return Pod("shop", name, f"uid-{name}", f"node-{name}", "Running", ready, (OWNER,), (MAIN,), 0.0)


def world(cores: float, **scenario: Any) -> World:
    """Two pods with half a core each at second 0, that bear throttling for 4 to 8 seconds and then need 5."""
    readiness = {"failsAfterSeconds": 4, "recoversAfterSeconds": 5}
    load = {**LOAD, "cpu": {"amount": cores}, "readiness": readiness}
    made = World(Scenario.model_validate({"workloads": [load], **scenario}), now=0.0)
    made.observe(Cluster(tuple(map(pod, NAMES))), 0.0)
    return made


def first_failing(made: World) -> float:
    """The second at which the first probe fails."""
    while not made.orders().unready:
        made.advance(made.now + 0.25)
        assert made.now < 20
    return made.now


def test_throttled_pods_lose_their_readiness_one_by_one() -> None:
    made = world(cores=1.5)
    assert 4 <= first_failing(made) <= 8
    assert len(made.orders().unready) == 1


def test_a_pod_at_its_limit_with_nothing_more_to_do_stays_ready() -> None:
    made = world(cores=1.0)
    made.advance(60.0)
    assert made.orders().unready == frozenset()


def test_a_pod_whose_probe_fails_works_on_at_its_limit_until_it_gets_load_again() -> None:
    made = world(cores=1.5)
    failed = first_failing(made)
    (uid,) = made.orders().unready
    made.observe(Cluster((pod(uid.removeprefix("uid-"), "False"),)), failed)
    assert made.use[uid, "db"].cores == 0.5
    made.advance(failed + 4.5)
    assert uid in made.orders().unready
    made.advance(failed + 5.5)
    assert uid not in made.orders().unready
    assert made.use[uid, "db"].cores == 0.5, "the API server does not know yet that it is ready"
    made.observe(Cluster((pod(uid.removeprefix("uid-")),)), failed + 6)
    made.observe(Cluster((pod(uid.removeprefix("uid-"), "False"),)), failed + 6.5)
    assert made.use[uid, "db"].cores == 0, "what makes it unready now is something else"


def test_a_lost_node_is_unreachable_after_its_grace() -> None:
    made = world(cores=0.1, nodeGraceSeconds=40)
    made.apply(Change.model_validate({"lostNodes": ["node-a"]}), 10.0)
    made.advance(49.0)
    assert made.orders().unreachable == frozenset()
    made.apply(Change.model_validate({"lostNodes": ["node-a", "node-b"]}), 50.0)
    assert made.orders().unreachable == {"node-a"}, "each node has a grace of its own"


def test_a_kill_is_ordered_once_and_for_ready_pods() -> None:
    made = world(cores=0.1)
    made.observe(Cluster((pod("a"), pod("b", "False"))), 1.0)
    made.apply(Change(kill=("shop/db",)), 2.0)
    assert made.orders().killed == {("uid-a", "db")}
    assert made.orders().killed == frozenset()


def test_a_kill_of_an_unknown_workload_is_refused() -> None:
    with pytest.raises(KeyError, match="shop/bd"):
        world(cores=0.1).apply(Change(kill=("shop/bd",)), 1.0)


class ApiServer(ThreadingHTTPServer):
    """Remembers what is patched, and answers with ``code``."""

    code = 200
    patches: list[tuple[str, Any]]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running = {"running": {"startedAt": "2026-01-05T08:00:00Z"}}
            status = {"containerStatuses": [{"name": "db", "restartCount": 3, "ready": True, "state": running}]}
            self._answer(200, {"status": status})

        def do_PATCH(self) -> None:
            assert isinstance(self.server, ApiServer)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.patches.append((self.path.rpartition("/api/v1/")[2], json.loads(body)))
            self._answer(self.server.code, {})

        def _answer(self, code: int, body: Any) -> None:
            answer = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None: ...


@pytest.fixture
def api() -> Iterator[ApiServer]:
    server = ApiServer(("127.0.0.1", 0), ApiServer.Handler)
    server.patches = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kubelets(api: ApiServer) -> Iterator[Kubelets]:
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{api.server_address[1]}"
    client = ApiClient(configuration)
    yield Kubelets(client)
    client.close()


def written(api: ApiServer) -> list[tuple[str, str]]:
    """Path and Ready status of what was patched since the last look; for a node's annotation its value."""
    found = []
    for path, body in api.patches:
        ready = [each["status"] for each in (body.get("status") or {}).get("conditions", ()) if each["type"] == "Ready"]
        found.append((path, ready[0] if ready else str(body["metadata"]["annotations"]["testbed.deadband.dev/lost"])))
    api.patches.clear()
    return found


POD_A, POD_B = "namespaces/shop/pods/a/status", "namespaces/shop/pods/b/status"


def test_readiness_is_taken_once_and_given_back_to_those_from_whom_it_was_taken(
    api: ApiServer, kubelets: Kubelets
) -> None:
    failing = Orders(unready=frozenset({"uid-a"}))
    kubelets.settle(Cluster((pod("a"), pod("b"), pod("starting", "False"))), failing)
    assert written(api) == [(POD_A, "False")]
    lost = Cluster((pod("a", "False"), pod("b"), pod("starting", "False")))
    kubelets.settle(lost, failing)
    assert written(api) == []
    kubelets.settle(lost, Orders())
    assert written(api) == [(POD_A, "True")]
    kubelets.settle(lost, Orders())
    assert written(api) == []


def test_a_killed_container_ends_and_starts_again_with_the_next_round(api: ApiServer, kubelets: Kubelets) -> None:
    cluster = Cluster((pod("a"), pod("b")))
    kubelets.settle(cluster, Orders(killed=frozenset({("uid-a", "db")})))
    ((path, body),) = api.patches
    (ended,) = body["status"]["containerStatuses"]
    assert (path, ended["restartCount"], [*ended["state"]]) == (POD_A, 3, ["terminated"])
    assert written(api) == [(POD_A, "False")]
    kubelets.settle(cluster, Orders())
    (started,) = api.patches[0][1]["status"]["containerStatuses"]
    assert (started["restartCount"], [*started["state"]]) == (4, ["running"])
    assert written(api) == [(POD_A, "True")]


def test_an_unreachable_node_and_its_pods_are_not_ready_until_it_is_back(api: ApiServer, kubelets: Kubelets) -> None:
    kubelets.settle(Cluster((pod("a"), pod("b"))), Orders(unreachable=frozenset({"node-b"})))
    assert written(api) == [(POD_B, "False"), ("nodes/node-b", "true"), ("nodes/node-b/status", "Unknown")]
    kubelets.settle(Cluster((pod("a"), pod("b", "False"))), Orders())
    assert written(api) == [(POD_B, "True"), ("nodes/node-b", "None")]


def test_the_end_leaves_lost_nodes_to_kwok(api: ApiServer, kubelets: Kubelets) -> None:
    kubelets.settle(Cluster(), Orders(unreachable=frozenset({"node-b"})))
    written(api)
    kubelets.release()
    assert written(api) == [("nodes/node-b", "None")]


def test_a_pod_that_is_gone_meanwhile_is_no_fault_and_a_refusal_is_one(api: ApiServer, kubelets: Kubelets) -> None:
    api.code = 404
    kubelets.settle(Cluster((pod("a"),)), Orders(unready=frozenset({"uid-a"})))
    api.code = 403
    with pytest.raises(ApiException):
        kubelets.settle(Cluster((pod("b"),)), Orders(unready=frozenset({"uid-b"})))
