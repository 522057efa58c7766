"""The guard as it is rendered; what it does is shown on a real API server (e2e/test_guard.py)."""

from typing import Any

import pytest

from e2e.testbed.chart import ChartError, objects, render, render_text
from tests.chart.value_sets import NAMESPACE

ON = {"admissionPolicy": {"enabled": True}}


def guard(**values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy and its binding."""
    rendered = render({**ON, **values}, NAMESPACE)
    policy, binding = (each for each in rendered if each["kind"].startswith("ValidatingAdmissionPolicy"))
    return policy, binding


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert [each for each in render({}, NAMESPACE) if each["kind"].startswith("ValidatingAdmissionPolicy")] == []


def test_it_is_asked_about_policies_and_about_nothing_else() -> None:
    policy, _ = guard()

    assert policy["spec"]["matchConstraints"] == {
        "matchPolicy": "Equivalent",
        "resourceRules": [
            {
                "apiGroups": ["deadband.dev"],
                "apiVersions": ["v1alpha1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["scalingpolicies"],
                "scope": "Namespaced",
            }
        ],
    }


def test_it_denies_and_where_it_cannot_tell_it_denies_too() -> None:
    policy, binding = guard()

    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}


def test_every_refusal_comes_with_a_message_and_as_a_missing_right() -> None:
    policy, _ = guard()

    for validation in policy["spec"]["validations"]:
        assert validation["messageExpression"]
        assert validation["reason"] == "Forbidden"


def test_in_namespaced_mode_it_leaves_the_namespaces_of_others_alone() -> None:
    _, binding = guard(watchNamespaces=["leadgen", "shop"])

    assert binding["spec"]["matchResources"] == {
        "namespaceSelector": {
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["leadgen", "shop"]}
            ]
        }
    }


@pytest.mark.parametrize("version", ["1.29.0", "1.29.9-gke.7"])
def test_a_cluster_that_would_not_ask_it_is_told_at_the_installation(version: str) -> None:
    with pytest.raises(ChartError, match=f"needs Kubernetes 1.30 or newer, and this is v{version}"):
        render_text(ON, NAMESPACE, options=[f"--kube-version={version}"])

    assert objects(render_text(ON, NAMESPACE, options=["--kube-version=1.30.0-eks-1"]))
