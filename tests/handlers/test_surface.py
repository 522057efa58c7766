"""The watch surface: five kinds, events only, and settings that keep a deaf operator from looking well."""

import asyncio
import itertools
from typing import Any

import kopf
import pytest

from deadband.handlers import register
from deadband.handlers.watching import Backoffs, Watching, settings, tell_in_brief


def surface(sink: Any) -> list[Any]:
    registry = kopf.OperatorRegistry()
    register(registry, sink)
    return list(registry._watching.get_all_handlers())


def test_five_kinds_are_watched_and_no_others() -> None:
    selectors = [handler.selector for handler in surface(print)]

    assert {(one.group, one.version, one.any_name) for one in selectors} == {
        ("deadband.dev", "v1alpha1", "scalingpolicies"),
        ("deadband.dev", "v1alpha1", "metricsources"),
        ("apps", "v1", "deployments"),
        ("apps", "v1", "statefulsets"),
        ("autoscaling", "v2", "horizontalpodautoscalers"),
    }


def test_nothing_that_writes_finalizers_or_annotations_is_registered() -> None:
    registry = kopf.OperatorRegistry()
    register(registry, print)

    assert not registry._changing.get_all_handlers()
    assert not registry._spawning.get_all_handlers()
    assert not registry._indexing.get_all_handlers()


@pytest.mark.parametrize(
    ("plural", "kind"),
    [
        pytest.param("scalingpolicies", "ScalingPolicy", id="policies"),
        pytest.param("metricsources", "MetricSource", id="sources"),
        pytest.param("deployments", "Deployment", id="Deployments"),
        pytest.param("statefulsets", "StatefulSet", id="StatefulSets"),
        pytest.param("horizontalpodautoscalers", "HorizontalPodAutoscaler", id="HPAs"),
    ],
)
async def test_a_handler_hands_the_raw_object_over_and_returns_nothing(plural: str, kind: str) -> None:
    taken: list[tuple[Any, ...]] = []
    handler = next(one for one in surface(lambda *event: taken.append(event)) if one.selector.any_name == plural)

    returned = await handler.fn(event={"type": "ADDED", "object": {"metadata": {"name": "x"}}})

    assert returned is None
    assert taken == [(kind, "ADDED", {"metadata": {"name": "x"}})]


def test_kopf_is_a_source_of_events_and_nothing_else() -> None:
    made = settings()

    assert made.posting.enabled is False
    assert made.scanning.disabled is True
    assert made.peering.standalone is True
    assert made.process.ultimate_exiting_timeout is None
    assert 62 < made.watching.inactivity_timeout <= 75
    assert isinstance(made.watching.server_timeout, int), "the API server parses whole numbers only"


def test_attempts_never_end_and_begin_anew_with_short_pauses() -> None:
    backoffs = Backoffs()

    assert len(list(itertools.islice(backoffs, 10_000))) == 10_000
    assert not hasattr(backoffs, "__len__")
    assert max(itertools.islice(backoffs, 100)) <= 12
    assert next(iter(backoffs)) < 2


@pytest.mark.parametrize(
    ("namespaces", "streams"),
    [
        pytest.param((), 5, id="the whole cluster: one stream for each kind"),
        pytest.param(("a", "b"), 9, id="two namespaces: four kinds in each, and the sources once"),
    ],
)
def test_how_many_streams_are_expected(namespaces: tuple[str, ...], streams: int) -> None:
    assert Watching(print, login, namespaces=namespaces).expected == streams


async def test_watches_that_were_not_started_are_not_alive() -> None:
    assert await Watching(print, login).alive() == 0


async def test_watches_that_cannot_log_in_are_not_alive_and_stop_when_told() -> None:
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def refuse() -> kopf.ConnectionInfo:
        loop.call_soon_threadsafe(refused.set)
        raise kopf.LoginError("no credentials")

    watching = Watching(print, refuse)
    watching.start()
    await refused.wait()
    assert await watching.alive() == 0

    watching.stop()
    await asyncio.to_thread(watching._thread.join, 10)
    assert not watching._thread.is_alive()


async def test_what_fails_inside_of_kopf_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_in_brief)

    loop.call_exception_handler({"message": "Exception in callback\nhandle: <Handle>", "exception": ValueError("why")})

    (line,) = caplog.messages
    assert line == "inside of Kopf: Exception in callback: ValueError('why')"
    assert caplog.records[0].exc_info is None


async def login() -> kopf.ConnectionInfo:
    raise kopf.LoginError("never asked for")


def test_kopf_copies_no_object_to_remember_what_it_was() -> None:
    kept = settings().persistence.diffbase_storage
    body = kopf.Body({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 3}})

    assert kept.build(body=body) == {}
    assert kept.fetch(body=body) is None
