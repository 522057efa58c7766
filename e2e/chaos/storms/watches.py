"""What befalls the watch streams: they end, freeze, lose events for good; kinds disappear."""

import time
from collections.abc import Callable, Generator
from functools import partial

from e2e.chaos.exchanges import Exchange
from e2e.chaos.fault import Fault, Lane, Script
from e2e.chaos.play import END, WITHIN_BAND
from e2e.chaos.storms.servers import DEAF
from e2e.chaos.tampering import DropEvents, Edit, Match
from e2e.testbed import chart
from e2e.testbed.installation import RELEASE, SYSTEM

WATCHED = ("scalingpolicies", "metricsources", "deployments", "statefulsets", "horizontalpodautoscalers")
WATCHDOG_SECONDS = 60.0
FROZEN_SECONDS = 75.0
RESYNC_SECONDS = 310.0


def _ended(code: int, reason: str, *resources: str) -> Script:
    """An ERROR in a watch ends it for good; the process finds out and ends, so that a new one watches again."""

    def script(lane: Lane) -> Generator[None]:
        yield
        lane.wait_for(2)
        injected = time.monotonic()
        stage = lane.stage
        for resource in resources:  # the first evaluation needs the lists alone; a watch may be opened after it
            stage.wait(f"a watch of {resource}", partial(_reached, lane, resource, code, reason))
        stage.wait("a new watch or a new process", lambda: _heard_again(lane, resources, injected), timeout=90)
        ended = [one.at - injected for one in stage.supervisor.exits]
        assert all(seconds < WATCHDOG_SECONDS for seconds in ended), f"it was deaf for {ended} s"
        yield
        yield

    return script


def _reached(lane: Lane, resource: str, code: int, reason: str) -> bool:
    return lane.stage.api.inject_error(resource, code, reason) > 0


def _heard_again(lane: Lane, resources: tuple[str, ...], since: float) -> bool:
    return all(_watches_of(lane, resource, since) for resource in resources)


def _watches_of(lane: Lane, resource: str, since: float) -> list[Exchange]:
    return [one for one in lane.stage.api.seen(Match(verbs=("watch",), resource=resource), since=since) if one.taken]


def _frozen(lane: Lane) -> Generator[None]:
    """Every watch stays open and silent; meanwhile the maximum is lowered, which the next write must honor."""
    yield
    # The first evaluation needs the lists alone; the last of the watches may be opened after it.
    lane.stage.wait("every watch frozen", lambda: lane.stage.api.freeze_watches() == len(WATCHED))
    began = time.monotonic()
    lane.patch("scalingpolicy", '{"spec":{"maxReplicas":2}}')
    lane.stage.wait("new watches", lambda: _heard_again(lane, WATCHED, began + 1), timeout=FROZEN_SECONDS + 15)
    took = max(_watches_of(lane, resource, began + 1)[0].at - began for resource in WATCHED)
    assert took <= FROZEN_SECONDS + 5, f"it took {took:.0f} s"
    assert lane.stage.seen.replicas(lane.name) <= 2
    yield
    yield


def _no_bookmarks(lane: Lane) -> Generator[None]:
    """Without bookmarks a quiet stream looks dead; it is begun anew, and nothing is written because of it."""
    cut = lane.stage.api.add(Match(verbs=("BOOKMARK",)), DropEvents())
    # The figures of a source are written even now, so that its stream is not quiet.
    quiet = tuple(one for one in WATCHED if one != "metricsources")
    yield
    yield
    lane.wait_for(END)
    lane.stage.wait_for_reasons({lane.name: WITHIN_BAND})
    began = time.monotonic()
    lane.stage.wait("new watches", lambda: _heard_again(lane, quiet, began), timeout=FROZEN_SECONDS + 5)
    assert cut.hits, "no bookmark came"
    yield


def _repaired(lane: Lane) -> Generator[None]:
    """A change and a deletion that no event tells of; nothing else gives them away, and the LIST finds them."""
    ghost = f"{lane.name}-ghost"
    lane.copy_to(ghost)
    lane.stage.wait_for_reasons({ghost: "WithinBand"})
    lost = [
        lane.stage.api.add(Match(verbs=(type_,), resource="scalingpolicies"), DropEvents())
        for type_ in ("MODIFIED", "DELETED")
    ]
    lane.patch("scalingpolicy", '{"spec":{"maxReplicas":2}}')
    lane.kubectl("delete", "scalingpolicy", ghost)
    began = time.monotonic()
    seen = lane.stage.seen
    seen.wait_for("the change", lambda: seen.status(lane.name)["observedGeneration"] == 2, timeout=RESYNC_SECONDS)
    for rule in lost:
        assert rule.hits
        rule.lift()
    listed = lane.stage.api.seen(Match(verbs=("list",), resource="scalingpolicies"), since=began)
    assert listed, "it was not the LIST that told"
    repaired = time.monotonic()
    yield
    yield
    yield
    assert lane.stage.api.seen(Match(namespace=lane.stage.namespace, name=ghost), since=repaired) == []


def _stale_lists(lane: Lane) -> Generator[None]:
    """A new process lists from an API server that lives in the past: before the first step, and before its status."""
    older: dict[str, bytes] = {}

    def remember(lists: list[Exchange]) -> None:
        older.update({one.resource: one.answer for one in lists if one.resource in WATCHED})

    remember(lane.stage.api.seen(Match(verbs=("list",))))
    yield
    lane.wait_for(2)
    lane.stage.wait("the status of the step", lambda: bool(lane.stage.seen.status(lane.name).get("scaleEvents")))
    rules = [
        lane.stage.api.add(Match(verbs=("list",), resource=resource), Edit(_always(body)), times=2)
        for resource, body in older.items()
    ]
    lane.stage.supervisor.kill()
    lane.stage.wait("stale lists", lambda: all(rule.hits for rule in rules), timeout=40)
    yield
    for rule in rules:
        rule.lift()
    yield


def _always(body: bytes) -> Callable[[bytes], bytes]:
    return lambda _: body


def _kinds_deleted(lane: Lane) -> Generator[None]:
    """The CRDs are deleted and made again, and the policies with them."""
    cluster = lane.stage.bed.cluster
    documents = [
        {"apiVersion": one["apiVersion"], "kind": one["kind"], "metadata": _bare(one["metadata"]), "spec": one["spec"]}
        for kind in ("scalingpolicies", "metricsources")
        for one in cluster.get(kind, "-A")["items"]
        if one["metadata"].get("namespace", lane.stage.namespace) == lane.stage.namespace
    ]
    rendered = chart.render({}, SYSTEM, release=RELEASE)
    definitions = [one for one in rendered if one["kind"] == "CustomResourceDefinition"]
    yield
    lane.wait_for(2)
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    cluster.kubectl("delete", *names, "--timeout=60s")
    time.sleep(15)
    cluster.apply(*definitions, server_side=True)
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    cluster.apply(*documents)
    yield
    yield


def _bare(metadata: dict[str, object]) -> dict[str, object]:
    return {key: metadata[key] for key in ("name", "namespace") if key in metadata}


_PROXY = "proxy before the API server"

WATCHES: tuple[Fault, ...] = (
    Fault(id="F7", name="watch-error", what="ERROR 500 in the watch of policies", how=_PROXY,
          script=_ended(500, "InternalError", "scalingpolicies"), exits=(DEAF,)),
    Fault(id="F7", name="watch-errors", what="ERROR 500 in every watch", how=_PROXY,
          script=_ended(500, "InternalError", *WATCHED), exits=(DEAF,)),
    Fault(id="F6", name="watch-expired", what="ERROR 410 in every watch", how=_PROXY,
          script=_ended(410, "Expired", *WATCHED)),
    Fault(id="F10", name="watches-frozen", what="every watch is silent, with its connection open", how=_PROXY,
          script=_frozen, top=2, twin=False),
    Fault(id="F10", name="no-bookmarks", what="no bookmarks", how=_PROXY, script=_no_bookmarks),
    Fault(id="F11", name="resync", what="MODIFIED and DELETED are lost of policies that are at rest (F12)", how=_PROXY,
          script=_repaired, top=2, twin=False),
    Fault(id="F13", name="stale-lists", what="a new process lists what was before", how=_PROXY, script=_stale_lists,
          exits=(-9,)),
    Fault(id="F26", name="kinds-deleted", what="the CRDs are deleted and made again", how="kubectl",
          script=_kinds_deleted, twin=False, exits=(DEAF,), settle_seconds=150),
)  # fmt: skip
