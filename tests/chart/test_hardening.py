"""What the rendered objects promise: restricted pods, few rights, one owner of the CRDs."""

from typing import Any

import pytest
import yaml

from e2e.testbed.chart import CHART, objects, render, render_text
from tests.chart.value_sets import NAMESPACE, VALUE_SETS

ROOT = CHART.parents[1]

Objects = list[dict[str, Any]]


def of_kind(rendered: Objects, kind: str) -> Objects:
    return [document for document in rendered if document["kind"] == kind]


def pod_specs(rendered: Objects) -> Objects:
    """Pod specs of everything that makes pods, the test pod included."""
    return [
        *(deployment["spec"]["template"]["spec"] for deployment in of_kind(rendered, "Deployment")),
        *(pod["spec"] for pod in of_kind(rendered, "Pod")),
    ]


def granted(rendered: Objects) -> set[tuple[str, str, str]]:
    """Every (namespace or "*", resource.group, verb) that the operator is given."""
    return {
        (role["metadata"].get("namespace", "*"), f"{resource}.{group}", verb)
        for role in of_kind(rendered, "ClusterRole") + of_kind(rendered, "Role")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("name", VALUE_SETS)
def test_every_pod_meets_the_restricted_standard_and_cannot_write_its_root(name: str) -> None:
    specs = pod_specs(objects(render_text(VALUE_SETS[name], NAMESPACE)))
    assert len(specs) == 2

    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        assert [set(volume) - {"name"} for volume in spec.get("volumes", [])] in ([], [{"emptyDir"}])
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            assert "requests" in container["resources"]


def test_the_image_runs_as_the_user_that_the_pod_names() -> None:
    [operator, _] = pod_specs(objects(render_text({}, NAMESPACE)))
    dockerfile = (ROOT / "operator" / "Dockerfile").read_text()

    user = operator["securityContext"]["runAsUser"]
    assert f"\nUSER {user}:{operator['securityContext']['runAsGroup']}\n" in dockerfile


def test_the_test_pod_may_run_wherever_the_operator_may() -> None:
    rendered = objects(render_text(VALUE_SETS["everything"], NAMESPACE))
    [operator, test] = pod_specs(rendered)
    [deployment] = of_kind(rendered, "Deployment")
    [pod] = of_kind(rendered, "Pod")

    for key in ("priorityClassName", "nodeSelector", "tolerations", "affinity", "imagePullSecrets"):
        assert test[key] == operator[key]
    assert pod["metadata"]["labels"]["example.com/team"] == "platform"
    assert pod["metadata"]["annotations"].items() >= deployment["spec"]["template"]["metadata"]["annotations"].items()


def test_only_the_operator_gets_a_token() -> None:
    rendered = objects(render_text({}, NAMESPACE))

    [account] = of_kind(rendered, "ServiceAccount")
    [operator, test] = pod_specs(rendered)
    assert account["automountServiceAccountToken"] is False
    assert operator["automountServiceAccountToken"] is True
    assert test["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", VALUE_SETS)
def test_pods_can_be_listed_and_no_right_reaches_further_into_them_or_to_roles(name: str) -> None:
    rights = granted(render(VALUE_SETS[name], NAMESPACE))
    resources = {resource for _, resource, _ in rights}

    assert not {resource for resource in resources if resource.split(".")[0] == "*"}
    on_pods = {(resource, verb) for _, resource, verb in rights if resource.startswith("pods")}
    assert on_pods <= {("pods.", "list")}
    assert not {resource for resource in resources if "authorization" in resource or "admission" in resource}


@pytest.mark.parametrize("name", VALUE_SETS)
def test_namespaces_are_listed_where_that_is_asked_for_and_nothing_more(name: str) -> None:
    rights = {right for right in granted(render(VALUE_SETS[name], NAMESPACE)) if right[1] == "namespaces."}

    asked_for = VALUE_SETS[name].get("rbac", {}).get("namespaceSelectors", False)
    assert rights == ({("*", "namespaces.", "list")} if asked_for else set())


@pytest.mark.parametrize("name", VALUE_SETS)
def test_secrets_are_read_by_their_names_in_the_release_s_namespace_or_not_at_all(name: str) -> None:
    names = VALUE_SETS[name].get("metricSource", {}).get("secretNames", [])
    rendered = render(VALUE_SETS[name], NAMESPACE)

    rules = [
        (role["metadata"].get("namespace"), rule)
        for role in of_kind(rendered, "Role") + of_kind(rendered, "ClusterRole")
        for rule in role["rules"]
        if "secrets" in rule["resources"]
    ]

    by_name = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]}
    assert rules == ([(NAMESPACE, by_name)] if names else [])


def test_workloads_are_changed_through_their_scale_alone() -> None:
    rights = granted(render({}, NAMESPACE))

    assert {right for right in rights if right[1] in {"deployments.apps", "statefulsets.apps"}} == {
        ("*", f"{kind}.apps", verb) for kind in ("deployments", "statefulsets") for verb in ("get", "list", "watch")
    }
    assert {right for right in rights if "/scale" in right[1]} == {
        ("*", f"{kind}/scale.apps", "patch") for kind in ("deployments", "statefulsets")
    }


@pytest.mark.parametrize("scope", ["*", "leadgen"])
def test_a_kind_that_is_listed_may_be_scaled_and_not_changed(scope: str) -> None:
    listed = {"rbac": {"scaleTargets": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"]}]}}
    namespaces = {} if scope == "*" else {"watchNamespaces": [scope]}

    rights = granted(render({**listed, **namespaces}, NAMESPACE)) - granted(render(namespaces, NAMESPACE))

    assert rights == {
        (scope, "rollouts.argoproj.io", "get"),
        (scope, "rollouts/scale.argoproj.io", "get"),
        (scope, "rollouts/scale.argoproj.io", "patch"),
    }


GRANTS: list[tuple[str, dict[str, Any], set[tuple[str, str, str]]]] = [
    ("a kind", {"rbac": {"scaleTargets": [{"apiGroups": ["example.com"], "resources": ["shops"]}]}},
     {("*", "shops.example.com", "get"), ("*", "shops/scale.example.com", "get"), ("*", "shops/scale.example.com", "patch")}),
    ("labels of namespaces", {"rbac": {"namespaceSelectors": True}}, {("*", "namespaces.", "list")}),
    ("Secrets", {"metricSource": {"secretNames": ["a", "b"]}}, {(NAMESPACE, "secrets.", "get")}),
    ("the guard at the API", {"admissionPolicy": {"enabled": True}}, set()),
    ("a source", {"metricSource": {"create": True, "url": "http://prometheus:9090"}}, set()),
    ("Alertmanagers", {"alertmanager": {"urls": ["http://alertmanager:9093"]}}, set()),
    ("monitoring", {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}, set()),
    ("a network policy", {"networkPolicy": {"enabled": True}}, set()),
    ("more replicas", {"replicaCount": 3}, set()),
]  # fmt: skip
"""What each value adds to the operator's rights; e2e/test_any_kind.py, test_tenants.py and test_credentials.py use them."""


@pytest.mark.parametrize(("values", "added"), [pytest.param(*row[1:], id=row[0]) for row in GRANTS])
def test_a_value_grants_what_it_is_for_and_nothing_else(
    values: dict[str, Any], added: set[tuple[str, str, str]]
) -> None:
    before = granted(render({}, NAMESPACE))

    assert granted(render(values, NAMESPACE)) == before | added


def test_namespaced_mode_moves_every_right_on_workloads_into_the_watched_namespaces() -> None:
    wide = granted(render({}, NAMESPACE))
    narrow = granted(render({"watchNamespaces": ["leadgen", "shop"]}, NAMESPACE))

    cluster_wide = {right for right in narrow if right[0] == "*"}
    assert {resource for _, resource, _ in cluster_wide} == {
        "metricsources.deadband.dev",
        "metricsources/status.deadband.dev",
    }
    assert narrow - cluster_wide == {right for right in wide if right[0] != "*"} | {
        (namespace, resource, verb)
        for namespace in ("leadgen", "shop")
        for scope, resource, verb in wide
        if scope == "*" and not resource.startswith("metricsources")
    }


def test_existing_leases_are_reached_by_name_only() -> None:
    [role] = of_kind(render({"lease": {"name": "blue"}}, NAMESPACE), "Role")

    [create, *others] = role["rules"]
    assert create["verbs"] == ["create"]
    assert [rule["resourceNames"] for rule in others] == [["blue"]]


def test_users_may_read_sources_but_only_administrators_write_them() -> None:
    roles = of_kind(render({"rbac": {"aggregateClusterRoles": True}}, NAMESPACE), "ClusterRole")
    for_users = [role for role in roles if any("aggregate-to" in label for label in role["metadata"]["labels"])]

    assert len(for_users) == 2
    assert {verb for _, resource, verb in granted(for_users) if resource == "metricsources.deadband.dev"} == {
        "get",
        "list",
        "watch",
    }


@pytest.mark.parametrize(
    ("replicas", "budgets"),
    [pytest.param(1, 0, id="one pod: a budget would block every drain"), pytest.param(2, 1, id="two pods: a budget")],
)
def test_a_disruption_budget_needs_a_second_pod(replicas: int, budgets: int) -> None:
    assert len(of_kind(render({"replicaCount": replicas}, NAMESPACE), "PodDisruptionBudget")) == budgets


def test_two_releases_of_one_name_share_no_cluster_scoped_object() -> None:
    first, second = (
        {(document["kind"], document["metadata"]["name"]) for document in render({"crds": {"enabled": False}}, namespace)
         if "namespace" not in document["metadata"]}
        for namespace in ("blue", "green")
    )  # fmt: skip

    assert first
    assert not first & second


class TestCustomResourceDefinitions:
    """The generator writes crds/ and the chart's copies; Helm adds its labels and the policy that keeps them."""

    @staticmethod
    def sources() -> dict[str, str]:
        return {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}

    def test_the_charts_copies_are_identical_to_the_source(self) -> None:
        copies = {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")}

        assert self.sources()
        assert copies == self.sources()

    def test_rendering_changes_nothing_but_labels_and_annotations(self) -> None:
        rendered = {crd["metadata"]["name"]: crd for crd in of_kind(render({}, NAMESPACE), "CustomResourceDefinition")}

        for text in self.sources().values():
            source = yaml.safe_load(text)
            crd = rendered.pop(source["metadata"]["name"])
            assert crd["spec"] == source["spec"]
            assert crd["metadata"]["annotations"] == {
                **source["metadata"].get("annotations", {}),
                "helm.sh/resource-policy": "keep",
            }
        assert rendered == {}

    def test_they_go_with_the_release_when_that_is_asked_for(self) -> None:
        crds = of_kind(render({"crds": {"keep": False}}, NAMESPACE), "CustomResourceDefinition")

        assert crds
        assert not any("helm.sh/resource-policy" in crd["metadata"].get("annotations", {}) for crd in crds)

    def test_they_can_be_left_to_somebody_else(self) -> None:
        assert of_kind(render({"crds": {"enabled": False}}, NAMESPACE), "CustomResourceDefinition") == []


def test_a_source_waits_for_its_kind_on_a_first_install_and_belongs_to_the_release_later() -> None:
    values = {"crds": {"enabled": False}, "metricSource": {"create": True, "url": "http://prometheus:9090"}}

    [first] = of_kind(objects(render_text(values, NAMESPACE)), "MetricSource")
    known = ["--api-versions", "deadband.dev/v1alpha1/MetricSource"]
    [later] = of_kind(objects(render_text(values, NAMESPACE, options=known)), "MetricSource")

    assert first["metadata"]["annotations"].pop("helm.sh/hook") == "post-install,post-upgrade,post-rollback"
    assert first == later
    assert later["spec"] == {"url": "http://prometheus:9090", "default": True}
