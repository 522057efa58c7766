"""What people ask of the API server: under a field manager of their own, and refused in their own words."""

import json

import pytest

from deadband.adapters.by_hand import ByHand
from deadband.adapters.kube_errors import PERSON
from deadband.ports import ObjectRef, WriteError
from tests.adapters.fake_api import FakeApi, kube_of

REF = ObjectRef("ScalingPolicy", "leadgen", "api")


async def test_an_annotation_is_a_merge_patch_of_a_person(api: FakeApi) -> None:
    async with kube_of(api, caller=PERSON) as kube:
        await ByHand(kube).annotate(REF, {"deadband.dev/paused": None})

    (request,) = api.seen
    assert request["method"] == "PATCH"
    assert request["path"] == "/apis/deadband.dev/v1alpha1/namespaces/leadgen/scalingpolicies/api"
    assert request["query"] == {"fieldManager": "kubectl-deadband"}
    assert request["body"] == {"metadata": {"annotations": {"deadband.dev/paused": None}}}


async def test_only_the_events_of_the_policy_are_listed(api: FakeApi) -> None:
    api.answer(200, {"items": [{"reason": "ScaledUp"}]})
    async with kube_of(api) as kube:
        found = await ByHand(kube).events(REF)

    assert [each["reason"] for each in found] == ["ScaledUp"]
    assert api.seen[0]["path"] == "/apis/events.k8s.io/v1/namespaces/leadgen/events"
    assert api.seen[0]["query"]["fieldSelector"] == "regarding.kind=ScalingPolicy,regarding.name=api"


MISSING = json.dumps({"message": 'user cannot patch resource "scalingpolicies" in API group "deadband.dev"'})


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(
            401, "{}", "the credentials of this machine are not accepted (401); check the kubeconfig", id="401"
        ),
        pytest.param(403, MISSING, "your user lacks the RBAC rule: verb patch on resource scalingpolicies", id="403"),
        pytest.param(503, "{}", "the API server failed (HTTP 503)", id="503"),
        pytest.param(0, "{}", "check the network between this machine and the API server", id="no answer"),
    ],
)
async def test_a_person_is_told_what_a_person_can_do(api: FakeApi, status: int, body: str, says: str) -> None:
    api.answer(status, body)
    async with kube_of(api, caller=PERSON) as kube:
        with pytest.raises(WriteError) as refused:
            await ByHand(kube).annotate(REF, {})

    assert says in str(refused.value)
    assert "operator" not in str(refused.value)
    assert "next evaluation" not in str(refused.value)
