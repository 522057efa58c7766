"""What befalls the servers that the operator talks to: the API server, etcd, Prometheus, and what they answer."""

import json
import time
from collections.abc import Generator, Iterator
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

from e2e.chaos.exchanges import Exchange
from e2e.chaos.fault import Fault, Lane, Script
from e2e.chaos.play import lane_rate
from e2e.chaos.tampering import Answer, Delay, Freeze, Match, RequestFault, Reset, status_body
from e2e.testbed.installation import RELEASE, SYSTEM

GONE = 410
DEAF = 1
"""How the operator ends when it has found out that it is deaf."""
API_AWAY_SECONDS = 120.0
ETCD_AWAY_SECONDS = 90.0
RETRY_AFTER_SECONDS = 9
SLOW_SECONDS = 5.0


def _restarted(lane: Lane) -> Generator[None]:
    yield
    lane.wait_for(2)
    lane.native.restart_api_server()
    yield
    yield


def _away(lane: Lane) -> Generator[None]:
    """The API server is away for two minutes; nothing is made up for when it is back."""
    yield
    lane.wait_for(2)
    lane.native.stop_api_server()
    try:
        time.sleep(API_AWAY_SECONDS)
    finally:
        lane.native.start_api_server()
    yield
    yield


def _etcd_stopped(lane: Lane) -> Generator[None]:
    """The API server answers with 500, 503 and 504 or not at all."""
    yield
    lane.wait_for(2)
    lane.native.etcd.freeze()
    try:
        time.sleep(ETCD_AWAY_SECONDS)
    finally:
        lane.native.etcd.thaw()
    yield
    yield


def _compacted(lane: Lane) -> Generator[None]:
    """What the watches would go on from is gone from etcd and from the API server; a policy was deleted meanwhile."""
    ghost = f"{lane.name}-ghost"
    lane.copy_to(ghost)
    lane.stage.wait_for_reasons({ghost: "WithinBand"})
    yield
    lane.wait_for(2)
    way = lane.stage.api
    way.reachable = False
    way.cut()
    lane.kubectl("delete", "scalingpolicy", ghost)
    lane.native.compact_etcd()
    lane.native.restart_api_server()
    way.reachable = True
    way.cut()
    yield
    ended = time.monotonic()
    yield
    watches = way.seen(Match(verbs=("watch",)))
    expired = [one for one in watches if one.upstream == GONE or b'"code":410' in one.answer]
    assert expired, "no watch was told that it came too late"
    assert way.seen(Match(namespace=lane.stage.namespace, name=ghost), since=ended) == [], "the ghost is not gone"


def _for_seconds(fault: RequestFault, seconds: float, *, verbs: tuple[str, ...] = ()) -> Script:
    """Let a fault befall every request to the API server, from the first step on."""

    def script(lane: Lane) -> Generator[None]:
        yield
        lane.wait_for(2)
        rule = lane.stage.api.add(Match(verbs=verbs), fault)
        lane.stage.api.cut()
        time.sleep(seconds)
        rule.lift()
        yield
        yield
        assert rule.hits, "no request was met"

    return script


def _unauthorized(lane: Lane) -> Generator[None]:
    """401 for half a minute, and a token that was changed meanwhile."""
    yield
    lane.wait_for(2)
    body = json.dumps(status_body(401, "Unauthorized")).encode()
    rule = lane.stage.api.add(Match(), Answer(401, body, {"Content-Type": "application/json"}))
    lane.stage.api.cut()
    lane.stage.kubeconfig(lane.stage.api, "operator")
    time.sleep(30)
    rule.lift()
    yield
    yield
    assert rule.hits


def _without_rights(lane: Lane) -> Generator[None]:
    """The binding of the operator's rights is deleted, and comes back after two minutes."""
    yield
    lane.wait_for(2)
    cluster = lane.stage.bed.cluster
    account = {"kind": "ServiceAccount", "name": RELEASE, "namespace": SYSTEM}
    bindings = cluster.get("clusterrolebindings")["items"]
    (binding,) = [one for one in bindings if account in one.get("subjects", ())]
    cluster.kubectl("delete", "clusterrolebinding", binding["metadata"]["name"])
    lane.stage.api.cut()
    try:
        time.sleep(API_AWAY_SECONDS)
    finally:
        kept = {key: binding["metadata"][key] for key in ("name", "labels")}
        cluster.apply({**binding, "metadata": kept})
    yield
    yield


def _overloaded(lane: Lane) -> Generator[None]:
    """429 with Retry-After on everything but the Lease: no kind of call comes again before it may."""
    yield
    lane.wait_for(2)
    body = json.dumps(status_body(429, "TooManyRequests")).encode()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Content-Type": "application/json"}
    rules = [lane.stage.api.add(Match(verbs=(verb,)), Answer(429, body, headers)) for verb in ("get", "patch", "list")]
    spared = lane.stage.api.add(Match(resource="leases"), Delay(0.0))
    time.sleep(30)
    for rule in (*rules, spared):
        rule.lift()
    yield
    yield
    for kind, calls in _kinds(one for rule in rules for one in rule.met).items():
        gaps = [after.at - before.at for before, after in pairwise(calls)]
        assert min(gaps, default=RETRY_AFTER_SECONDS) >= RETRY_AFTER_SECONDS, f"{kind} came again after {gaps}"


def _kinds(calls: Iterator[Exchange]) -> dict[str, list[Exchange]]:
    found: dict[str, list[Exchange]] = {}
    for one in sorted(calls, key=lambda one: one.at):
        found.setdefault(f"{one.verb} {one.resource}", []).append(one)
    return found


def _slow(lane: Lane) -> Generator[None]:
    """Every call takes five seconds; the loop goes on, and evaluations are left out instead of queued."""
    yield
    lane.wait_for(2)
    rule = lane.stage.api.add(Match(), Delay(SLOW_SECONDS))
    worst = 0.0
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        worst = max(worst, _loop_lag(lane))
        time.sleep(1)
    rule.lift()
    assert worst < 1, f"the event loop was late by {worst:.1f} s"
    yield
    yield


def _loop_lag(lane: Lane) -> float:
    families = text_string_to_metric_families(lane.stage.supervisor.operator.metrics())
    samples = (sample for family in families for sample in family.samples)
    return next(one.value for one in samples if one.name == "deadband_event_loop_lag_seconds")


def _source_away(fault: RequestFault | None) -> Script:
    """Prometheus fails while the load rises and while it falls: nothing is scaled down, and there is no jump after."""

    def script(lane: Lane) -> Generator[None]:
        yield
        lane.wait_for(2)
        _without_prometheus(lane, fault)
        yield
        before = lane.stage.seen.replicas(lane.name)
        _without_prometheus(lane, fault)
        assert lane.stage.seen.replicas(lane.name) == before, "scaled without a reading"
        yield

    return script


def _without_prometheus(lane: Lane, fault: RequestFault | None) -> None:
    rule = lane.stage.prometheus.add(Match(), fault) if fault is not None else None
    lane.stage.prometheus.reachable = fault is not None
    lane.stage.wait(
        "the condition", lambda: lane.stage.seen.condition(lane.name, "MetricsAvailable")[0] == "False", timeout=30
    )
    time.sleep(20)  # until the circuit breaker is open
    assert lane.stage.seen.condition(lane.name, "Ready")[0] == "True", "a policy is Ready without its metrics"
    lane.stage.prometheus.reachable = True
    if rule is not None:
        rule.lift()


def _prometheus_restarted(lane: Lane) -> Generator[None]:
    """A gap in the data, and counters that begin anew."""
    prometheus = lane.stage.bed.prometheus
    yield
    lane.wait_for(2)
    prometheus.restart()
    lane.stage.bed.readings.reset()
    yield
    prometheus.process.kill()
    time.sleep(5)
    prometheus.start()
    lane.stage.bed.readings.reset()
    yield


_JSON = {"Content-Type": "application/json"}
_UNAVAILABLE = Answer(503, json.dumps(status_body(503, "ServiceUnavailable")).encode(), _JSON)
_DENIED = {"O7": "the rights were taken away"}
_STARTING = {"O7": "an API server that starts knows nobody's rights for a moment"}
_PROXY, _SOURCE = "proxy before the API server", "proxy before Prometheus"

SERVERS: tuple[Fault, ...] = (
    Fault(id="F3", name="api-restarted", what="the API server is restarted", how="process", script=_restarted,
          excused=_STARTING),
    Fault(id="F3", name="api-unavailable", what="503 on everything for 70 s, longer than Kopf is patient by default",
          how=_PROXY, script=_for_seconds(_UNAVAILABLE, 70)),
    Fault(id="F3", name="api-breaks-off", what="every answer breaks off in its middle for 30 s", how=_PROXY,
          script=_for_seconds(Reset(), 30)),
    Fault(id="F3", name="api-silent", what="no answer to anything for 45 s, with the connections open", how=_PROXY,
          script=_for_seconds(Freeze(), 45)),
    Fault(id="F4", name="api-away", what="the API server is away for 2 min", how="process", script=_away,
          excused=_STARTING),
    Fault(id="F5", name="etcd-stopped", what="etcd is stopped for 90 s", how="SIGSTOP", script=_etcd_stopped,
          exits=(DEAF,), settle_seconds=120, excused=_STARTING),
    Fault(id="F6", name="compacted", what="etcd is compacted while the operator is cut off", how="compaction, restart",
          script=_compacted, excused=_STARTING),
    Fault(id="F8", name="unauthorized", what="401 on everything for 30 s, and a new token", how=_PROXY,
          script=_unauthorized, exits=(DEAF,), settle_seconds=120),
    Fault(id="F9", name="without-rights", what="the rights are taken away for 2 min", how="ClusterRoleBinding deleted",
          script=_without_rights, exits=(DEAF,), excused=_DENIED, settle_seconds=120),
    Fault(id="F15", name="overloaded", what="429 with Retry-After on everything for 30 s", how=_PROXY,
          script=_overloaded),
    Fault(id="F16", name="slow", what="every call takes 5 s, for 40 s", how=_PROXY, script=_slow,
          slack=SLOW_SECONDS * 3),
    Fault(id="F19", name="prometheus-away", what="Prometheus cannot be reached", how=_SOURCE,
          script=_source_away(None)),
    Fault(id="F19", name="prometheus-503", what="Prometheus answers 503", how=_SOURCE,
          script=_source_away(Answer(503, b"<html>busy</html>"))),
    Fault(id="F19", name="prometheus-silent", what="Prometheus does not answer", how=_SOURCE,
          script=_source_away(Freeze())),
    Fault(id="F21", name="prometheus-restarted", what="Prometheus is restarted and killed, counters begin anew",
          how="process", script=_prometheus_restarted, query=lane_rate),
)  # fmt: skip
