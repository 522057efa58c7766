"""Requests about policies and sources."""

import pytest

from deadband.adapters.kube import Kube
from deadband.adapters.policies import KubePolicies
from deadband.ports import GoneError, ObjectRef
from tests.adapters.fake_api import FakeApi

REF = ObjectRef("ScalingPolicy", "leadgen", "api", uid="u1")
GROUP = "/apis/deadband.dev/v1alpha1"


async def test_a_status_is_a_merge_patch_on_the_subresource(api: FakeApi, kube: Kube) -> None:
    await KubePolicies(kube).write_status(REF, {"currentReplicas": 3, "proposal": None})

    (request,) = api.seen
    assert (request["method"], request["path"]) == ("PATCH", f"{GROUP}/namespaces/leadgen/scalingpolicies/api/status")
    assert request["query"] == {"fieldManager": "deadband"}
    assert request["type"] == "application/merge-patch+json"
    assert request["body"] == {"status": {"currentReplicas": 3, "proposal": None}}


async def test_the_status_of_a_source_has_no_namespace(api: FakeApi, kube: Kube) -> None:
    await KubePolicies(kube).write_source_status("main", {"reachable": True})

    assert api.seen[0]["path"] == f"{GROUP}/metricsources/main/status"
    assert api.seen[0]["body"] == {"status": {"reachable": True}}


async def test_the_labels_of_namespaces_are_listed_by_name(api: FakeApi, kube: Kube) -> None:
    items = [{"metadata": {"name": "a", "labels": {"team": "x"}}}, {"metadata": {"name": "b"}}]
    api.answer(200, {"items": items})

    assert await KubePolicies(kube).namespace_labels() == {"a": {"team": "x"}, "b": {}}
    assert (api.seen[0]["method"], api.seen[0]["path"]) == ("GET", "/api/v1/namespaces")


@pytest.mark.parametrize(
    ("uid", "gone"),
    [
        pytest.param("u1", False, id="the same object"),
        pytest.param("u2", True, id="another object of the same name"),
        pytest.param("", False, id="any object of that name will do"),
    ],
)
async def test_a_policy_of_another_uid_is_gone(api: FakeApi, kube: Kube, uid: str, gone: bool) -> None:
    api.answer(200, {"metadata": {"name": "api", "uid": "u1"}})
    reading = KubePolicies(kube).read(ObjectRef("ScalingPolicy", "leadgen", "api", uid=uid))

    if gone:
        with pytest.raises(GoneError, match="another one"):
            await reading
    else:
        assert (await reading)["metadata"]["uid"] == "u1"


@pytest.mark.parametrize(
    ("namespaces", "paths"),
    [
        pytest.param((), [f"{GROUP}/scalingpolicies"], id="cluster-wide, one list"),
        pytest.param(
            ("a", "b"),
            [f"{GROUP}/namespaces/a/scalingpolicies", f"{GROUP}/namespaces/b/scalingpolicies"],
            id="namespaced, a list for each",
        ),
    ],
)
async def test_lists_stay_within_the_namespaces_served(
    api: FakeApi, kube: Kube, namespaces: tuple[str, ...], paths: list[str]
) -> None:
    for name in paths:
        api.answer(200, {"metadata": {}, "items": [{"metadata": {"name": name}}]})

    found = await KubePolicies(kube, namespaces=namespaces).list_policies()

    assert [request["path"] for request in api.seen] == paths
    assert [item["metadata"]["name"] for item in found] == paths


async def test_sources_are_listed_once_in_either_mode(api: FakeApi, kube: Kube) -> None:
    await KubePolicies(kube, namespaces=("a", "b")).list_sources()

    assert [request["path"] for request in api.seen] == [f"{GROUP}/metricsources"]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        pytest.param("ScalingPolicy", f"{GROUP}/namespaces/a/scalingpolicies", id="policies"),
        pytest.param("MetricSource", f"{GROUP}/metricsources", id="sources are not in a namespace"),
        pytest.param("Deployment", "/apis/apps/v1/namespaces/a/deployments", id="Deployments"),
        pytest.param("StatefulSet", "/apis/apps/v1/namespaces/a/statefulsets", id="StatefulSets"),
        pytest.param(
            "HorizontalPodAutoscaler", "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers", id="HPAs"
        ),
    ],
)
async def test_every_watched_kind_is_listed_page_by_page(api: FakeApi, kube: Kube, kind: str, path: str) -> None:
    api.answer(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "x"}}]})
    api.answer(200, {"metadata": {}, "items": [{"metadata": {"name": "y"}}]})

    pages = [page async for page in KubePolicies(kube, namespaces=("a",)).pages(kind)]

    assert [[item["metadata"]["name"] for item in page] for page in pages] == [["x"], ["y"]]
    assert {request["path"] for request in api.seen} == {path}


@pytest.mark.parametrize(
    ("served", "missing"),
    [
        pytest.param(["scalingpolicies", "metricsources"], (), id="installed"),
        pytest.param(["scalingpolicies"], ("MetricSource",), id="half installed"),
        pytest.param([], ("ScalingPolicy", "MetricSource"), id="not installed"),
    ],
)
async def test_kinds_that_are_not_installed_are_named(
    api: FakeApi, kube: Kube, served: list[str], missing: tuple[str, ...]
) -> None:
    api.answer(200, {"resources": [{"name": name} for name in served]})

    assert await KubePolicies(kube).missing_kinds() == missing
