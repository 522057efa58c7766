"""The chart on a real API server: accepted, hardened, and installed, upgraded and removed by Helm itself."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.testbed import tools
from e2e.testbed.access import KubectlError
from e2e.testbed.audit import caller
from e2e.testbed.chart import CHART, helm, objects, render
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Operator, install
from e2e.testbed.native import NativeCluster
from e2e.testbed.nodes import NODE_NAMES
from e2e.testbed.workloads import workload

VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "all options of our own": {
        "replicaCount": 3,
        "lease": {"name": "blue"},
        "rbac": {"aggregateClusterRoles": True},
        "admissionPolicy": {"enabled": True, "plurals": {"argoproj.io/Rollout": "rollouts"}},
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "metricSourcesTo": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        },
        "dashboard": {"enabled": True},
        "imagePullSecrets": [{"name": "login"}],
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"operator": "Exists"}],
        "topologySpread": "DoNotSchedule",
    },
}
RIGHTS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def of_kind(rendered: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [document for document in rendered if document["kind"] in kinds]


def apply_and_listen(cluster: Cluster, document: dict[str, Any], *options: str) -> str:
    """Apply an object and return what kubectl says on standard error: the API server's warnings."""
    command = [str(tools.path("kubectl")), "--kubeconfig", str(cluster.kubeconfig), "apply", *options, "-f", "-"]
    done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=True)
    return done.stderr


@pytest.fixture
def watched(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Two more namespaces."""
    names = (f"watched-{uuid.uuid4().hex[:8]}", f"alone-{uuid.uuid4().hex[:8]}")
    for name in names:
        cluster.create_namespace(name)
    yield names
    cluster.kubectl("delete", "namespace", *names, "--wait=false")


@pytest.mark.parametrize("name", VALUES)
def test_the_api_server_takes_every_object_and_knows_every_field(cluster: Cluster, namespace: str, name: str) -> None:
    rendered = render(VALUES[name], namespace, release=namespace)
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": rendered})
    # Strict: an unknown or repeated field is an error. Another test may have applied the CRDs as another manager.
    options = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"]

    answer = cluster.kubectl("apply", *options, "-f", "-", input=manifest)

    assert len(answer.splitlines()) == len(rendered)


class TestNamespacedMode:
    """Rights as the API server itself judges them."""

    @pytest.fixture
    def operator(self, cluster: Cluster, namespace: str, watched: tuple[str, str]) -> Iterator[str]:
        """The user name of an operator that was installed for the first of the two namespaces."""
        values = {"watchNamespaces": [watched[0]], "crds": {"enabled": False}}
        rights = of_kind(render(values, namespace, release=namespace), *RIGHTS)
        [account] = of_kind(rights, "ServiceAccount")
        cluster.apply(*rights)
        yield f"system:serviceaccount:{namespace}:{account['metadata']['name']}"
        for document in of_kind(rights, "ClusterRole", "ClusterRoleBinding"):
            cluster.kubectl("delete", document["kind"], document["metadata"]["name"])

    @staticmethod
    def may(cluster: Cluster, user: str, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
        """Ask the API server; an empty namespace means all of them, `resource` is `plural.group/subresource`."""
        whole, _, subresource = resource.partition("/")
        plural, _, group = whole.partition(".")
        attributes = {"verb": verb, "resource": plural, "group": group, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes | {"namespace": namespace, "name": name}},
        }
        answer = cluster.kubectl("create", "-f", "-", "-o", "json", input=json.dumps(review))
        allowed: bool = json.loads(answer)["status"]["allowed"]
        return allowed

    @pytest.mark.parametrize(
        ("verb", "resource"),
        [
            ("watch", "scalingpolicies.deadband.dev"),
            ("watch", "deployments.apps"),
            ("patch", "statefulsets.apps/scale"),
        ],
    )
    def test_a_right_on_workloads_ends_at_the_watched_namespace(
        self, cluster: Cluster, operator: str, watched: tuple[str, str], verb: str, resource: str
    ) -> None:
        assert self.may(cluster, operator, verb, resource, watched[0])
        assert not self.may(cluster, operator, verb, resource, watched[1])
        assert not self.may(cluster, operator, verb, resource)

    def test_sources_are_watched_and_no_lease_but_its_own_is_touched(
        self, cluster: Cluster, operator: str, namespace: str
    ) -> None:
        lease = "leases.coordination.k8s.io"
        assert self.may(cluster, operator, "watch", "metricsources.deadband.dev")
        assert self.may(cluster, operator, "update", lease, namespace, "deadband")
        assert not self.may(cluster, operator, "update", lease, namespace, "another")

    def test_secrets_and_pod_templates_are_out_of_reach(
        self, cluster: Cluster, operator: str, namespace: str, watched: tuple[str, str]
    ) -> None:
        assert not self.may(cluster, operator, "get", "secrets", namespace)
        assert not self.may(cluster, operator, "patch", "deployments.apps", watched[0])


def test_an_operator_in_namespaced_mode_scales_there_and_never_asks_for_more(
    own_control_plane: NativeCluster, tmp_path: Path
) -> None:
    cluster = own_control_plane
    for namespace in ("leadgen", "shop"):
        cluster.create_namespace(namespace)
        cluster.apply(workload("api", namespace, replicas=21))  # one above the policy's maximum
    source = {"create": True, "url": "http://127.0.0.1:9"}  # nobody listens there: bounds need no metrics
    installation = install(cluster, {"watchNamespaces": ["leadgen"], "metricSource": source})
    policy = yaml.safe_load((CHART.parents[1] / "examples" / "api-pods.yaml").read_text())
    cluster.apply(*(policy | {"metadata": {"name": "api-pods", "namespace": name}} for name in ("shop", "leadgen")))
    mark = cluster.audit_mark()
    operator = Operator(installation, tmp_path, namespaces=["leadgen"])

    operator.start()
    try:
        cluster.kubectl(
            "wait", "deployment/api", "-n", "leadgen", "--for=jsonpath={.spec.replicas}=20", "--timeout=60s"
        )
    finally:
        operator.process.stop()

    assert cluster.get("deployment", "api", "-n", "shop")["spec"]["replicas"] == 21
    asked = [event for event in cluster.audit_events(mark) if caller(event) == installation.user]
    assert asked
    assert [event["requestURI"] for event in asked if event["responseStatus"]["code"] == 403] == []
    assert [event["requestURI"] for event in asked if "/namespaces/shop/" in event["requestURI"]] == []


class TestRestrictedStandard:
    """PodSecurity admission is part of the API server, so it judges pods that no container runtime will ever see."""

    def test_the_operators_pods_are_admitted_without_a_warning(self, cluster: Cluster, namespace: str) -> None:
        for mode in ("enforce", "warn"):
            cluster.kubectl("label", "namespace", namespace, f"pod-security.kubernetes.io/{mode}=restricted")
        rendered = render({"crds": {"enabled": False}}, namespace)
        [deployment] = of_kind(rendered, "Deployment")
        deployment["spec"]["template"]["spec"]["nodeName"] = NODE_NAMES[0]  # there is no scheduler

        cluster.apply(*of_kind(rendered, "ServiceAccount"))
        assert apply_and_listen(cluster, deployment) == ""

        # The ReplicaSet's pods pass admission or never come to be.
        name = f"deployment/{deployment['metadata']['name']}"
        cluster.kubectl("wait", name, "-n", namespace, "--for=jsonpath={.status.replicas}=2", "--timeout=60s")

    def test_the_test_pod_is_admitted(self, cluster: Cluster, namespace: str) -> None:
        cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
        [pod] = objects(helm("template", "x", str(CHART), "-n", namespace, "-s", "templates/tests/readyz.yaml"))

        assert apply_and_listen(cluster, pod, "--dry-run=server") == ""

    def test_it_refuses_a_pod_that_asks_for_more(self, cluster: Cluster, namespace: str) -> None:
        cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/warn=restricted")
        [deployment] = of_kind(render({}, namespace), "Deployment")
        deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True

        assert "allowPrivilegeEscalation" in apply_and_listen(cluster, deployment, "--dry-run=server")


class TestHelm:
    """A release from its first installation to its removal, on a control plane of its own."""

    NAMESPACE = "deadband-system"
    SOURCE = ("--set=metricSource.create=true", "--set=metricSource.url=http://prometheus:9090")

    def helm(self, cluster: NativeCluster, *args: str) -> str:
        return helm(*args, "--namespace", self.NAMESPACE, kubeconfig=cluster.kubeconfig)

    def test_a_release_lives_and_goes_without_taking_policies_along(self, own_control_plane: NativeCluster) -> None:
        cluster = own_control_plane
        chart = ("deadband", str(CHART), "--set=admissionPolicy.enabled=true")

        # Kind and object in one release: the first installation is where that goes wrong.
        notes = self.helm(cluster, "install", *chart, "--create-namespace", *self.SOURCE)
        assert "MetricSource default (http://prometheus:9090)" in notes
        source = cluster.get("metricsource", "default")
        cluster.create_namespace("leadgen")
        cluster.kubectl("apply", "-f", str(CHART.parents[1] / "examples" / "api-pods.yaml"))

        self.helm(cluster, "upgrade", *chart, *self.SOURCE, "--set=metricSource.url=http://thanos:9090")
        upgraded = cluster.get("metricsource", "default")
        assert upgraded["metadata"]["uid"] == source["metadata"]["uid"], "policies lost their source for a moment"
        assert upgraded["spec"]["url"] == "http://thanos:9090"
        assert "kind: MetricSource" in self.helm(cluster, "get", "manifest", "deadband")

        self.helm(cluster, "rollback", "deadband", "1")
        assert cluster.get("metricsource", "default")["spec"]["url"] == "http://prometheus:9090"

        self.helm(cluster, "uninstall", "deadband")
        kinds = "deployments,clusterroles,validatingadmissionpolicies,validatingadmissionpolicybindings"
        assert cluster.get(kinds, "-A", "-l", "app.kubernetes.io/name=deadband")["items"] == []
        assert cluster.get("scalingpolicy", "api-pods", "-n", "leadgen")

        # Nothing holds a policy back once the operator is gone.
        cluster.kubectl("delete", "scalingpolicy", "api-pods", "-n", "leadgen", "--timeout=10s")

        # What was kept is taken up again, and goes with the release when that is asked for.
        self.helm(cluster, "install", *chart, *self.SOURCE, "--set=crds.keep=false")
        assert cluster.get("metricsource", "default")
        self.helm(cluster, "uninstall", "deadband", "--wait")
        with pytest.raises(KubectlError, match="NotFound"):
            cluster.get("crd", "scalingpolicies.deadband.dev")
