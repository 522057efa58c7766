"""The oracles on scaling: what must hold of every write, whatever was restarted; facts in, sentences out.

What the fault suite's oracles say of Leases, rights and tracebacks holds here too (`e2e/chaos/oracles.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from e2e.bench.pace import Pace
from e2e.chaos.oracles import Wrong
from e2e.soak.facts import Key, Scaling, Write
from e2e.soak.fleet import (
    ABOVE,
    BELOW,
    BUDGET,
    DOWN_STEP,
    REFUGE,
    START,
    UP_STEP,
    Member,
    Role,
    Times,
    bounds,
)
from e2e.soak.loads import Scrape, depth, seen_at
from e2e.soak.restarts import Break, Part

APART_SECONDS = 10.0
"""Between a write and the line that tells of it: the answer may be slow."""
AROUND_SECONDS = 5.0
"""So close to a restart an answer, a line of the log or one of the audit log may have been lost."""
CLOCK_SECONDS = 1.0
"""What a scaling that a later leader found on its target may be off by: managedFields tell whole seconds."""

UNBOUND = frozenset({"OutOfBounds", "Fallback"})
"""Reasons of scalings that no metric, for-time, cooldown or limit binds (R2, R17)."""
SILENT = frozenset({Role.STEADY, Role.SHADOW})
"""Roles that are never scaled."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Writes and the lines that tell of them.

    Attributes:
        lost: Writes without a line, each close to a restart.
        unseen: Lines without a write in the audit log, likewise.
        wrong: Everything else that has no other half.
    """

    lost: Sequence[Write]
    unseen: Sequence[Scaling]
    wrong: Wrong


@dataclass(frozen=True, slots=True)
class Truth:
    """What the fleet's queues held.

    Attributes:
        scrapes: Every page that Prometheus asked for, oldest first.
        pace: Of policies and scrapes.
    """

    scrapes: Sequence[Scrape]
    pace: Pace

    def calls_for(self, member: Member, at: float, *, up: bool) -> bool:
        """Whether a fresh reading of a member's queue at an instant was beyond the threshold of a direction."""
        wave = Times(self.pace.interval).wave
        fresh = [one for one in seen_at(self.scrapes, at) if at - one.at <= self.pace.stale_after]
        values = [depth(member, one, wave) for one in fresh]
        return any(value is not None and (value > ABOVE if up else value < BELOW) for value in values)


def match(writes: Iterable[Write], scalings: Iterable[Scaling], breaks: Sequence[Break]) -> Matched:
    """Every write was logged with its decision, and every line tells of a write, but for what a restart cut off."""
    lines = by_key(scalings)
    lost, wrong = [], []
    for write in writes:
        line = next((one for one in lines[write.key] if _tells(one, write)), None)
        if line is not None:
            lines[write.key].remove(line)
        elif around(write.at, breaks):
            lost.append(write)
        else:
            wrong.append(f"{_words(write.key)} was set to {write.after} at {write.at:.1f}, and nothing logged why")
    left = [one for each in lines.values() for one in each]
    wrong += [f"{told(one)}: the API server took no such write" for one in left if not around(one.at, breaks)]
    return Matched(lost, [one for one in left if around(one.at, breaks)], wrong)


def unbroken(scalings: Iterable[Scaling], lost: Iterable[Write], end: Mapping[Key, int]) -> Wrong:
    """Each scaling of a target begins where the one before it ended, and the last one ended where the target is.

    Args:
        scalings: As logged.
        lost: Writes that were not.
        end: Replicas of every target at the end.
    """
    steps: dict[Key, list[tuple[float, int | None, int]]] = defaultdict(list)
    for one in scalings:
        steps[one.key].append((one.at, one.before, one.after))
    for write in lost:
        steps[write.key].append((write.at, None, write.after))
    wrong = []
    for key, replicas in end.items():
        reached = START
        for at, before, after in sorted(steps[key], key=lambda step: step[0]):
            if before not in (None, reached):
                wrong.append(f"{_words(key)} was scaled from {before} at {at:.1f}, and had been left at {reached}")
            reached = after
        if reached != replicas:
            wrong.append(f"{_words(key)} has {replicas} replicas, and was left at {reached}")
    return wrong


def within(one: Scaling, member: Member) -> Wrong:
    """A scaling ends within the bounds of its instant; by metrics it is no larger than a step; some roles have none."""
    low, high = bounds(member, one.evaluated)
    if member.role in SILENT:
        return [f"{told(one)}: nothing may scale it"]
    if not low <= one.after <= high:
        return [f"{told(one)}: outside of {low} to {high}"]
    if one.reason == "Fallback":
        return [] if member.role is Role.REFUGE and one.after == REFUGE else [f"{told(one)}: no such fallback"]
    if one.reason == "OutOfBounds":
        return [f"{told(one)}: {one.before} is not out of bounds"] if low <= one.before <= high else []
    return [] if -DOWN_STEP <= one.change <= UP_STEP else [f"{told(one)}: more than a step"]


def fresh(one: Scaling, member: Member, truth: Truth) -> Wrong:
    """A scaling by metrics rests on a reading that is fresh and beyond the threshold of its direction."""
    if one.reason in UNBOUND or truth.calls_for(member, one.evaluated, up=one.change > 0):
        return []
    return [f"{told(one)}: no fresh reading called for it"]


def asked(one: Scaling, breaks: Iterable[Break]) -> Wrong:
    """No scaling by metrics is decided while Prometheus is away."""
    away = [each for each in breaks if each.restart.part is Part.PROMETHEUS and each.begin < one.evaluated < each.end]
    return [f"{told(one)}: Prometheus was away"] if away and one.reason not in UNBOUND else []


def held(one: Scaling, member: Member, truth: Truth, breaks: Iterable[Break]) -> Wrong:
    """What a scaling by metrics rests on held at every evaluation of its for-time.

    Judged where nothing was restarted meanwhile: unknown time stops the clock of a for-time, and is not known here.
    """
    up, interval = one.change > 0, truth.pace.interval
    times = Times(interval)
    spell = times.up_for if up else times.down_for
    since = one.evaluated - spell
    if one.reason in UNBOUND or any(each.begin < one.evaluated and each.settled > since for each in breaks):
        return []
    before = [one.evaluated - back for back in range(interval, spell + 1, interval)]
    missing = [at for at in before if not truth.calls_for(member, at, up=up)]
    return [f"{told(one)}: {one.evaluated - at:.0f} s before nothing called for it" for at in missing]


def paced(scalings: Sequence[Scaling], lost: Iterable[Write], times: Times) -> Wrong:
    """Cooldowns and the limit hold between the scalings of one target.

    Args:
        scalings: Of one target, oldest first.
        lost: Its writes that were not logged; they count against what comes after them.
        times: Of its policy.
    """
    replicas, past, wrong = START, _Past(times), []
    steps: list[tuple[float, int, Scaling | None]] = [(one.evaluated, one.after, one) for one in scalings]
    steps += [(write.at - CLOCK_SECONDS, write.after, None) for write in lost]
    for at, after, one in sorted(steps, key=lambda step: step[0]):
        change = one.change if one is not None else after - replicas
        bound = one is not None and one.reason not in UNBOUND
        wrong += [f"{told(one)}: {fault}" for fault in past.faults(at, change) if one is not None and bound]
        past.add(at, change, credited=bound)
        replicas = after
    return wrong


class _Past:
    """The scalings of one target so far, as R10 and R11 count them."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._all: list[tuple[float, int]] = []
        self._begun = float("-inf")
        self._given = 0

    def faults(self, at: float, change: int) -> Wrong:
        """What forbids a scaling by metrics now."""
        found = []
        if change < 0 and self._all and at - self._all[-1][0] < self._times.down_cooldown - CLOCK_SECONDS:
            found.append(f"{at - self._all[-1][0]:.1f} s into a cooldown of {self._times.down_cooldown} s")
        if change > 0 and self._cools(at) and self._given + change > UP_STEP:
            found.append(f"{self._given + change} added in a cooldown of {self._times.up_cooldown} s")
        period = self._times.budget_period - CLOCK_SECONDS
        net = sum(each for when, each in self._all if at - when < period)  # as the HPA: what went makes room
        if change > 0 and net + change > BUDGET:
            found.append(f"{net + change} added within {self._times.budget_period} s")
        return found

    def add(self, at: float, change: int, *, credited: bool) -> None:
        """Count one; an up in the cooldown does not begin it anew when it was credited by it."""
        self._all.append((at, change))
        if change > 0 and credited and self._cools(at):
            self._given += change
        elif change > 0:
            self._begun, self._given = at, change

    def _cools(self, at: float) -> bool:
        return at - self._begun < self._times.up_cooldown - CLOCK_SECONDS


def by_key(scalings: Iterable[Scaling]) -> dict[Key, list[Scaling]]:
    """The scalings of each target, in the order given."""
    found: dict[Key, list[Scaling]] = defaultdict(list)
    for one in scalings:
        found[one.key].append(one)
    return found


def told(one: Scaling) -> str:
    """A scaling in words."""
    return f"{_words(one.key)} from {one.before} to {one.after} at {one.evaluated:.1f} ({one.rule}, {one.reason})"


def _tells(line: Scaling, write: Write) -> bool:
    return line.after == write.after and -CLOCK_SECONDS <= line.at - write.at <= APART_SECONDS


def around(at: float, breaks: Iterable[Break]) -> bool:
    """Whether something else than Prometheus was restarted then."""
    return any(
        each.begin - AROUND_SECONDS <= at <= each.end + AROUND_SECONDS
        for each in breaks
        if each.restart.part is not Part.PROMETHEUS
    )


def _words(key: Key) -> str:
    return "/".join(key)
