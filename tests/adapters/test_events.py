"""Events: what is posted, what is counted, what is dropped."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadband.adapters.events import EVENTS, KubeEvents
from deadband.adapters.kube import Kube, Resource
from deadband.api.conditions import EventReason, Reason
from deadband.ports import DeniedError, GoneError, ObjectRef
from tests.adapters.fake_api import FakeApi

POLICY = ObjectRef("ScalingPolicy", "leadgen", "api", uid="u1")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeKube:
    """Keeps what is created and patched; `fail` runs before each call."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.fail: Callable[[str], None] = lambda _: None

    async def create(self, resource: Resource, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        assert (resource, namespace) == (EVENTS, body["metadata"]["namespace"])
        self.fail("create")
        self.created.append(body)
        return body

    async def patch(self, resource: Resource, namespace: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.fail("patch")
        self.patched.append((name, body))
        return body


class Recorder:
    """The adapter with a clock that passes when told."""

    def __init__(self, **options: Any) -> None:
        self.seconds = 0.0
        self.kube = FakeKube()
        self.events = KubeEvents(
            self.kube,
            "deadband-0",
            now=lambda: START + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
            **options,
        )

    async def says(
        self,
        message: str,
        *,
        about: ObjectRef = POLICY,
        reason: EventReason = EventReason.SCALED_UP,
        after: float = 0,
    ) -> None:
        self.seconds += after
        self.events.record(about, "Normal", reason, message)
        await self.events.flush()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def test_an_event_has_the_shape_that_the_api_server_demands(api: FakeApi, kube: Kube) -> None:
    events = KubeEvents(kube, "deadband-0", now=lambda: START)
    events.record(POLICY, "Warning", EventReason.METRICS_UNAVAILABLE, "Prometheus is down")
    await events.flush()

    (request,) = api.seen
    body = request["body"]
    name = body["metadata"].pop("name")
    assert (request["method"], request["path"]) == ("POST", "/apis/events.k8s.io/v1/namespaces/leadgen/events")
    assert request["query"] == {"fieldManager": "deadband"}
    assert name.startswith("api.")
    assert body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "leadgen"},
        "eventTime": "2026-03-01T12:00:00.000000Z",
        "type": "Warning",
        "reason": "MetricsUnavailable",
        "note": "Prometheus is down",
        "action": "Evaluate",
        "regarding": {
            "apiVersion": "deadband.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "namespace": "leadgen",
            "name": "api",
            "uid": "u1",
        },
        "reportingController": "deadband.dev/operator",
        "reportingInstance": "deadband-0",
    }


async def test_a_repeat_raises_the_count_of_the_same_event(recorder: Recorder) -> None:
    await recorder.says("up from 2 to 4")
    await recorder.says("up from 2 to 4", after=60)
    await recorder.says("up from 2 to 4", after=60)

    (created,) = recorder.kube.created
    assert "series" not in created
    assert recorder.kube.patched == [
        (created["metadata"]["name"], {"series": {"count": 2, "lastObservedTime": "2026-03-01T12:01:00.000000Z"}}),
        (created["metadata"]["name"], {"series": {"count": 3, "lastObservedTime": "2026-03-01T12:02:00.000000Z"}}),
    ]


@pytest.mark.parametrize(
    ("second", "events"),
    [
        pytest.param({"message": "up"}, 1, id="the same again"),
        pytest.param({"message": "up from 2 to 5"}, 2, id="another message is another event"),
        pytest.param({"message": "up", "reason": EventReason.SCALED_DOWN}, 2, id="another reason"),
        pytest.param(
            {"message": "up", "about": ObjectRef("ScalingPolicy", "leadgen", "api", uid="u2")}, 2, id="another UID"
        ),
        pytest.param({"message": "up", "after": 601}, 2, id="the same long after"),
    ],
)
async def test_what_shares_an_event(recorder: Recorder, second: dict[str, Any], events: int) -> None:
    await recorder.says("up")
    await recorder.says(**second)

    assert len(recorder.kube.created) == events


async def test_repeats_while_one_waits_are_one_request(recorder: Recorder) -> None:
    for _ in range(5):
        recorder.events.record(POLICY, "Normal", EventReason.SCALED_UP, "up")
    await recorder.events.flush()

    (created,) = recorder.kube.created
    assert created["series"]["count"] == 5
    assert recorder.kube.patched == []


async def test_too_many_different_messages_share_one_event(recorder: Recorder) -> None:
    for value in range(14):
        await recorder.says(f"cpu is {value}.5 %", reason=EventReason.METRICS_UNAVAILABLE, after=1)

    assert [event["note"] for event in recorder.kube.created] == [
        *(f"cpu is {value}.5 %" for value in range(10)),
        "(similar events) cpu is … %",
    ]
    assert recorder.kube.patched[-1][1]["series"]["count"] == 4


async def test_an_object_has_25_events_at_once_and_then_one_in_five_minutes(recorder: Recorder) -> None:
    for _ in range(40):
        await recorder.says("up")
    assert (len(recorder.kube.created) + len(recorder.kube.patched), recorder.events.dropped) == (25, 15)

    await recorder.says("up", after=299)
    assert recorder.events.dropped == 16
    await recorder.says("up", after=1)
    assert recorder.events.dropped == 16
    await recorder.says("up")
    assert recorder.events.dropped == 17


async def test_one_noisy_object_does_not_silence_another(recorder: Recorder) -> None:
    for _ in range(40):
        await recorder.says("up")
    await recorder.says("up", about=ObjectRef("ScalingPolicy", "leadgen", "other", uid="u2"))

    assert recorder.kube.created[-1]["regarding"]["name"] == "other"


async def test_a_full_queue_drops_the_oldest() -> None:
    recorder = Recorder(queue_length=2)
    for number in range(4):
        recorder.events.record(
            ObjectRef("ScalingPolicy", "leadgen", f"p{number}", uid=str(number)), "Normal", EventReason.SCALED_UP, "up"
        )
    await recorder.events.flush()

    assert [event["regarding"]["name"] for event in recorder.kube.created] == ["p2", "p3"]
    assert recorder.events.dropped == 2


async def test_an_event_that_expired_is_made_again(recorder: Recorder) -> None:
    await recorder.says("up")

    def gone(verb: str) -> None:
        if verb == "patch":
            raise GoneError(Reason.TARGET_NOT_FOUND, "not found")

    recorder.kube.fail = gone
    await recorder.says("up", after=300)

    assert len(recorder.kube.created) == 2
    assert "series" not in recorder.kube.created[1]
    assert recorder.kube.created[1]["eventTime"] == "2026-03-01T12:05:00.000000Z"
    assert recorder.kube.created[0]["metadata"]["name"] != recorder.kube.created[1]["metadata"]["name"]


async def test_a_refused_event_is_counted_and_the_next_one_is_posted(recorder: Recorder) -> None:
    def denied(_: str) -> None:
        raise DeniedError(Reason.ACCESS_DENIED, "denied")

    recorder.kube.fail = denied
    await recorder.says("up")
    assert recorder.events.dropped == 1

    recorder.kube.fail = lambda _: None
    await recorder.says("down")
    assert [event["note"] for event in recorder.kube.created] == ["down"]


async def test_an_event_on_a_cluster_scoped_object_is_kept_in_default(recorder: Recorder) -> None:
    await recorder.says("unreachable", about=ObjectRef("MetricSource", "", "main", uid="s1"))

    (created,) = recorder.kube.created
    assert created["metadata"]["namespace"] == "default"
    assert "namespace" not in created["regarding"]


async def test_a_long_message_is_cut_to_what_the_api_server_takes(recorder: Recorder) -> None:
    await recorder.says("ä" * 2000)

    assert len(recorder.kube.created[0]["note"].encode()) == 1024


async def test_a_running_recorder_posts_without_being_asked(recorder: Recorder) -> None:
    posted = asyncio.Event()
    recorder.kube.fail = lambda _: posted.set()
    task = asyncio.create_task(recorder.events.run())
    recorder.events.record(POLICY, "Normal", EventReason.SCALED_UP, "up")

    await posted.wait()
    recorder.events.record(POLICY, "Normal", EventReason.SCALED_DOWN, "down")
    posted.clear()
    await posted.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [event["note"] for event in recorder.kube.created] == ["up", "down"]
