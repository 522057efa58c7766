"""Calls on the API server: their shape, and how failures are named."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from deadband.adapters.kube import Kube, Resource, micro_time
from deadband.adapters.lease import LEASES
from deadband.adapters.policies import POLICIES
from deadband.adapters.targets import DEPLOYMENTS
from deadband.api.conditions import Reason
from deadband.ports import ConflictError, DeniedError, GoneError, UnreachableError, WriteError
from tests.adapters.fake_api import FakeApi, kube_of

SECRET = "the body quotes what a tenant wrote"
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
RBAC = (
    'deployments.apps "api" is forbidden: User "system:serviceaccount:ops:deadband" cannot patch resource '
    '"deployments/scale" in API group "apps" in the namespace "leadgen"'
)


def status(message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}


@pytest.mark.parametrize(
    ("code", "message", "error", "reason", "says"),
    [
        pytest.param(409, SECRET, ConflictError, Reason.ERROR, "changed since it was read", id="conflict"),
        pytest.param(404, SECRET, GoneError, Reason.TARGET_NOT_FOUND, "not found", id="not found"),
        pytest.param(401, SECRET, DeniedError, Reason.ACCESS_DENIED, "token is mounted", id="bad credentials"),
        pytest.param(
            403,
            RBAC,
            DeniedError,
            Reason.ACCESS_DENIED,
            'verb patch on resource deployments/scale in API group "apps" in namespace leadgen',
            id="a missing RBAC rule is named",
        ),
        pytest.param(403, SECRET, DeniedError, Reason.ACCESS_DENIED, "admission policy", id="admission is not RBAC"),
        pytest.param(422, SECRET, DeniedError, Reason.ERROR, "HTTP 422", id="invalid"),
        pytest.param(400, SECRET, DeniedError, Reason.ERROR, "HTTP 400", id="bad request"),
        pytest.param(429, SECRET, UnreachableError, Reason.ERROR, "overloaded", id="too many requests"),
        pytest.param(500, SECRET, UnreachableError, Reason.ERROR, "HTTP 500", id="server failure"),
        pytest.param(503, SECRET, UnreachableError, Reason.ERROR, "next evaluation", id="unavailable"),
        pytest.param(410, SECRET, UnreachableError, Reason.ERROR, "expired", id="expired"),
    ],
)
async def test_a_refusal_gets_the_name_of_the_port_and_advice(
    *, api: FakeApi, kube: Kube, code: int, message: str, error: type[WriteError], reason: Reason, says: str
) -> None:
    api.answer(code, status(message))

    with pytest.raises(WriteError) as caught:
        await kube.patch(DEPLOYMENTS, "leadgen", "api", {}, subresource="scale")

    assert isinstance(caught.value, error)
    assert caught.value.reason is reason
    assert says in str(caught.value)
    assert str(caught.value).startswith("patch deployments.apps/scale leadgen/api: ")
    assert SECRET not in str(caught.value)
    assert "system:serviceaccount" not in str(caught.value)


async def test_what_the_server_s_own_validation_says_is_repeated_field_by_field(api: FakeApi, kube: Kube) -> None:
    causes = [
        {
            "reason": "FieldValueInvalid",
            "field": "spec.minReplicas",
            "message": "Invalid value: 0:\n must be at least 1",
        },
        {"reason": "FieldValueInvalid", "field": "spec.maxReplicas", "message": "must be greater than 0"},
    ]
    api.answer(422, status(SECRET) | {"reason": "Invalid", "details": {"causes": causes}})

    with pytest.raises(DeniedError) as caught:
        await kube.patch(DEPLOYMENTS, "leadgen", "api", {}, subresource="scale")

    assert str(caught.value) == (
        "patch deployments.apps/scale leadgen/api: invalid (HTTP 422): spec.minReplicas: Invalid value: 0: must be at "
        "least 1; spec.maxReplicas: must be greater than 0"
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            {"reason": "Forbidden", "details": {"causes": [{"field": "x", "message": SECRET}]}}, id="a webhook"
        ),
        pytest.param({"reason": "Invalid", "details": None}, id="no details"),
        pytest.param({"reason": "Invalid", "details": {"causes": [SECRET]}}, id="another shape"),
        pytest.param({"reason": "Invalid", "details": {"causes": []}}, id="no causes"),
    ],
)
async def test_other_words_of_a_failed_validation_stay_out(api: FakeApi, kube: Kube, answer: dict[str, Any]) -> None:
    api.answer(422, status(SECRET) | answer)

    with pytest.raises(DeniedError, match="look for an admission policy") as caught:
        await kube.patch(DEPLOYMENTS, "leadgen", "api", {}, subresource="scale")

    assert SECRET not in str(caught.value)


async def test_a_long_list_of_faults_is_cut(api: FakeApi, kube: Kube) -> None:
    causes = [{"field": f"spec.field{number}", "message": "is wrong"} for number in range(100)]
    api.answer(422, status(SECRET) | {"reason": "Invalid", "details": {"causes": causes}})

    with pytest.raises(DeniedError) as caught:
        await kube.patch(DEPLOYMENTS, "leadgen", "api", {}, subresource="scale")

    assert len(str(caught.value)) < 400
    assert str(caught.value).endswith("…")


async def test_what_a_namespace_that_goes_refuses_is_no_matter_of_rights(api: FakeApi, kube: Kube) -> None:
    cause = {"reason": "NamespaceTerminating", "message": SECRET, "field": "metadata.namespace"}
    api.answer(403, status(SECRET) | {"details": {"causes": [cause]}})

    with pytest.raises(DeniedError, match=r"refused \(403\), because namespace leadgen is being deleted$"):
        await kube.create(DEPLOYMENTS, "leadgen", {})


async def test_a_server_that_asks_to_wait_is_asked_again_when_the_time_is_over(api: FakeApi) -> None:
    api.answer(429, status("slow down"), **{"Retry-After": "7"})
    seconds = 100.0
    async with kube_of(api, monotonic=lambda: seconds) as kube:
        for seconds in (100.0, 101.0, 106.9):  # noqa: B007 - the client's clock reads it
            with pytest.raises(UnreachableError, match="asks to wait 7 s"):
                await kube.get(DEPLOYMENTS, "leadgen", "api")
        assert len(api.seen) == 1

        seconds = 107.0
        await kube.get(DEPLOYMENTS, "leadgen", "api")

    assert len(api.seen) == 2


async def test_a_kind_of_call_that_is_asked_to_wait_holds_up_no_other(api: FakeApi, kube: Kube) -> None:
    api.answer(429, status("slow down"), **{"Retry-After": "7"})
    with pytest.raises(UnreachableError):
        await kube.patch(POLICIES, "leadgen", "api", {}, subresource="status")

    with pytest.raises(UnreachableError, match=r"leadgen/other: .*asks to wait"):
        await kube.patch(POLICIES, "leadgen", "other", {}, subresource="status")
    await kube.patch(DEPLOYMENTS, "leadgen", "api", {}, subresource="scale")
    await kube.get(POLICIES, "leadgen", "api")

    assert [one["path"].rsplit("/", 1)[1] for one in api.seen] == ["status", "scale", "api"]


@pytest.mark.parametrize(
    ("resource", "wait"),
    [
        pytest.param(DEPLOYMENTS, None, id="no time is named"),
        pytest.param(DEPLOYMENTS, "Fri, 31 Dec 1999 23:59:59 GMT", id="a date is named, which no API server does"),
        pytest.param(LEASES, "7", id="the Lease is what keeps a second process from leading"),
    ],
)
async def test_some_calls_do_not_wait(api: FakeApi, kube: Kube, resource: Resource, wait: str | None) -> None:
    api.answer(429, status("slow down"), **({"Retry-After": wait} if wait else {}))
    with pytest.raises(UnreachableError):
        await kube.get(resource, "leadgen", "api")

    await kube.get(resource, "leadgen", "api")

    assert len(api.seen) == 2


async def test_nobody_waits_longer_than_a_minute(api: FakeApi) -> None:
    api.answer(429, status("slow down"), **{"Retry-After": "86400"})
    seconds = 100.0
    async with kube_of(api, monotonic=lambda: seconds) as kube:
        with pytest.raises(UnreachableError):
            await kube.get(DEPLOYMENTS, "leadgen", "api")
        seconds = 160.0
        await kube.get(DEPLOYMENTS, "leadgen", "api")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"<html>{SECRET}</html>", id="a page"),
        pytest.param(f'["{SECRET}"]', id="a list"),
        pytest.param(f'"{SECRET}"', id="a text"),
        pytest.param('{"a":' * 100_000, id="100,000 levels"),
    ],
)
async def test_what_a_proxy_says_instead_is_not_an_answer(api: FakeApi, kube: Kube, body: str) -> None:
    api.answer(200, body)

    with pytest.raises(UnreachableError, match="not JSON") as caught:
        await kube.get(DEPLOYMENTS, "leadgen", "api")

    assert SECRET not in str(caught.value)


async def test_a_connection_that_breaks_is_unreachable(api: FakeApi, kube: Kube) -> None:
    api.answer(0)

    with pytest.raises(UnreachableError, match="check the network"):
        await kube.patch(DEPLOYMENTS, "leadgen", "api", {"spec": {}})


async def test_a_refused_connection_is_unreachable() -> None:
    kube = Kube(ApiClient(Configuration(host="http://127.0.0.1:1")))

    with pytest.raises(UnreachableError, match="check the network"):
        await kube.get(DEPLOYMENTS, "leadgen", "api")

    await kube.close()


@pytest.mark.parametrize(
    ("write", "doubt"),
    [
        pytest.param(False, False, id="a read that times out changed nothing"),
        pytest.param(True, True, id="a write that times out may have taken effect"),
    ],
)
async def test_a_silent_server_is_given_up(api: FakeApi, write: bool, doubt: bool) -> None:
    api.silent = asyncio.Event()
    async with kube_of(api, timeout_seconds=0.05) as kube:
        with pytest.raises(UnreachableError) as caught:
            await (kube.patch(DEPLOYMENTS, "leadgen", "api", {}) if write else kube.get(DEPLOYMENTS, "leadgen", "api"))
        api.silent.set()

    assert caught.value.reason is Reason.TIMEOUT
    assert ("whether the write took effect is not known" in str(caught.value)) is doubt


async def test_a_write_carries_the_field_manager_and_who_we_are(api: FakeApi, kube: Kube) -> None:
    await kube.patch(DEPLOYMENTS, "leadgen", "api", {"spec": {"replicas": 3}}, subresource="scale")

    (request,) = api.seen
    assert (request["method"], request["path"]) == (
        "PATCH",
        "/apis/apps/v1/namespaces/leadgen/deployments/api/scale",
    )
    assert request["query"] == {"fieldManager": "deadband"}
    assert request["type"] == "application/merge-patch+json"
    assert request["body"] == {"spec": {"replicas": 3}}
    assert re.fullmatch(r"deadband/\d+\.\d+\.\d+\S*", request["agent"])


async def test_a_name_cannot_leave_its_place_in_the_path(api: FakeApi, kube: Kube) -> None:
    await kube.get(DEPLOYMENTS, "leadgen", "../../secrets?x=1")

    (request,) = api.seen
    assert request["path"] == "/apis/apps/v1/namespaces/leadgen/deployments/..%2F..%2Fsecrets%3Fx=1"
    assert request["query"] == {}


async def test_a_core_kind_without_namespace_has_its_own_path(api: FakeApi, kube: Kube) -> None:
    await kube.get(NODES, "ignored", "n1")

    assert api.seen[0]["path"] == "/api/v1/nodes/n1"


async def test_a_token_is_asked_for_anew_at_every_call(api: FakeApi, kube: Kube) -> None:
    tokens = iter(["Bearer first", "Bearer second"])
    configuration = kube.client.configuration
    configuration.api_key["BearerToken"] = "Bearer stale"
    configuration.refresh_api_key_hook = lambda it: it.api_key.update(BearerToken=next(tokens))

    await kube.get(NODES, "", "n1")
    await kube.get(NODES, "", "n1")

    assert [request["token"] for request in api.seen] == ["Bearer first", "Bearer second"]


async def test_a_list_is_read_in_pages_and_its_items_know_their_kind(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]})
    api.answer(200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]})

    found = await kube.list_all(DEPLOYMENTS)

    assert [(item["kind"], item["apiVersion"], item["metadata"]["name"]) for item in found] == [
        ("Deployment", "apps/v1", "a"),
        ("Deployment", "apps/v1", "b"),
    ]
    assert [request["query"] for request in api.seen] == [{"limit": "100"}, {"limit": "100", "continue": "next"}]
    assert {request["path"] for request in api.seen} == {"/apis/apps/v1/deployments"}


async def test_a_list_whose_snapshot_expires_is_read_again_in_one_piece(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "old"}}]})
    api.answer(410, status("The provided continue parameter is too old"))
    api.answer(200, {"metadata": {}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]})

    found = await kube.list_all(DEPLOYMENTS, "leadgen")

    assert [item["metadata"]["name"] for item in found] == ["a", "b"]
    assert api.seen[-1]["query"] == {}


async def test_pages_of_a_snapshot_that_expires_begin_again(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]})
    api.answer(410, status("The provided continue parameter is too old"))
    api.answer(200, {"metadata": {}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]})

    found = [page async for page in kube.pages(DEPLOYMENTS)]

    assert [[item["metadata"]["name"] for item in page] for page in found] == [["a"], ["a", "b"]]
    assert api.seen[-1]["query"] == {}


async def test_an_empty_list_may_say_null(api: FakeApi, kube: Kube) -> None:
    api.answer(200, {"metadata": {}, "items": None})

    assert await kube.list_all(DEPLOYMENTS) == []


@pytest.mark.parametrize(
    ("code", "body", "want"),
    [
        pytest.param(
            200,
            {"resources": [{"name": "scalingpolicies"}, {"name": "scalingpolicies/status"}]},
            {"scalingpolicies"},
            id="subresources are left out",
        ),
        pytest.param(404, {}, set(), id="an unknown group serves nothing"),
    ],
)
async def test_what_a_group_serves(api: FakeApi, kube: Kube, code: int, body: object, want: set[str]) -> None:
    api.answer(code, body)

    assert await kube.served("deadband.dev", "v1alpha1") == want


async def test_every_call_is_observed_with_its_outcome(api: FakeApi) -> None:
    seen: list[tuple[str, str]] = []
    api.answer(200)
    api.answer(409)
    api.answer(503)
    async with kube_of(api, observe=lambda call, outcome, seconds: seen.append((str(call), outcome))) as kube:
        await kube.get(NODES, "", "n1")
        for _ in range(2):
            with pytest.raises(WriteError):
                await kube.replace(NODES, "", "n1", {})

    assert seen == [("get nodes n1", "ok"), ("update nodes n1", "conflict"), ("update nodes n1", "unreachable")]


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        pytest.param(datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00.000000Z", id="a whole second"),
        pytest.param(datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC), "2026-03-01T12:00:00.000005Z", id="a fraction"),
    ],
)
def test_micro_time_has_six_digits(instant: datetime, text: str) -> None:
    assert micro_time(instant) == text
