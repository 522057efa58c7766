"""What keeps pods away, as the API server tells it: one request for pods, one for Events, and only when they matter."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadband.adapters.capacity import KubeCapacity
from deadband.adapters.kube import Kube
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import Target
from deadband.ports import DeniedError, Workload
from tests.adapters.fake_api import FakeApi

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEPLOYMENT = ScaleTargetRef(api_version="apps/v1", kind="Deployment", name="api")
STATEFUL_SET = ScaleTargetRef(api_version="apps/v1", kind="StatefulSet", name="db")
WORKLOAD = Workload(Target(replicas=4, ready=3, available=3), "7", selector="app=api")
QUOTA = 'create Pod db-3 in StatefulSet db failed error: pods "db-3" is forbidden: exceeded quota: few, used: pods=3'


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def pod(status: str = "False", reason: str | None = "Unschedulable", since: float = 30, **metadata: Any) -> Any:
    condition = {"type": "PodScheduled", "status": status, "reason": reason, "lastTransitionTime": ago(since)}
    return {
        "metadata": {"name": "api-1", "creationTimestamp": ago(90), **metadata},
        "status": {"phase": "Pending", "conditions": [{"type": "PodReadyToStartContainers"}, condition]},
    }


async def shortage(kube: Kube, workload: Workload = WORKLOAD, **since: datetime | None) -> Reason | None:
    ref = STATEFUL_SET if workload.uncreated else DEPLOYMENT
    return await KubeCapacity(kube).shortage("shop", ref, workload, now=NOW, **{"since": None, **since})


@pytest.mark.parametrize(
    ("pods", "short"),
    [
        pytest.param([], False, id="none is pending"),
        pytest.param([pod()], True, id="unschedulable for 30 s"),
        pytest.param([pod(since=29)], False, id="for less it may still find its place"),
        pytest.param([pod(since=1), pod()], True, id="one is enough"),
        pytest.param([pod("True", None)], False, id="scheduled, its containers come up"),
        pytest.param([pod(reason="SchedulingGated")], False, id="held back on purpose"),
        pytest.param([pod(deletionTimestamp=ago(1))], False, id="on its way out"),
        pytest.param([{"metadata": {}, "status": {}}], False, id="nobody has looked at it yet"),
    ],
)
async def test_pods_that_stay_unschedulable_are_told_from_those_that_wait(
    api: FakeApi, kube: Kube, pods: list[Any], short: bool
) -> None:
    api.answer(200, {"items": pods})

    assert await shortage(kube) == (Reason.INSUFFICIENT_CAPACITY if short else None)


async def test_pods_are_asked_for_in_one_request_with_a_limit(api: FakeApi, kube: Kube) -> None:
    await shortage(kube)

    (request,) = api.seen
    assert request["path"] == "/api/v1/namespaces/shop/pods"
    assert request["query"] == {"labelSelector": "app=api", "fieldSelector": "status.phase=Pending", "limit": "100"}


async def test_without_a_selector_nothing_is_asked(api: FakeApi, kube: Kube) -> None:
    assert await shortage(kube, Workload(WORKLOAD.target, "7")) is None
    assert api.seen == []


def event(message: str = QUOTA, **times: Any) -> Any:
    return {"metadata": {"creationTimestamp": ago(3000)}, "message": message, **times}


@pytest.mark.parametrize(
    ("events", "denied"),
    [
        pytest.param([event(lastTimestamp=ago(60))], True, id="told a minute ago"),
        pytest.param([event(lastTimestamp=ago(1200))], True, id="told within the longest pause between two tries"),
        pytest.param([event(lastTimestamp=ago(1201))], False, id="not told any more"),
        pytest.param([event(eventTime=ago(60), lastTimestamp=None)], True, id="told through the newer API"),
        pytest.param(
            [event(eventTime=ago(2000), series={"count": 2, "lastObservedTime": ago(60)})], True, id="told again"
        ),
        pytest.param([event("denied by a webhook", lastTimestamp=ago(60))], False, id="something else denies them"),
        pytest.param([], False, id="no Event"),
    ],
)
async def test_a_quota_that_denies_the_pods_of_a_stateful_set_is_told_by_events(
    api: FakeApi, kube: Kube, events: list[Any], denied: bool
) -> None:
    api.answer(200, {"items": events})

    found = await shortage(kube, Workload(WORKLOAD.target, "7", selector="app=db", uncreated=1))

    assert found == (Reason.QUOTA_EXCEEDED if denied else None)
    assert api.seen[0]["path"] == "/api/v1/namespaces/shop/events"
    assert api.seen[0]["query"] == {
        "fieldSelector": "involvedObject.kind=StatefulSet,involvedObject.name=db,reason=FailedCreate",
        "limit": "100",
    }


@pytest.mark.parametrize(
    ("since", "denied"), [pytest.param(60, True, id="after"), pytest.param(59, False, id="before")]
)
async def test_what_was_denied_before_the_last_scaling_does_not_count(
    api: FakeApi, kube: Kube, since: float, denied: bool
) -> None:
    api.answer(200, {"items": [event(lastTimestamp=ago(60))]})

    found = await shortage(kube, Workload(WORKLOAD.target, "7", uncreated=1), since=NOW - timedelta(seconds=since))

    assert (found is Reason.QUOTA_EXCEEDED) is denied


async def test_a_missing_right_is_told(api: FakeApi, kube: Kube) -> None:
    api.answer(403, {})

    with pytest.raises(DeniedError):
        await shortage(kube)
