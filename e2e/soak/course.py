"""The course of a soak: everything settles, something is restarted, everything settles again; then it is judged."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from e2e.bench.pace import Pace
from e2e.chaos import oracles as of_faults
from e2e.chaos.exchanges import Exchange
from e2e.chaos.oracles import Wrong
from e2e.soak import growth, oracles
from e2e.soak.facts import Key, Scaling, exchanges, named, scalings, writes
from e2e.soak.fleet import Times, fleet
from e2e.soak.ground import Ground, open_ground
from e2e.soak.restarts import Break, Restart, carry_out
from e2e.testbed.policies import GROUP, VERSION

SETTLE_SECONDS = 120.0
"""A Lease that its holder could not release lasts 15 s, a source is tried again after 30 s, and then comes a turn."""
LOOK_SECONDS = 1.0
FIRST_PAUSE_INTERVALS = 4
"""Before the first restart, so that the first sample has seen everything written once."""
EXITS = frozenset({0, -9})
"""Codes with which an operator ends that is told to, or killed."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a soak came to.

    Attributes:
        policies, seconds: How many, and for how long.
        breaks: Every restart, oldest first.
        samples: Of both operators, each time that everything had settled.
        sizes: Of all statuses, likewise.
        oldest: Seconds since the policy was evaluated that waited longest, likewise.
        scalings: By rule and reason.
        cut_off: Scale writes whose answer, or whose line in a log, was lost in a restart.
        calls: Writes of the operators by resource.
        wrong: What the oracles found, in sentences.
    """

    policies: int
    seconds: float
    breaks: Sequence[Break]
    samples: Sequence[growth.Sample]
    sizes: Sequence[growth.Sizes]
    oldest: Sequence[float]
    scalings: dict[str, int]
    cut_off: int
    calls: dict[str, int]
    wrong: Wrong


def soak(count: int, pace: Pace, restarts: Iterable[Restart], folder: Path, say: Say, *, seconds: float) -> Outcome:
    """Play a soak.

    Args:
        count: Policies.
        pace: Of policies and scrapes.
        restarts: In their order; the course ends with them, when they end.
        folder: For data and logs.
        say: Told what goes on.
        seconds: After this no more restart is begun.
    """
    members = fleet(count)
    say(f"creating {count} policies")
    with open_ground(members, pace, folder) as ground:
        course = Course(ground, say)
        return course.run(restarts, seconds=seconds)


@dataclass
class Course:
    """A soak that is under way, with what was recorded of it."""

    ground: Ground
    say: Say
    breaks: list[Break] = field(default_factory=list)
    samples: list[growth.Sample] = field(default_factory=list)
    sizes: list[growth.Sizes] = field(default_factory=list)
    oldest: list[float] = field(default_factory=list)
    calls: list[tuple[str, Exchange]] = field(default_factory=list)
    wrong: Wrong = field(default_factory=list)
    _mark: int = 0
    _read: frozenset[str] = frozenset()
    """Ids of the audit events that were read last: the next reading begins a little before its mark."""

    def run(self, restarts: Iterable[Restart], *, seconds: float) -> Outcome:
        """Everything; the arguments are as in `soak`."""
        started = time.monotonic()
        self._settle()
        self._check(pause=FIRST_PAUSE_INTERVALS * self.ground.pace.interval)
        for restart in restarts:
            if time.monotonic() - started > seconds:
                break
            self._restart(restart)
            self._check(pause=restart.pause)
            self.ground.renew_credentials()
        self._end()
        return self._judge(time.monotonic() - started)

    def _restart(self, restart: Restart) -> None:
        self.say(f"{restart.words}")
        begin, end = carry_out(restart, self.ground)
        self._settle()
        self.breaks.append(Break(restart, begin, end, _now()))

    def _settle(self) -> None:
        """Wait until one operator leads, all are ready, and every policy was evaluated lately; note who never was."""
        deadline, wrong = time.monotonic() + SETTLE_SECONDS, [""]
        while wrong:
            time.sleep(LOOK_SECONDS)
            wrong = self._unsettled()
            if time.monotonic() > deadline:
                self.wrong += [f"not settled within {SETTLE_SECONDS:g} s: {one}" for one in wrong]
                return

    def _unsettled(self) -> Wrong:
        try:
            return growth.lost(self._ages(), self.ground.pace)
        except (TimeoutError, requests.RequestException) as error:
            return [f"{error}"]

    def _ages(self) -> dict[Key, float]:
        keys = [member.key for member in self.ground.members]
        seen = growth.pulses(self.ground.leader().operator.metrics())
        return growth.ages(keys, seen, self.ground.loads.scrapes, _now())

    def _check(self, *, pause: float) -> None:
        """After some seconds of quiet, record what everything holds, and what was written since the last time."""
        time.sleep(pause)
        self._settle()  # nobody may have been lost in the quiet either
        now, ages = _now(), self._ages()
        looked = [growth.sample(one.operator, one.operator.process.name, now) for one in self.ground.supervisors]
        statuses = growth.sizes(self._objects("apis/" + GROUP + f"/{VERSION}/scalingpolicies"), now)
        self.samples += looked
        self.sizes.append(statuses)
        self.oldest.append(max(ages.values()))
        self._read_on()
        leader = next((one for one in looked if one.leads), looked[0])
        self.say(
            f"settled: leader {leader.resident:.0f} MB, {leader.sockets} sockets, {leader.tasks} tasks; largest status "
            f"{statuses.largest} bytes; oldest evaluation {self.oldest[-1]:.0f} s; "
            f"{len(writes(one for _, one in self.calls))} scale writes so far"
        )

    def _end(self) -> None:
        """Let no more be written, so that what is on the API server is what was written last."""
        self.say("ending the operators, and judging")
        for supervisor in self.ground.supervisors:
            supervisor.pause()
        self._read_on()

    def _read_on(self) -> None:
        """Take in what was written since the last time."""
        mark = self.ground.cluster.audit_mark()
        events = self.ground.cluster.audit_events(self._mark)
        new = [event for event in events if event["auditID"] not in self._read]
        self._mark, self._read = mark, frozenset(event["auditID"] for event in events)
        self.calls += exchanges(new, self.ground.installation.user)

    def _judge(self, seconds: float) -> Outcome:
        log = self.ground.log()
        calls, logged = named(self.calls), scalings(log)
        matched = oracles.match(writes(calls), logged, self.breaks)
        exits = [each for one in self.ground.supervisors for each in one.exits]
        wrong = [
            *self.wrong,
            *of_faults.sound(log, exits, expected=EXITS),
            *of_faults.one_writer(calls),
            # An API server that has just started refuses what it has not yet read the roles for.
            *of_faults.nothing_forbidden(one for one in calls if not oracles.around(one.at, self.breaks)),
            *growth.grown(self.samples),
            *growth.swollen(self.sizes, Times(self.ground.pace.interval)),
            *matched.wrong,
            *oracles.unbroken(logged, matched.lost, self._replicas()),
            *self._judge_scalings(logged, matched),
        ]
        return Outcome(
            policies=len(self.ground.members),
            seconds=round(seconds, 1),
            breaks=self.breaks,
            samples=self.samples,
            sizes=self.sizes,
            oldest=[round(one, 1) for one in self.oldest],
            scalings=dict(Counter(f"{one.rule} {one.reason}" for one in logged).most_common()),
            cut_off=len(matched.lost) + len(matched.unseen),
            calls=dict(Counter(one.resource for one in calls if one.taken).most_common()),
            wrong=wrong,
        )

    def _judge_scalings(self, logged: Sequence[Scaling], matched: oracles.Matched) -> Wrong:
        members = {member.key: member for member in self.ground.members}
        truth = oracles.Truth(self.ground.loads.scrapes, self.ground.pace)
        wrong = []
        for one in logged:
            member = members[one.key]
            wrong += oracles.within(one, member)
            wrong += oracles.fresh(one, member, truth)
            wrong += oracles.asked(one, self.breaks)
            wrong += oracles.held(one, member, truth, self.breaks)
        for key, each in oracles.by_key(logged).items():
            lost = [write for write in matched.lost if write.key == key]
            wrong += oracles.paced(each, lost, Times(self.ground.pace.interval))
        return wrong

    def _replicas(self) -> dict[Key, int]:
        found = self._objects("apis/apps/v1/deployments")
        return {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"]["replicas"] for one in found}

    def _objects(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.ground.cluster.kubectl("get", "--raw", f"/{path}"))["items"]
        return items


def _now() -> float:
    return datetime.now(UTC).timestamp()
