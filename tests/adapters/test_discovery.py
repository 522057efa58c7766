"""Where a kind is served: asked of the API server, remembered, asked again when it is in doubt."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deadband.adapters import discovery
from deadband.adapters.discovery import Discovery
from deadband.adapters.kube import Kube
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import GoneError, UnreachableError
from tests.adapters.fake_api import FakeApi, kube_of

ROLLOUT = ScaleTargetRef(api_version="argoproj.io/v1alpha1", kind="Rollout", name="api")


def served(*entries: tuple[str, str], namespaced: bool = True) -> dict[str, Any]:
    """A list of resources: (name, kind)."""
    return {"resources": [{"name": name, "kind": kind, "namespaced": namespaced} for name, kind in entries]}


ROLLOUTS = served(("rollouts", "Rollout"), ("rollouts/scale", "Scale"), ("rollouts/status", "Rollout"))


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def kube(api: FakeApi) -> AsyncIterator[Kube]:
    async with kube_of(api) as made:
        yield made


@pytest.mark.parametrize(
    ("api_version", "kind", "answer", "path"),
    [
        pytest.param("argoproj.io/v1alpha1", "Rollout", ROLLOUTS, "/apis/argoproj.io/v1alpha1", id="a group"),
        pytest.param(
            "v1",
            "ReplicationController",
            served(("replicationcontrollers", "ReplicationController"), ("replicationcontrollers/scale", "Scale")),
            "/api/v1",
            id="the core group",
        ),
    ],
)
async def test_a_kind_with_a_scale_is_found_and_remembered(
    api: FakeApi, kube: Kube, api_version: str, kind: str, answer: Any, path: str
) -> None:
    api.answer(200, answer)
    found = Discovery(kube)
    ref = ScaleTargetRef(api_version=api_version, kind=kind, name="api")

    resource = await found.scalable(ref)

    assert (resource.kind, resource.api_version) == (kind, api_version)
    assert await found.scalable(ref) == resource
    assert [each["path"] for each in api.seen] == [path]


@pytest.mark.parametrize(
    ("status", "answer", "reason", "words"),
    [
        pytest.param(404, None, Reason.TARGET_NOT_FOUND, "install its CustomResourceDefinition", id="no such group"),
        pytest.param(
            200,
            served(("analysisruns", "AnalysisRun")),
            Reason.TARGET_NOT_FOUND,
            "serves no Rollout",
            id="no such kind",
        ),
        pytest.param(
            200, served(("rollouts", "Rollout")), Reason.TARGET_NOT_SCALABLE, "no scale subresource", id="no scale"
        ),
        pytest.param(
            200,
            served(("rollouts", "Rollout"), ("rollouts/scale", "Scale"), namespaced=False),
            Reason.TARGET_NOT_SCALABLE,
            "does not live in namespaces",
            id="cluster-scoped",
        ),
    ],
)
async def test_what_cannot_be_scaled_says_what_to_do(
    api: FakeApi, kube: Kube, status: int, answer: Any, reason: Reason, words: str
) -> None:
    api.answer(status, answer)

    with pytest.raises(GoneError, match=words) as caught:
        await Discovery(kube).scalable(ROLLOUT)

    assert caught.value.reason is reason


async def test_a_kind_that_is_missing_is_looked_for_again_but_not_at_every_evaluation(
    api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer(404)
    api.answer(200, ROLLOUTS)
    found = Discovery(kube)
    for _ in range(3):
        with pytest.raises(GoneError):
            await found.scalable(ROLLOUT)
    assert len(api.seen) == 1

    monkeypatch.setattr(discovery, "READ_AGAIN_SECONDS", 0.0)
    assert (await found.scalable(ROLLOUT)).plural == "rollouts"


async def test_a_path_in_doubt_is_read_anew(api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answer(200, ROLLOUTS)
    api.answer(200, served(("rolls", "Rollout"), ("rolls/scale", "Scale")))
    found = Discovery(kube)
    await found.scalable(ROLLOUT)
    found.doubt(ROLLOUT)
    assert (await found.scalable(ROLLOUT)).plural == "rollouts", "it was read a moment ago"

    monkeypatch.setattr(discovery, "READ_AGAIN_SECONDS", 0.0)
    found.doubt(ROLLOUT)
    assert (await found.scalable(ROLLOUT)).plural == "rolls"


async def test_an_api_server_that_fails_is_asked_again(api: FakeApi, kube: Kube) -> None:
    api.answer(503)
    api.answer(200, ROLLOUTS)
    found = Discovery(kube)

    with pytest.raises(UnreachableError):
        await found.scalable(ROLLOUT)

    assert (await found.scalable(ROLLOUT)).plural == "rollouts"
