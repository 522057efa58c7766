"""What one read of a HorizontalPodAutoscaler tells."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deadband.adapters.autoscalers import KubeAutoscalers, autoscaler_from_object
from deadband.api.originals import MovedBound, OriginalBounds
from deadband.core.autoscaler import Rewrite
from tests.adapters.fake_api import FakeApi, kube_of


def hpa(*, annotations: dict[str, str] | None = None, managed: Any = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations, "managedFields": managed},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
            "minReplicas": 2,
            "maxReplicas": 10,
            **spec,
        },
    }


def entry(manager: str, *fields: str, **changes: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "time": "2026-03-01T12:00:00Z",
        "fieldsV1": {"f:spec": {field: {} for field in fields}},
        **changes,
    }


def test_bounds_and_workload_are_read() -> None:
    read = autoscaler_from_object(hpa())

    assert (read.low, read.high) == (2, 10)
    assert (read.scales.api_version, read.scales.kind, read.scales.name) == ("apps/v1", "Deployment", "api")


def controller(version: str, kind: str = "ScaledObject", **changes: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": "web", "controller": True, **changes}


@pytest.mark.parametrize(
    ("owners", "owner"),
    [
        pytest.param(None, None, id="nobody's"),
        pytest.param([controller("keda.sh/v1alpha1")], "ScaledObject web", id="KEDA's"),
        pytest.param([controller("keda.sh/v2")], "ScaledObject web", id="a later KEDA's"),
        pytest.param([controller("keda.sh/v1alpha1", controller=False)], None, id="not under its control"),
        pytest.param([controller("acme.io/v1")], None, id="a namesake's"),
        pytest.param([controller("acme.io/v1", "App")], None, id="some operator's"),
    ],
)
def test_an_hpa_that_keda_made_names_its_scaled_object(owners: Any, owner: str | None) -> None:
    obj = hpa()
    obj["metadata"]["ownerReferences"] = owners

    assert autoscaler_from_object(obj).owner == owner


def test_an_absent_floor_is_one() -> None:
    obj = hpa()
    del obj["spec"]["minReplicas"]

    assert autoscaler_from_object(obj).low == 1


@pytest.mark.parametrize(
    ("text", "originals"),
    [
        pytest.param(
            json.dumps({"policy": "web", "uid": "u", "minReplicas": {"original": 2, "written": 4}}),
            OriginalBounds(policy="web", uid="u", min_replicas=MovedBound(original=2, written=4)),
            id="a floor that was moved",
        ),
        pytest.param("somebody's notes", None, id="not ours to understand"),
        pytest.param('{"policy": "web"}', None, id="not whole"),
    ],
)
def test_the_annotation_tells_what_was_there_before(text: str, originals: OriginalBounds | None) -> None:
    assert autoscaler_from_object(hpa(annotations={"deadband.dev/original-bounds": text})).originals == originals


@pytest.mark.parametrize(
    ("managed", "low", "high"),
    [
        pytest.param([entry("deadband", "f:minReplicas")], True, False, id="the floor is ours"),
        pytest.param([entry("deadband", "f:minReplicas", "f:maxReplicas")], True, True, id="both are ours"),
        pytest.param([entry("kubectl", "f:minReplicas", "f:maxReplicas")], False, False, id="somebody else's"),
        pytest.param(
            [entry("deadband", "f:minReplicas"), entry("argocd", "f:minReplicas", operation="Apply")],
            False,
            False,
            id="shared, so nobody can tell",
        ),
        pytest.param([entry("deadband", "f:minReplicas", operation="Apply")], False, False, id="not as we write"),
    ],
)
def test_our_own_write_is_known_by_its_manager(managed: Any, low: bool, high: bool) -> None:
    read = autoscaler_from_object(hpa(managed=managed))

    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (read.own_low, read.own_high) == (when if low else None, when if high else None)


@pytest.mark.parametrize(
    ("owner", "named"),
    [
        pytest.param({"apiVersion": "keda.sh/v1alpha1", "controller": True}, "ScaledObject queue", id="KEDA's"),
        pytest.param({"apiVersion": "keda.sh/v1alpha1"}, None, id="owned, but not controlled"),
        pytest.param({"apiVersion": "example.com/v1", "controller": True}, None, id="another controller's"),
    ],
)
def test_an_hpa_that_keda_made_names_its_owner(owner: dict[str, Any], named: str | None) -> None:
    obj = hpa()
    obj["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "queue", **owner}]

    assert autoscaler_from_object(obj).owner == named


async def test_both_bounds_and_what_was_there_go_in_one_write_with_the_precondition() -> None:
    api = FakeApi()
    originals = OriginalBounds(policy="web", uid="u", min_replicas=MovedBound(original=2, written=5))

    async with kube_of(api) as kube:
        rewrite = Rewrite(low=5, high=10, originals=originals)
        await KubeAutoscalers(kube).rewrite("shop", "web", rewrite, resource_version="42")

    (sent,) = api.seen
    assert (sent["method"], sent["type"]) == ("PATCH", "application/merge-patch+json")
    assert sent["path"] == "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web"
    assert sent["query"]["fieldManager"] == "deadband"
    assert sent["body"]["spec"] == {"minReplicas": 5, "maxReplicas": 10}
    assert sent["body"]["metadata"]["resourceVersion"] == "42"
    text = sent["body"]["metadata"]["annotations"]["deadband.dev/original-bounds"]
    assert json.loads(text) == {"policy": "web", "uid": "u", "minReplicas": {"original": 2, "written": 5}}


async def test_the_annotation_goes_with_the_last_bound_that_is_given_back() -> None:
    api = FakeApi()

    async with kube_of(api) as kube:
        await KubeAutoscalers(kube).rewrite(
            "shop", "web", Rewrite(low=2, high=10, originals=None), resource_version="42"
        )

    assert api.seen[0]["body"]["metadata"]["annotations"] == {"deadband.dev/original-bounds": None}


async def test_an_hpa_is_read_with_its_version() -> None:
    api = FakeApi()
    obj = hpa()
    obj["metadata"]["resourceVersion"] = "42"
    api.answer(200, obj)

    async with kube_of(api) as kube:
        found = await KubeAutoscalers(kube).read("shop", "web")

    assert (found.autoscaler.low, found.resource_version) == (2, "42")


@pytest.mark.parametrize(
    ("managed", "low", "high"),
    [
        pytest.param((), None, None, id="nobody ever"),
        pytest.param([entry("deadband", "f:minReplicas", "f:maxReplicas")], None, None, id="we did"),
        pytest.param(
            [entry("deadband", "f:minReplicas"), entry("argocd-controller", "f:maxReplicas")],
            None,
            "argocd-controller",
            id="one each",
        ),
        pytest.param(
            [entry("kustomize-controller", "f:minReplicas", "f:maxReplicas", operation="Apply")],
            "kustomize-controller",
            "kustomize-controller",
            id="an apply of both",
        ),
    ],
)
def test_whoever_set_the_bounds_as_they_are_is_named(managed: Any, low: str | None, high: str | None) -> None:
    read = autoscaler_from_object(hpa(managed=managed))

    assert (read.low_writer, read.high_writer) == (low, high)
