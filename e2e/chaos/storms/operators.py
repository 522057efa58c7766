"""What befalls the operator's own process: killed, told to end, frozen, rivaled, its disk full."""

import os
import signal
import time
from collections.abc import Generator
from itertools import pairwise

from e2e.chaos.exchanges import Exchange
from e2e.chaos.fault import Fault, Lane, Script
from e2e.chaos.play import END, START, TOP
from e2e.chaos.stage import DEADBAND, Stage
from e2e.chaos.tampering import Delay, Match, Then
from e2e.testbed.installation import Operator

KILLED = -9
TAKEOVER_SECONDS = 40.0
"""The Lease's 15 s, and the time to notice."""
FLEET = 1000
"""Policies in the run of F28, which names 5,000; those would take longer to make than this suite may."""
READY_SECONDS = 30.0
SCALES, STATUSES = 4, 7
"""Writes of an undisturbed play from the calm on. An eighth status comes only where an evaluation falls between the
last step up and the falling of the load."""


def _killed_after(nth: int, resource: str) -> Script:
    """SIGKILL when the API server has taken the n-th write, and before the operator hears of it."""

    def script(lane: Lane) -> Generator[None]:
        yield
        rule = lane.on_call("patch", resource, _kill(lane), first=nth, times=1)
        yield
        yield
        assert rule.hits, "it never came to that write"

    return script


def _kill(lane: Lane) -> Then:
    return Then(lambda _: lane.stage.supervisor.kill())


def _killed_after_every_write(lane: Lane) -> Generator[None]:
    """No process lives longer than to its first write, so that none sees the load below for the time it must hold."""
    supervisor = lane.stage.supervisor
    yield
    rules = [lane.on_call("patch", one, _kill(lane)) for one in ("deployments/scale", "scalingpolicies/status")]
    yield
    before = len(supervisor.exits)
    lane.stage.wait("four more ends", lambda: len(supervisor.exits) >= before + 4, timeout=4 * TAKEOVER_SECONDS)
    assert lane.stage.seen.replicas(lane.name) == TOP, "scaled down for a time that nobody saw"
    for rule in rules:
        rule.lift()
    yield
    assert all(rule.hits for rule in rules), "it never came to that write"
    events = lane.stage.seen.status(lane.name)["scaleEvents"]
    assert (events[0]["from"], events[-1]["to"]) == (START, END), "a step was forgotten"
    assert all(one["to"] == after["from"] for one, after in pairwise(events)), "a step was forgotten"


def _told_to_end(lane: Lane) -> Generator[None]:
    """SIGTERM while a scale write is under way."""
    yield
    slow = lane.on_call("patch", "deployments/scale", Delay(0.5), times=1)
    lane.stage.wait("a scale write", lambda: slow.hits == 1)
    told = time.monotonic()
    os.kill(lane.stage.supervisor.operator.process.pid, signal.SIGTERM)
    lane.stage.wait("the end", lambda: bool(lane.stage.supervisor.exits))
    given_up = [one for one in lane.stage.api.seen(Match(resource="leases"), since=told) if _gives_up(one)]
    assert given_up, "the Lease was not given up"
    assert given_up[0].at - told < 2, f"the Lease was given up after {given_up[0].at - told:.1f} s"
    yield
    yield


def _gives_up(call: Exchange) -> bool:
    return bool(call.verb == "update" and call.body["spec"].get("holderIdentity") == "")


def _frozen(lane: Lane) -> Generator[None]:
    """SIGSTOP for longer than the Lease lasts; when it wakes up it must not believe that it leads."""
    yield
    lane.wait_for(2)
    process = lane.stage.supervisor.operator.process
    process.freeze()
    time.sleep(25)
    process.thaw()
    yield
    yield


def _partitioned(lane: Lane) -> Generator[None]:
    """The leader loses its way to the API server; a second operator takes over, and gives nothing back."""
    with lane.stage.another_way("second") as way:
        second = lane.stage.operator("second", way)
        second.start()
        try:
            yield
            lane.wait_for(2)
            lane.stage.api.reachable = False
            lane.stage.api.cut()
            lane.stage.wait("the second leads", second.leads, timeout=TAKEOVER_SECONDS)
            time.sleep(6)
            lane.stage.api.reachable = True
            yield
            yield
            assert not lane.stage.supervisor.operator.leads()
        finally:
            second.process.stop()


def _frozen_leader(lane: Lane) -> Generator[None]:
    """The leader is stopped in the middle of a scale write; it wakes up when another leads."""
    with lane.stage.another_way("second") as way:
        second = lane.stage.operator("second", way)
        second.start()
        first = lane.stage.supervisor.operator
        try:
            yield
            lane.on_call("get", "scalingpolicies", Then(lambda _: first.process.freeze()), times=1)
            lane.stage.wait("the second leads", second.leads, timeout=TAKEOVER_SECONDS)
            lane.wait_for(2)
            first.process.thaw()
            yield
            yield
            assert not first.leads()
        finally:
            first.process.thaw()
            second.process.stop()


def _full_disk(stage: Stage) -> Operator:
    """No file may grow beyond 4 KiB, the log among them; there is no home and no folder for temporary files."""
    nowhere = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "KUBECACHEDIR": "/nonexistent"}
    return stage.operator("operator", stage.api, environment=nowhere, command=["prlimit", "--fsize=4096", DEADBAND])


def _writes_no_file(lane: Lane) -> Generator[None]:
    """The log is full after a few lines."""
    yield
    yield
    yield
    assert lane.stage.supervisor.operator.process.log.stat().st_size <= 4096


def _fleet_restarted(lane: Lane) -> Generator[None]:
    """The next process is ready in half a minute, and scales nothing because it is another one."""
    fleet = [f"member-{number}" for number in range(FLEET)]
    lane.muster(fleet)
    seen = lane.stage.seen
    seen.wait_for("a status of every policy", lambda: len(seen.evaluated()) > FLEET, timeout=FLEET / 5)
    yield
    lane.wait_for(2)
    supervisor, began = lane.stage.supervisor, time.monotonic()
    os.kill(supervisor.operator.process.pid, signal.SIGTERM)
    lane.stage.wait("the end", lambda: bool(supervisor.exits))
    lane.stage.wait("ready", supervisor.operator.ready, timeout=READY_SECONDS)
    time.sleep(15)  # three evaluations of every policy
    written = [one for one in lane.stage.calls() if one.replicas is not None and one.at > began]
    assert [one.name for one in written if one.name != lane.name] == [], "scaled by a restart"
    yield
    yield


_HARNESS = "SIGKILL when the API server has taken the write, before the answer"

QUICK = Fault(id="F1", name="killed-after-scale-1", what="killed after the first scale write", how=_HARNESS,
              script=_killed_after(1, "deployments/scale"), exits=(KILLED,))  # fmt: skip

_KILLS = tuple(
    Fault(id="F1", name=f"killed-after-{word}-{nth}", what=f"killed after {word} write {nth}", how=_HARNESS,
          script=_killed_after(nth, resource), exits=(KILLED,))
    for word, resource, most in (("scale", "deployments/scale", SCALES), ("status", "scalingpolicies/status", STATUSES))
    for nth in range(1, most + 1)
    if (word, nth) != ("scale", 1)
)  # fmt: skip

OPERATORS: tuple[Fault, ...] = (
    *_KILLS,
    Fault(id="F1", name="killed-after-every-write", what="killed after every scale write and every status write",
          how=_HARNESS, script=_killed_after_every_write, exits=(KILLED,), settle_seconds=180,
          differs={"scaleEvents": "two steps without a status between them are remembered as one"}),
    Fault(id="F2", name="told-to-end", what="SIGTERM while a scale write is under way", how="harness",
          script=_told_to_end, exits=(0,)),
    Fault(id="F17", name="frozen", what="SIGSTOP for 25 s", how="harness", script=_frozen),
    Fault(id="F17", name="partitioned-leader", what="the leader of two loses the API server", how="proxy",
          script=_partitioned),
    Fault(id="F17", name="frozen-leader", what="the leader of two is stopped before a scale write", how="harness",
          script=_frozen_leader),
    Fault(id="F28", name="fleet-restarted", what=f"{FLEET} policies, and a restart", how="SIGTERM",
          script=_fleet_restarted, exits=(0,)),
    Fault(id="F32", name="full-disk", what="no file may grow, no home, no folder for temporary files", how="prlimit",
          script=_writes_no_file, dress=_full_disk, excused={"O3": "the log is full, so that it tells of nothing"}),
)  # fmt: skip
