"""The real operator among hundreds of objects that mean harm, all of which the real API server accepted.

Beside them one sound policy goes on being scaled, and no secret that was planted comes out of anything that is shown.
"""

import copy
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, CustomObjectsApi

from deadband.api.validation import InvalidError
from deadband.engine.validity import check_policy
from e2e.manifests.documents import Document
from e2e.manifests.shaped import chain, schema_of, shaped
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import SYSTEM, Installation, Operator, install
from e2e.testbed.policies import GROUP, VERSION, Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload
from tests.adapters.raw_server import saying, serve_raw

OBJECTS = 200
TEXTS = ("", "true", "x" * 10_000, "ü\n\U0001f680", '"},"evil":{"', "{{ .Labels }}", "\x1b[31m", "$(id)")
PLANTED = {
    "token": "s3cret-in-a-token",
    "body": "s3cret-in-a-body",
    "header": "s3cret-in-an-answers-header",
    "warning": "s3cret-in-a-warning",
    "sent": "s3cret-in-a-header-of-the-source",
}
GROWS: dict[str, Any] = {
    "scaleUp": {"anyOf": [{"metric": "m", "above": 5}], "step": {"type": "Pods", "pods": 1}},
    "maxReplicas": 3,
}


def accepts(document: Document) -> bool:
    try:
        check_policy(document)
    except InvalidError:
        return False
    return True


def hostile(namespace: str, dice: random.Random) -> Iterator[Document]:
    """Accepted policies with names, labels and annotations at their limits."""
    for number, document in enumerate(document for document in chain(11, accepts) if accepts(document)):
        name = f"{number}-" + "n" * dice.choice((1, 253 - len(f"{number}-")))
        annotations = {f"deadband.dev/{key}": dice.choice(TEXTS) for key in ("paused", "approve")}
        labels = {f"deadband.dev/{key}": dice.choice(("", "x" * 63, "critical")) for key in ("severity", "owner")}
        metadata = {"name": name, "namespace": namespace, "annotations": annotations, "labels": labels}
        made = copy.deepcopy(document) | {"metadata": metadata}
        made["spec"]["intervalSeconds"] = 5
        yield made


class Policies:
    """Policies and their statuses, by a client with all rights."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._objects = CustomObjectsApi(client)
        self._where = (GROUP, VERSION, namespace, "scalingpolicies")

    def create(self, document: Document) -> None:
        self._objects.create_namespaced_custom_object(*self._where, document)

    def write_status(self, name: str, status: Any) -> bool:
        """Write it as by hand; whether the API server took it."""
        try:
            self._objects.patch_namespaced_custom_object_status(*self._where, name, {"status": status})
        except ApiException as error:
            assert error.status == 422  # noqa: PT017 - the schema refused it
            return False
        return True


def test_a_policy_is_scaled_among_hundreds_that_mean_harm(
    cluster: Cluster, installation: Installation, api_client: ApiClient, namespace: str, tmp_path: Path
) -> None:
    dice, seen, policies = random.Random(12), Seen(api_client, namespace), Policies(api_client, namespace)
    written = schema_of("ScalingPolicy")["properties"]["status"]
    cluster.apply(workload("good", namespace, replicas=1), workload("api", namespace, replicas=2))
    with Prometheus(tmp_path / "prometheus", []) as prometheus:
        cluster.apply(source("main", prometheus.url, default=True))
        taken = 0
        for document in islice(hostile(namespace, dice), OBJECTS):
            policies.create(document)
            taken += policies.write_status(document["metadata"]["name"], shaped(written, dice))
        operator = Operator(installation, tmp_path, identity="hostile", namespaces=[namespace])
        operator.start()
        try:
            cluster.apply(policy("good", namespace, metrics=[{"name": "m", "query": "vector(9)"}], **GROWS))
            seen.wait_for("the maximum", lambda: seen.replicas("good") == 3)
            seen.wait_for("a word on every policy", lambda: len(seen.sentences()) > OBJECTS)
            seen.wait_for(
                "every policy evaluated", lambda: "not evaluated" not in seen.sentences().values(), timeout=120
            )
            assert operator.process.running
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "main")
    log = operator.process.log.read_text()
    assert taken > OBJECTS / 4, "some statuses by hand should be taken"
    assert "Traceback" not in log
    assert " ERROR " not in log


@pytest.fixture
def admitting(cluster: Cluster) -> Iterator[Installation]:
    """The chart with the right on one Secret."""
    yield install(cluster, {"metricSource": {"secretNames": ["planted"]}})
    cluster.kubectl("delete", "rolebinding,role", "deadband-secrets", "-n", SYSTEM)
    cluster.kubectl("delete", "secret", "planted", "-n", SYSTEM)


def answer(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nX-Secret: {PLANTED['header']}\r\nLocation: /{PLANTED['header']}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


WARNING = json.dumps(
    {"status": "success", "data": {"resultType": "vector", "result": []}, "warnings": [PLANTED["warning"]]}
)
REFUSAL = json.dumps({"status": "error", "errorType": PLANTED["body"], "error": PLANTED["body"]})
ANSWERS = {
    "forbidden": answer("403 Forbidden", PLANTED["body"]),
    "moved": answer("302 Found", PLANTED["body"]),
    "refused": answer("422 Unprocessable", REFUSAL),
    "odd": answer("200 OK", PLANTED["body"]),
    "warning": answer("200 OK", WARNING),
    "broken": PLANTED["body"].encode(),
}


def test_no_secret_and_no_body_of_an_answer_is_shown_anywhere(
    cluster: Cluster, admitting: Installation, api_client: ApiClient, namespace: str, tmp_path: Path
) -> None:
    seen = Seen(api_client, namespace)
    planted = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "planted", "namespace": SYSTEM}}
    cluster.apply(planted | {"stringData": {"token": PLANTED["token"]}})
    servers = {name: serve_raw(saying(reply)) for name, reply in ANSWERS.items()}
    operator = Operator(admitting, tmp_path, identity="planted", namespaces=[namespace])
    try:
        for name, server in servers.items():
            cluster.apply(
                workload(name, namespace, replicas=1),
                source(
                    name,
                    f"http://{server.__enter__()}",
                    auth={"type": "Bearer", "secretName": "planted"},
                    headers=[{"name": "X-Sent", "value": PLANTED["sent"]}],
                ),
                policy(name, namespace, metrics=[{"name": "m", "query": "up", "source": name}], **GROWS),
            )
        operator.start()
        seen.wait_for(
            "no reading of any",
            lambda: all(seen.condition(name, "MetricsAvailable")[0] == "False" for name in ANSWERS),
        )
        seen.wait_for(
            "a word on every source", lambda: all("status" in cluster.get("metricsource", name) for name in ANSWERS)
        )
        assert seen.sentences().keys() == ANSWERS.keys()
        shown = [
            operator.metrics(),
            json.dumps([each["status"] for each in cluster.get("scalingpolicies", "-n", namespace)["items"]]),
            json.dumps([cluster.get("metricsource", name)["status"] for name in ANSWERS]),
            json.dumps(cluster.get("events.events.k8s.io", "-n", namespace)["items"]),
        ]
    finally:
        operator.process.stop()
        cluster.kubectl("delete", "metricsource", *ANSWERS)
        for server in servers.values():
            server.__exit__(None, None, None)
    for text in (*shown, operator.process.log.read_text()):
        assert text
        assert "s3cret" not in text
