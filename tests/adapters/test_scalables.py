"""Targets of any kind with a scale: what its scale and the object tell, and the write."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from deadband.adapters import discovery
from deadband.adapters.kube import Kube
from deadband.adapters.scalables import workload_from_scale
from deadband.adapters.targets import KubeTargets
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import ConflictError, DeniedError, GoneError, WriteError
from tests.adapters.fake_api import FakeApi, kube_of

REF = ScaleTargetRef(api_version="example.com/v1", kind="Fleet", name="ships")
SERVED = {
    "resources": [
        {"name": "fleets", "kind": "Fleet", "namespaced": True},
        {"name": "fleets/scale", "kind": "Scale", "namespaced": True},
    ]
}
SCALE = {"metadata": {"resourceVersion": "42"}, "spec": {"replicas": 4}, "status": {"replicas": 3}}


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def kube(api: FakeApi) -> AsyncIterator[Kube]:
    async with kube_of(api) as made:
        yield made


@pytest.mark.parametrize(
    ("obj", "ready", "available", "rollout", "paused"),
    [
        pytest.param({}, 3, 3, False, False, id="a kind that shows nothing more"),
        pytest.param({"status": {"readyReplicas": 2}}, 2, 2, False, False, id="ready ones are shown"),
        pytest.param({"status": {"readyReplicas": 9}}, 4, 4, False, False, id="no more are ready than are wanted"),
        pytest.param({"status": {"availableReplicas": 1}}, 3, 1, False, False, id="available ones are shown"),
        pytest.param({"status": {"replicas": 5, "updatedReplicas": 2}}, 3, 3, True, False, id="a rollout"),
        pytest.param({"status": {"replicas": 5, "updatedReplicas": 5}}, 3, 3, False, False, id="a rollout that ended"),
        pytest.param({"spec": {"paused": True}}, 3, 3, False, True, id="paused"),
        pytest.param(
            {"status": {"readyReplicas": "all", "availableReplicas": True}, "spec": {"paused": "no"}},
            3,
            3,
            False,
            False,
            id="names that mean something else there",
        ),
        pytest.param({"status": "Sailing", "spec": None}, 3, 3, False, False, id="another shape altogether"),
    ],
)
def test_what_the_object_shows_is_used(obj: Any, ready: int, available: int, rollout: bool, paused: bool) -> None:
    workload = workload_from_scale(SCALE, obj)

    assert (workload.target.replicas, workload.resource_version) == (4, "42")
    seen = workload.target
    assert (seen.ready, seen.available, seen.rollout_in_progress, seen.paused) == (ready, available, rollout, paused)


@pytest.mark.parametrize(
    ("status", "rollout", "failed"),
    [
        pytest.param({"stableRS": "a", "currentPodHash": "b"}, True, False, id="a Rollout on its way"),
        pytest.param({"stableRS": "b", "currentPodHash": "b"}, False, False, id="old pods kept after a promotion"),
        pytest.param({"stableRS": "", "currentPodHash": ""}, True, False, id="a Rollout that was never promoted"),
        pytest.param(
            {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]},
            False,
            True,
            id="a rollout that passed its deadline",
        ),
        pytest.param(
            {"conditions": [{"type": "Progressing", "status": "False", "reason": "RolloutAborted"}]},
            False,
            True,
            id="a Rollout that was aborted",
        ),
        pytest.param({"conditions": "stormy"}, True, False, id="conditions of another shape"),
    ],
)
def test_only_a_rollout_that_goes_on_is_one(status: Any, rollout: bool, failed: bool) -> None:
    seen = workload_from_scale(SCALE, {"status": {"replicas": 8, "updatedReplicas": 4, **status}}).target

    assert (seen.rollout_in_progress, seen.rollout_failed) == (rollout, failed)


def test_a_kind_without_a_pod_template_has_none() -> None:
    assert workload_from_scale(SCALE, {"spec": {"size": 3}}).target.template is None
    assert workload_from_scale(SCALE, {"spec": {"template": {"spec": {}}}}).target.template is not None


def entry(manager: str, path: str = "f:size", subresource: str | None = "scale", **changes: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "fieldsV1": {"f:spec": {path: {}}},
        **({"subresource": subresource} if subresource else {}),
        **changes,
    }


CONTROLLER = entry("fleet-controller", "f:phase", "status", time="2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("managed", "ours"),
    [
        pytest.param([entry("deadband"), CONTROLLER], True, id="ours alone"),
        pytest.param([entry("deadband"), entry("kubectl", "f:name", None), CONTROLLER], True, id="others own others"),
        pytest.param([entry("deadband"), entry("argocd", "f:size", None), CONTROLLER], False, id="shared"),
        pytest.param([entry("kubectl"), CONTROLLER], False, id="somebody else's"),
        pytest.param([entry("deadband", fieldsV1={}), CONTROLLER], False, id="we own nothing any more"),
        pytest.param([entry("deadband")], False, id="no time is known"),
    ],
)
def test_our_own_write_is_known_whatever_the_field_is_called(managed: Any, ours: bool) -> None:
    seen = workload_from_scale(SCALE, {"metadata": {"managedFields": managed}}).target

    assert seen.own_write == (datetime(2026, 3, 1, 12, tzinfo=UTC) if ours else None)


def test_whoever_set_replicas_is_named_where_the_kind_calls_them_so() -> None:
    def writer(path: str) -> str | None:
        managed = [entry("kubectl", path), CONTROLLER]
        return workload_from_scale(SCALE, {"metadata": {"managedFields": managed}}).target.writer

    assert (writer("f:replicas"), writer("f:size")) == ("kubectl", None)


def test_its_pods_are_chosen_as_its_scale_says() -> None:
    scale = {**SCALE, "status": {"replicas": 3, "selector": "app=ships"}}

    assert workload_from_scale(scale, {}).selector == "app=ships"
    assert workload_from_scale(SCALE, {}).selector == ""


async def test_the_scale_and_the_object_are_read(api: FakeApi, kube: Kube) -> None:
    api.answer(200, SERVED)
    api.answer(200, SCALE)
    api.answer(200, {"status": {"readyReplicas": 2}})

    workload = await KubeTargets(kube).read("navy", REF)

    assert (workload.target.replicas, workload.target.ready) == (4, 2)
    assert [each["path"] for each in api.seen[1:]] == [
        "/apis/example.com/v1/namespaces/navy/fleets/ships/scale",
        "/apis/example.com/v1/namespaces/navy/fleets/ships",
    ]


async def test_replicas_go_through_the_scale_with_the_precondition(api: FakeApi, kube: Kube) -> None:
    api.answer(200, SERVED)

    await KubeTargets(kube).scale("navy", REF, 5, resource_version="42")

    sent = api.seen[1]
    assert (sent["method"], sent["path"]) == ("PATCH", "/apis/example.com/v1/namespaces/navy/fleets/ships/scale")
    assert sent["body"] == {"metadata": {"resourceVersion": "42"}, "spec": {"replicas": 5}}
    assert sent["query"]["fieldManager"] == "deadband"


FORBIDDEN = {"message": 'cannot get resource "fleets/scale" in API group "example.com"'}


@pytest.mark.parametrize(
    ("status", "body", "error", "reason", "words"),
    [
        pytest.param(
            404, None, GoneError, Reason.TARGET_NOT_FOUND, "Fleet ships does not exist in namespace navy", id="absent"
        ),
        pytest.param(403, FORBIDDEN, DeniedError, Reason.ACCESS_DENIED, r"rbac\.scaleTargets", id="no right"),
    ],
)
async def test_a_target_that_cannot_be_read_says_what_to_do(
    api: FakeApi, kube: Kube, status: int, body: Any, error: type[WriteError], reason: Reason, words: str
) -> None:
    api.answer(200, SERVED)
    api.answer(status, body)

    with pytest.raises(error, match=words) as caught:
        await KubeTargets(kube).read("navy", REF)

    assert caught.value.reason is reason


async def test_where_an_object_is_missing_its_kind_is_looked_for_anew(
    api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "READ_AGAIN_SECONDS", 0.0)
    api.answer(200, SERVED)
    api.answer(404)
    targets = KubeTargets(kube)
    for _ in range(2):
        with pytest.raises(GoneError):
            await targets.read("navy", REF)

    assert [each["path"] for each in api.seen].count("/apis/example.com/v1") == 2


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        pytest.param(409, ConflictError, "409", id="changed since"),
        pytest.param(403, DeniedError, r"rbac\.scaleTargets", id="no right"),
    ],
)
async def test_a_write_that_is_refused_is_told(
    api: FakeApi, kube: Kube, status: int, error: type[WriteError], words: str
) -> None:
    api.answer(200, SERVED)
    api.answer(status)

    with pytest.raises(error, match=words):
        await KubeTargets(kube).scale("navy", REF, 5, resource_version="42")
