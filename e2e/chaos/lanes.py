"""Faults that befall one policy: all at once, each in a lane of its own, under one operator."""

import json
import time
from collections.abc import Generator, Iterator

from e2e.chaos.answers import BAD_ANSWERS
from e2e.chaos.exchanges import Exchange
from e2e.chaos.fault import Fault, Lane, Script, nothing
from e2e.chaos.tampering import (
    Answer,
    Delay,
    DropEvents,
    Edit,
    Freeze,
    HoldEvents,
    LoseAnswer,
    Match,
    RepeatEvents,
    RequestFault,
    Reset,
    SwapEvents,
    Truncate,
    status_body,
)

TWIN = "twin"
RETRY_AFTER_SECONDS = 12
"""More than two intervals."""
TIGHT = 2
"""A maximum that the operator is not told of."""


def _tightened(lane: Lane) -> None:
    lane.patch("scalingpolicy", json.dumps({"spec": {"maxReplicas": TIGHT}}))


def _unseen_limit(lane: Lane) -> Generator[None]:
    """The event that lowers the maximum is lost; the read before each write finds it."""
    lost = lane.on_event("MODIFIED", "scalingpolicies", DropEvents())
    _tightened(lane)
    yield
    yield
    yield
    assert lost.hits, "the event was not lost"
    assert max((scale.after for scale in lane.scales()), default=0) <= TIGHT


def _unseen_deletion(lane: Lane) -> Generator[None]:
    """The event of the deletion is lost; the read before each write finds it."""
    lost = lane.on_event("DELETED", "scalingpolicies", DropEvents())
    lane.kubectl("delete", "scalingpolicy", lane.name)
    yield
    yield
    yield
    asked = lane.stage.api.seen(Match(verbs=("get",), resource="scalingpolicies", name=lane.name))
    assert lost.hits, "the event was not lost"
    assert asked, "the ghost never wanted to write, so the fault was not met"
    assert lane.scales() == []


def _stale_target(lane: Lane) -> Generator[None]:
    """Reads of the target show it as it was before the first step; the precondition keeps the old from acting."""
    older: list[bytes] = []

    def first_one(body: bytes) -> bytes:
        older.append(body)
        return older[0]

    stale = lane.on_call("get", "deployments", Edit(first_one), times=4)
    yield
    yield
    yield
    assert stale.hits > 1, "nothing stale was read"


def _stale_policy(lane: Lane) -> Generator[None]:
    """Reads of the policy show a maximum that was lowered since."""
    stale = lane.on_call("get", "scalingpolicies", Edit(_with_more), times=2)
    _tightened(lane)
    yield
    yield
    yield
    assert stale.hits, "nothing stale was read"
    assert max(scale.after for scale in lane.scales()) <= TIGHT


def _with_more(body: bytes) -> bytes:
    policy = json.loads(body)
    policy["spec"]["maxReplicas"] = 5
    policy["metadata"] |= {"generation": policy["metadata"]["generation"] - 1, "resourceVersion": "1"}
    return json.dumps(policy).encode()


def _on_write(verb: str, resource: str, fault: RequestFault, *, times: int = 2) -> Script:
    """Let a fault befall the first writes."""

    def script(lane: Lane) -> Generator[None]:
        rule = lane.on_call(verb, resource, fault, times=times)
        yield
        yield
        yield
        assert rule.hits == times, f"met {rule.hits} of {times} writes"
        # Against a hot loop: three rounds in an evaluation of five seconds, at most.
        began = min(one.at for one in _calls(lane, resource))
        assert len(_calls(lane, resource)) <= 3 * (1 + (time.monotonic() - began) / 5)

    return script


def _overloaded(resource: str) -> Script:
    """The first write is told to come again later; it does, and not before."""
    body = json.dumps(status_body(429, "TooManyRequests")).encode()
    answer = Answer(429, body, {"Retry-After": str(RETRY_AFTER_SECONDS), "Content-Type": "application/json"})

    def script(lane: Lane) -> Generator[None]:
        rule = lane.on_call("patch", resource, answer, times=1)
        yield
        yield
        yield
        (refused,) = rule.met
        again = next(one for one in _calls(lane, resource) if one.at > refused.at)
        assert again.at - refused.at >= RETRY_AFTER_SECONDS, "it did not wait as it was told"

    return script


def _calls(lane: Lane, resource: str) -> list[Exchange]:
    return lane.stage.api.seen(
        Match(verbs=("patch",), resource=resource, namespace=lane.stage.namespace, name=lane.name)
    )


def _on_query(fault: RequestFault, *, times: int = 2) -> Script:
    """Let a fault befall the first queries of the rise and of the fall; O3 sees that nothing is scaled on them."""

    def script(lane: Lane) -> Generator[None]:
        yield
        at_rise = lane.on_query(fault, times=times)
        yield
        at_fall = lane.on_query(fault, times=times)
        yield
        assert (at_rise.hits, at_fall.hits) == (times, times), "not every query was met"

    return script


def _on_events(fault: RepeatEvents | SwapEvents | HoldEvents) -> Script:
    """Let a fault befall every event of the policy and of the Deployment, until the load falls."""

    def script(lane: Lane) -> Generator[None]:
        rules = [lane.on_event("MODIFIED", resource, fault) for resource in ("scalingpolicies", "deployments")]
        yield
        yield
        for rule in rules:
            rule.lift()
        yield
        assert all(rule.hits for rule in rules), "no event was met"

    return script


def _error(code: int, reason: str) -> Answer:
    return Answer(code, json.dumps(status_body(code, reason)).encode(), {"Content-Type": "application/json"})


def _bad_answers() -> Iterator[Fault]:
    for name, (given, made) in BAD_ANSWERS.items():
        how = "proxy before Prometheus, two answers in the rise and two in the fall"
        what, script = f"Prometheus answers {given}", _on_query(Edit(made))
        yield Fault(id="F20", name=f"answer-{name}", what=what, how=how, script=script, own_source=True)


PROXY = "proxy before the API server"

LANES: tuple[Fault, ...] = (
    Fault(id="twin", name=TWIN, what="none", how="the twin, with which all others are compared", script=nothing),
    Fault(id="F11", name="unseen-limit", what="MODIFIED of a policy is lost that lowers its maximum", how=PROXY,
          script=_unseen_limit, top=TIGHT, twin=False),
    Fault(id="F12", name="unseen-deletion", what="DELETED of a policy is lost", how=PROXY,
          script=_unseen_deletion, top=1, rest="", twin=False),
    Fault(id="F13", name="stale-target", what="reads of the target show it before the first step", how=PROXY,
          script=_stale_target),
    Fault(id="F13", name="stale-policy", what="reads of the policy show a maximum that was lowered since", how=PROXY,
          script=_stale_policy, top=TIGHT, twin=False),
    Fault(id="F14", name="conflict", what="409 on /scale", how=PROXY,
          script=_on_write("patch", "deployments/scale", _error(409, "Conflict"))),
    Fault(id="F14", name="status-refused", what="422 on /status", how=PROXY,
          script=_on_write("patch", "scalingpolicies/status", _error(422, "Invalid"))),
    Fault(id="F14", name="status-conflict", what="409 on /status", how=PROXY,
          script=_on_write("patch", "scalingpolicies/status", _error(409, "Conflict"))),
    Fault(id="F15", name="scale-overloaded", what="429 with Retry-After on /scale", how=PROXY,
          script=_overloaded("deployments/scale")),
    Fault(id="F15", name="status-overloaded", what="429 with Retry-After on /status", how=PROXY,
          script=_overloaded("scalingpolicies/status")),
    Fault(id="F1", name="answer-lost", what="a scale is written and its answer lost", how=PROXY,
          script=_on_write("patch", "deployments/scale", LoseAnswer(), times=1)),
    Fault(id="F1", name="answer-broken", what="the answer of a scale breaks off", how=PROXY,
          script=_on_write("patch", "deployments/scale", Reset(), times=1)),
    Fault(id="F1", name="answer-halved", what="the answer of a scale is half of a JSON", how=PROXY,
          script=_on_write("patch", "deployments/scale", Truncate(), times=1)),
    Fault(id="F1", name="status-lost", what="a status is written and its answer lost", how=PROXY,
          script=_on_write("patch", "scalingpolicies/status", LoseAnswer(), times=2)),
    Fault(id="F3", name="scale-fails", what="500 on /scale", how=PROXY,
          script=_on_write("patch", "deployments/scale", _error(500, "InternalError"))),
    Fault(id="F9", name="scale-forbidden", what="403 on /scale", how=PROXY,
          script=_on_write("patch", "deployments/scale", _error(403, "Forbidden"))),
    Fault(id="F16", name="scale-slow", what="/scale takes 5 s", how=PROXY,
          script=_on_write("patch", "deployments/scale", Delay(5.0)), slack=5.5),
    Fault(id="F11", name="events-twice", what="every event of the policy and its target twice", how=PROXY,
          script=_on_events(RepeatEvents())),
    Fault(id="F11", name="events-swapped", what="events of the policy and its target out of order", how=PROXY,
          script=_on_events(SwapEvents())),
    Fault(id="F11", name="events-held", what="events of the policy and its target come late", how=PROXY,
          script=_on_events(HoldEvents())),
    Fault(id="F19", name="source-fails", what="Prometheus answers 503", how="proxy before Prometheus",
          script=_on_query(Answer(503, b"{}")), own_source=True),
    Fault(id="F19", name="source-refuses", what="Prometheus answers 422", how="proxy before Prometheus",
          script=_on_query(Answer(422, b'{"status":"error","errorType":"execution","error":"too many samples"}'))),
    Fault(id="F19", name="source-late", what="Prometheus does not answer in time", how="proxy before Prometheus",
          script=_on_query(Freeze()), own_source=True),
    Fault(id="F19", name="source-breaks", what="Prometheus breaks off in its answers", how="proxy before Prometheus",
          script=_on_query(Reset()), own_source=True),
    *_bad_answers(),
)  # fmt: skip
