"""What one read of a ScaledObject tells, and the list of a kind that may not be there."""

from typing import Any

import pytest

from deadband.adapters.kube import Kube
from deadband.adapters.policies import KubePolicies
from deadband.adapters.scaled_objects import scaled_object_from_object
from deadband.ports import DeniedError
from tests.adapters.fake_api import FakeApi

KEDA = "/apis/keda.sh/v1alpha1"


def scaled_object(annotations: dict[str, str] | None = None, **scales: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": "api", **scales}, "triggers": []},
    }


@pytest.mark.parametrize(
    ("scales", "kind", "version"),
    [
        pytest.param({}, "Deployment", "apps/v1", id="a Deployment where nothing is said"),
        pytest.param({"apiVersion": "apps/v1", "kind": "StatefulSet"}, "StatefulSet", "apps/v1", id="what is said"),
        pytest.param(
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}, "Rollout", "argoproj.io/v1alpha1", id="any kind"
        ),
    ],
)
def test_its_target_is_read_as_keda_defaults_it(scales: dict[str, str], kind: str, version: str) -> None:
    found = scaled_object_from_object(scaled_object(**scales))

    assert (found.namespace, found.name) == ("shop", "web")
    assert (found.scales.api_version, found.scales.kind, found.scales.name) == (version, kind, "api")


@pytest.mark.parametrize(
    ("annotations", "paused"),
    [
        pytest.param(None, False, id="no annotations"),
        pytest.param({"autoscaling.keda.sh/paused": "true"}, True, id="paused"),
        pytest.param({"autoscaling.keda.sh/paused": "yes"}, True, id="KEDA takes any word for true"),
        pytest.param({"autoscaling.keda.sh/paused": "false"}, False, id="not paused"),
        pytest.param({"autoscaling.keda.sh/paused": "F"}, False, id="not paused in short"),
        pytest.param({"autoscaling.keda.sh/paused-replicas": "3"}, False, id="held at a number"),
        pytest.param(
            {"autoscaling.keda.sh/paused": "true", "autoscaling.keda.sh/paused-replicas": "3"},
            False,
            id="paused, but held at a number",
        ),
        pytest.param({"autoscaling.keda.sh/paused-scale-in": "true"}, False, id="one direction goes on"),
    ],
)
def test_one_that_writes_nothing_is_told_from_one_that_holds_a_number(
    annotations: dict[str, str] | None, paused: bool
) -> None:
    assert scaled_object_from_object(scaled_object(annotations)).paused is paused


@pytest.mark.parametrize(
    "absent", [pytest.param((404, {}), id="no KEDA"), pytest.param((200, {"resources": []}), id="not this kind")]
)
async def test_nothing_is_listed_where_the_kind_is_not_served(
    api: FakeApi, kube: Kube, absent: tuple[int, dict[str, Any]]
) -> None:
    api.answer(*absent)

    assert await KubePolicies(kube).list_scaled_objects() == []
    assert [request["path"] for request in api.seen] == [KEDA]


async def test_where_it_is_served_they_are_listed_in_the_namespaces_served(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"resources": [{"name": "scaledobjects"}]})
    api.answer(200, {"items": [scaled_object()]})
    api.answer(200, {"items": []})

    found = await KubePolicies(kube, namespaces=("shop", "bar")).list_scaled_objects()

    assert [one.name for one in found] == ["web"]
    assert [request["path"] for request in api.seen][1:] == [
        f"{KEDA}/namespaces/shop/scaledobjects",
        f"{KEDA}/namespaces/bar/scaledobjects",
    ]


async def test_a_missing_right_is_told(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"resources": [{"name": "scaledobjects"}]})
    api.answer(403, {})

    with pytest.raises(DeniedError):
        await KubePolicies(kube).list_scaled_objects()
