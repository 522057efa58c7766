"""What a run came to, lane by lane, made of what the proxies saw: the input of the oracles. Pure."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from e2e.chaos.exchanges import Exchange
from e2e.chaos.play import START
from e2e.chaos.supervisor import Exit
from e2e.chaos.tampering import Then, Truncate

_SCALED = re.compile(r"scaled (\S+) from (\d+) to (\d+): ")


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale write that the API server took.

    Attributes:
        asked: When it was asked for, in seconds of the monotonic clock.
        at: When it had been taken.
        before: What the write before it, or the play's beginning, had left.
        after: What it asked for.
        told: Whether the operator got the answer.
        decided: The instant of the evaluation behind it, in seconds since the epoch, as it asked Prometheus; NaN when
            it asked nothing.
    """

    asked: float
    at: float
    before: int
    after: int
    told: bool = True
    decided: float = math.nan

    @property
    def up(self) -> bool:
        """Whether it added replicas."""
        return self.after > self.before


@dataclass(frozen=True, slots=True)
class Reading:
    """What a Prometheus said of one lane.

    Attributes:
        at: When, in seconds of the monotonic clock.
        value: None when it had no number to tell, or something befell the answer on its way.
        instant: What was asked about, in seconds since the epoch, by the operator's clock.
        age: By how many seconds that is past, by ours.
    """

    at: float
    value: float | None
    instant: float
    age: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One lane of one run.

    Attributes:
        lane: Its name.
        scales: Oldest first.
        readings: Oldest first.
        statuses: When status writes of the policy were taken.
        end: As play.end_state gives it.
    """

    lane: str
    scales: Sequence[Scale]
    readings: Sequence[Reading]
    statuses: Sequence[float]
    end: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What belongs to a run, not to a lane.

    Attributes:
        log: Everything that its operators logged.
        exits: Ends of their processes that were not asked for.
        calls: Every request to the API server, oldest first.
        ready: Whether /readyz and /livez passed at the end.
    """

    log: str
    exits: Sequence[Exit]
    calls: Sequence[Exchange]
    ready: bool


def scales_of(calls: Iterable[Exchange], namespace: str, lane: str, readings: Sequence[Reading]) -> list[Scale]:
    """The scale writes on a lane's target that were taken."""
    found: list[Scale] = []
    for one in calls:
        if one.replicas is None or not one.taken or (one.namespace, one.name) != (namespace, lane):
            continue
        before = found[-1].after if found else START
        # What is done in between ends the operator, though the proxy may still find a socket to write the answer into.
        told = one.status == one.upstream and one.fault not in (Truncate.__name__, Then.__name__)
        last = last_before(readings, one.at)
        decided = last.instant if last is not None else math.nan
        found.append(Scale(one.at, one.answered, before, one.replicas, told, decided))
    return found


def last_before(readings: Iterable[Reading], at: float) -> Reading | None:
    """The reading on which an evaluation decided that wrote at an instant."""
    return max((one for one in readings if one.at <= at), key=lambda one: one.at, default=None)


def statuses_of(calls: Iterable[Exchange], namespace: str, lane: str) -> list[float]:
    """When the status writes of a lane's policy were taken."""
    return [
        one.answered
        for one in calls
        if one.resource == "scalingpolicies/status" and one.taken and (one.namespace, one.name) == (namespace, lane)
    ]


def readings_of(queries: Iterable[Exchange], query: str, *, epoch: float) -> list[Reading]:
    """What was answered to a lane's query.

    Args:
        queries: Oldest first.
        query: The lane's.
        epoch: What must be added to the monotonic clock to get seconds since the epoch.
    """
    found = []
    for one in queries:
        if one.name == query:
            instant, at = float(one.body["time"]), one.answered or one.at
            value = None if one.fault else _value(one.answer)
            found.append(Reading(at, value, instant, one.at + epoch - instant))
    return found


def logged_scales(log: str) -> list[tuple[str, int, int]]:
    """Target, replicas before and after of every scaling that was logged."""
    return [(name, int(before), int(after)) for name, before, after in _SCALED.findall(log)]


def _value(answer: bytes) -> float | None:
    try:
        (row,) = json.loads(answer)["data"]["result"]
        return float(row["value"][1])
    except (ValueError, KeyError, TypeError):
        return None
