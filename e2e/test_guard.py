"""The guard of the chart on a real API server: whoever writes a policy must be allowed to scale its target."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.testbed.access import KubectlError
from e2e.testbed.chart import render
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation
from e2e.testbed.policies import policy
from e2e.testbed.processes import wait_until

NAMESPACE = "guarded"
ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api"}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "api"}
AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}
ON_LOAD = {"metrics": [{"name": "m", "query": "vector(0)"}], "scaleUp": {"anyOf": [{"metric": "m", "above": 5}]}}


def rule(group: str, resource: str, *verbs: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """One rule of a Role."""
    whole = {"apiGroups": [group], "resources": [resource], "verbs": [*verbs], "resourceNames": [*names]}
    return {key: value for key, value in whole.items() if value}


WRITES_POLICIES = rule("deadband.dev", "scalingpolicies", "get", "create", "update", "patch")


def on(target: str, name: str = "p", **spec: Any) -> dict[str, Any]:
    """A policy of a Deployment."""
    return of({"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, name, **spec)


def of(target: Mapping[str, str], name: str = "p", **spec: Any) -> dict[str, Any]:
    """A policy of anything."""
    return policy(name, NAMESPACE, **ON_LOAD, scaleTargetRef=target, **spec)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with rights of their own."""

    cluster: Cluster
    name: str
    kubeconfig: Path

    def kubectl(self, *args: str, stdin: Mapping[str, Any] | None = None) -> str:
        """Run kubectl in the guarded namespace."""
        text = None if stdin is None else json.dumps(stdin)
        return self.cluster.kubectl(*args, "-n", NAMESPACE, input=text, kubeconfig=self.kubeconfig)

    def apply(self, document: Mapping[str, Any]) -> None:
        """Ask the API server to take it, and to keep nothing of it."""
        self.kubectl("apply", "--dry-run=server", "-f", "-", stdin=document)

    def may(self, verb: str, resource: str, *options: str) -> bool:
        """What `kubectl auth can-i` says."""
        try:
            return self.kubectl("auth", "can-i", verb, resource, *options).strip() == "yes"
        except KubectlError:
            return False

    def told(self, *args: str, stdin: Mapping[str, Any] | None = None) -> str:
        """What the guard says to a refused command, without what the API server says around it."""
        with pytest.raises(KubectlError) as error:
            self.kubectl(*args, stdin=stdin)
        return str(error.value).partition("denied request: ")[2] or f"not by the guard: {error.value}"

    def refused(self, document: Mapping[str, Any]) -> str:
        """What the guard says to a manifest."""
        return self.told("apply", "--dry-run=server", "-f", "-", stdin=document)


def _grant(cluster: Cluster, name: str, *rules: Mapping[str, Any]) -> None:
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    metadata = {"name": name, "namespace": NAMESPACE}
    cluster.apply(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": [*rules]},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [subject],
        },
    )


def _person(cluster: Cluster, name: str, *rules: Mapping[str, Any]) -> Person:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}
    cluster.apply(account)
    _grant(cluster, name, *rules)
    person = Person(cluster, name, cluster.service_account_kubeconfig(NAMESPACE, name))
    first = rules[0]
    resource = f"{first['resources'][0]}.{first['apiGroups'][0]}"
    wait_until(lambda: person.may(first["verbs"][0], resource), timeout=30, what=f"the rights of {name}")
    return person


@pytest.fixture(scope="module")
def guarded(cluster: Cluster, installation: Installation) -> Iterator[Cluster]:
    """A namespace with the guard, once it is seen to refuse; the rest of the cluster has none."""
    cluster.create_namespace(NAMESPACE)
    values = {
        "admissionPolicy": {"enabled": True, "plurals": {"argoproj.io/Rollout": "rollouts"}},
        "watchNamespaces": [NAMESPACE],
    }
    rendered = render(values, NAMESPACE, release=NAMESPACE)
    guard = [each for each in rendered if each["kind"].startswith("ValidatingAdmissionPolicy")]
    cluster.apply(*guard)
    weak = _person(cluster, "first", WRITES_POLICIES)

    def refuses() -> bool:
        try:
            weak.apply(on("api"))
        except KubectlError as error:
            return "denied request" in str(error)
        return False

    wait_until(refuses, timeout=60, what="the guard refuses")
    yield cluster
    names = [f"{each['kind']}/{each['metadata']['name']}" for each in guard]
    cluster.kubectl("delete", *names)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def policies(guarded: Cluster) -> Iterator[Callable[..., None]]:
    """A function that lets an administrator, who may do all, create policies; they go with the test."""
    yield guarded.apply
    guarded.kubectl("delete", "scalingpolicy", "--all", "-n", NAMESPACE)


def test_a_policy_is_refused_in_words_until_its_author_may_scale_the_target(guarded: Cluster) -> None:
    author = _person(guarded, "author", WRITES_POLICIES)

    assert author.refused(on("api")) == (
        "system:serviceaccount:guarded:author may not scale Deployment api, and so may not write a policy that does. "
        "The right to patch deployments/scale in API group apps, namespace guarded, is missing. To look it up: "
        "kubectl auth can-i patch deployments.apps/api --subresource=scale -n guarded"
    )
    assert not author.may("patch", "deployments.apps/api", "--subresource=scale")

    _grant(guarded, "author", WRITES_POLICIES, rule("apps", "deployments/scale", "patch", names=["api"]))
    wait_until(lambda: author.may("patch", "deployments.apps/api", "--subresource=scale"), timeout=30, what="the right")
    author.apply(on("api"))
    assert "may not scale Deployment other" in author.refused(on("other"))
    stateful = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "api"}
    assert "may not scale StatefulSet api" in author.refused(of(stateful))


def test_a_policy_changes_its_target_only_where_both_may_be_scaled(
    guarded: Cluster, policies: Callable[..., None]
) -> None:
    person = _person(guarded, "mine", WRITES_POLICIES, rule("apps", "deployments/scale", "patch", names=["mine"]))
    policies(on("mine", "a"), on("theirs", "b"))

    assert "may not scale Deployment theirs, and so may not write a policy" in person.refused(on("theirs", "a"))
    assert "may not scale Deployment theirs, and so may not take a policy off it" in person.refused(on("mine", "b"))
    untargeted = policy("b", NAMESPACE, **ON_LOAD, scaleTargetRef=None, minReplicas=None, maxReplicas=None)
    replaced = person.told("replace", "--dry-run=server", "-f", "-", stdin=untargeted)
    assert "may not take a policy off it" in replaced
    person.apply(on("mine", "a", maxReplicas=20))


@pytest.mark.parametrize("annotation", ["deadband.dev/approve=0123456789", "deadband.dev/paused=true"])
def test_approving_and_pausing_are_scaling_and_a_label_is_not(
    guarded: Cluster, policies: Callable[..., None], annotation: str
) -> None:
    person = _person(guarded, "annotates", WRITES_POLICIES)
    policies(on("api"))

    assert "may not scale Deployment api" in person.told("annotate", "scalingpolicy", "p", annotation)
    person.kubectl("label", "scalingpolicy", "p", "team=web")
    person.kubectl("annotate", "scalingpolicy", "p", "example.com/why=a-note")
    person.apply(on("api"))  # as it is already: nothing is asked

    guarded.kubectl("annotate", "scalingpolicy", "p", annotation, "-n", NAMESPACE)
    key = annotation.partition("=")[0]
    assert "may not scale Deployment api" in person.told("annotate", "scalingpolicy", "p", f"{key}-")


def test_a_policy_that_only_advises_needs_no_right_to_scale(guarded: Cluster) -> None:
    person = _person(guarded, "advised", WRITES_POLICIES)

    person.apply(policy("p", NAMESPACE, **ON_LOAD, scaleTargetRef=None, minReplicas=None, maxReplicas=None))


def test_who_writes_status_is_not_asked(guarded: Cluster, policies: Callable[..., None]) -> None:
    status = rule("deadband.dev", "scalingpolicies/status", "get", "patch")
    person = _person(guarded, "reports", rule("deadband.dev", "scalingpolicies", "get"), status)
    policies(on("api"))

    merge = ("--type=merge", "-p", '{"status":{"observedGeneration":1}}')
    person.kubectl("patch", "scalingpolicy", "p", "--subresource=status", *merge)


def test_a_gitops_controller_with_the_built_in_role_edit_passes(guarded: Cluster) -> None:
    rendered = render({"rbac": {"aggregateClusterRoles": True}}, NAMESPACE, release=NAMESPACE)
    aggregated = [
        each for each in rendered
        if each["kind"] == "ClusterRole" and any("aggregate-to" in label for label in each["metadata"]["labels"])
    ]  # fmt: skip
    guarded.apply(*aggregated)
    controller = _person(guarded, "controller", rule("", "configmaps", "get"))
    binding = ("rolebinding", "controller-edits", "--clusterrole=edit", f"--serviceaccount={NAMESPACE}:controller")
    guarded.kubectl("create", *binding, "-n", NAMESPACE)
    try:
        wait_until(lambda: controller.may("patch", "scalingpolicies.deadband.dev"), timeout=30, what="the role edit")
        server_side = ("apply", "--server-side", "--field-manager=gitops", "--dry-run=server", "-f", "-")
        controller.kubectl(*server_side, stdin=on("api"))
    finally:
        guarded.kubectl("delete", *(f"clusterrole/{each['metadata']['name']}" for each in aggregated))


def test_a_kind_without_a_plural_is_refused_with_where_it_is_entered(guarded: Cluster) -> None:
    assert _person(guarded, "jobs", WRITES_POLICIES).refused(of(JOB)) == (
        "Which right scales a Job of batch/v1 is not known here, so nobody may write a policy for it. An "
        "administrator adds its plural to admissionPolicy.plurals of the chart, under the key batch/Job."
    )


@pytest.mark.parametrize(
    ("name", "target", "resource"),
    [
        pytest.param("rollouts", ROLLOUT, "rollouts/scale", id="a kind with a plural: its scale"),
        pytest.param("autoscalers", AUTOSCALER, "horizontalpodautoscalers", id="an HPA: the object itself"),
    ],
)
def test_the_right_that_is_asked_for_is_the_one_that_scales_it(
    guarded: Cluster, name: str, target: Mapping[str, str], resource: str
) -> None:
    person = _person(guarded, name, WRITES_POLICIES)
    group = target["apiVersion"].partition("/")[0]
    assert f"The right to patch {resource} in API group {group}, " in person.refused(of(target))

    _grant(guarded, name, WRITES_POLICIES, rule(group, resource, "patch"))
    wait_until(lambda: _taken(person, of(target)), timeout=30, what="the right to scale")


def _taken(person: Person, document: Mapping[str, Any]) -> bool:
    try:
        person.apply(document)
    except KubectlError:
        return False
    return True
