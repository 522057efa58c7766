"""A Prometheus that lets nobody in without a client certificate and a login, asked by the operator under its rights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient

from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import SYSTEM, Installation, Operator, install
from e2e.testbed.pki import Authority
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload

USER, PASSWORD = "admin", "test"
BCRYPTED = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
LISTED = ["prometheus-login", "prometheus-tls"]


@pytest.fixture
def admitting(cluster: Cluster) -> Iterator[Installation]:
    """The chart with rights on two Secrets."""
    yield install(cluster, {"metricSource": {"secretNames": LISTED}})
    cluster.kubectl("delete", "rolebinding,role", "deadband-secrets", "-n", SYSTEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


@pytest.fixture
def guarded(tmp_path: Path, authority: Authority) -> Iterator[Prometheus]:
    server, client = authority.server("prometheus", ["127.0.0.1"]), authority.administrator("deadband")
    web = {
        "tls_server_config": {
            "cert_file": str(server.certificate),
            "key_file": str(server.key),
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(authority.certificate_file),
        },
        "basic_auth_users": {USER: BCRYPTED},
    }
    prometheus = Prometheus(tmp_path / "prometheus", [], web=web)
    prometheus.session.verify = str(authority.certificate_file)
    prometheus.session.cert = (str(client.certificate), str(client.key))
    prometheus.session.auth = (USER, PASSWORD)
    with prometheus:
        yield prometheus


def secret(name: str, **values: str) -> dict[str, Any]:
    data = {key.replace("_", "."): value for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM},
        "type": "Opaque",
        "stringData": data,
    }


def test_a_guarded_prometheus_is_asked_with_secrets_that_the_operator_may_read(
    cluster: Cluster,
    admitting: Installation,
    api_client: ApiClient,
    namespace: str,
    authority: Authority,
    guarded: Prometheus,
    tmp_path: Path,
) -> None:
    client = authority.administrator("operator")
    guard: dict[str, Any] = {
        "auth": {"type": "Basic", "secretName": "prometheus-login"},
        "tls": {"caSecretName": "prometheus-tls", "clientSecretName": "prometheus-tls"},
    }
    seen = Seen(api_client, namespace)

    def trouble(name: str) -> str:
        return str(cluster.get("metricsource", name).get("status", {}).get("lastError", ""))

    mark = cluster.audit_mark()
    cluster.apply(workload("d", namespace, replicas=1), workload("e", namespace, replicas=1))
    cluster.apply(source("guarded", guarded.url, **guard))
    cluster.apply(source("foreign", guarded.url, auth={"type": "Bearer", "secretName": "not-listed"}))
    cluster.apply(secret("not-listed", token="s3cret-of-others"))
    grows = {"scaleUp": {"anyOf": [{"metric": "m", "above": 5}], "step": {"type": "Pods", "pods": 1}}, "maxReplicas": 2}
    for name, where in (("d", "guarded"), ("e", "foreign")):
        cluster.apply(policy(name, namespace, metrics=[{"name": "m", "query": "vector(9)", "source": where}], **grows))
    operator = Operator(admitting, tmp_path, identity="credentials", namespaces=[namespace])
    operator.start()
    try:
        missing = f"Secret {SYSTEM}/prometheus-login does not exist"
        seen.wait_for("a word on the missing Secret", lambda: trouble("guarded") == missing)
        assert seen.replicas("d") == 1
        cluster.apply(
            secret("prometheus-login", username=USER, password=PASSWORD),
            secret(
                "prometheus-tls",
                ca_crt=authority.certificate_file.read_text(),
                tls_crt=client.certificate.read_text(),
                tls_key=client.key.read_text(),
            ),
        )
        seen.wait_for("the maximum", lambda: seen.replicas("d") == 2)
        unlisted = f"Secret {SYSTEM}/not-listed may not be read: add it to the chart's metricSource.secretNames"
        seen.wait_for("a word on the Secret that is not listed", lambda: trouble("foreign") == unlisted)
        assert seen.replicas("e") == 1
    finally:
        operator.process.stop()
        cluster.kubectl("delete", "scalingpolicy", "--all", "-n", namespace)
        cluster.kubectl("delete", "metricsource", "guarded", "foreign")
        cluster.kubectl("delete", "secret", "-n", SYSTEM, "not-listed", *LISTED, "--ignore-not-found")
    reads = {
        (event["verb"], event["objectRef"].get("name"), event["responseStatus"]["code"])
        for event in cluster.audit_events(mark)
        if caller(event) == admitting.user and event.get("objectRef", {}).get("resource") == "secrets"
    }
    assert {verb for verb, *_ in reads} == {"get"}
    assert {(name, code) for _, name, code in reads if name != "prometheus-login"} == {
        ("prometheus-tls", 200),
        ("not-listed", 403),
    }
    log = operator.process.log.read_text()
    for value in ("s3cret-of-others", "PRIVATE KEY", "YWRtaW46dGVzdA=="):
        assert value not in log
