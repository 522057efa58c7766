"""What must not grow, and who may not be lost: samples of the processes, of status, and of evaluations."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from deadband.core.history import REVERSALS_WINDOW
from e2e.bench import meter
from e2e.bench.pace import Pace
from e2e.chaos.oracles import Wrong
from e2e.soak.facts import Key
from e2e.soak.fleet import PULSE, Times
from e2e.soak.loads import Scrape
from e2e.testbed.installation import Operator

ROOM = 16
"""Connections, descriptors and threads by which two moments of one process may differ: the pools keep as many
connections as calls were ever under way at once, which are 8 scale writes, 4 status writes and 4 queries."""
TASKS_ROOM = 64
"""Tasks likewise: beside those calls, what is evaluated when the sample is taken, one task for each namespace."""
MEMORY_SHARE, MEMORY_MEGABYTES = 1.25, 32.0
"""The allocator keeps what the widest moment needed: a listing of all policies while all of them are evaluated."""
LISTS = {"conditions": 10, "metrics": 2, "reverts": 0}
"""Most entries of the lists whose length does not depend on time."""
OBJECT_BYTES, EVENT_BYTES = 6000, 120
"""A status without its past, and one entry of the past, as JSON."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One operator at one moment.

    Attributes:
        at: Unix time.
        identity: Which one.
        pid: Another one after every restart.
        leads: Whether it led.
        resident: Megabytes.
        descriptors, sockets, threads, tasks: How many were open or alive.
    """

    at: float
    identity: str
    pid: int
    leads: bool
    resident: float
    descriptors: int
    sockets: int
    threads: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """The status of all policies at one moment.

    Attributes:
        at: Unix time.
        largest: Bytes of the largest one as JSON.
        longest: Most entries of each list.
    """

    at: float
    largest: int
    longest: Mapping[str, int]


def sample(operator: Operator, identity: str, at: float) -> Sample:
    """Look at a running operator (proc(5): fd, status)."""
    pid, shown = operator.process.pid, operator.metrics()
    descriptors = _descriptors(pid)
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Sample(
        at=at,
        identity=identity,
        pid=pid,
        leads=meter.samples(shown, "deadband_leader") == {(): 1.0},
        resident=meter.memory(pid).now,
        descriptors=len(descriptors),
        sockets=sum(one.startswith("socket:") for one in descriptors),
        threads=threads,
        tasks=round(meter.samples(shown, "deadband_event_loop_tasks")[()]),
    )


def sizes(policies: Iterable[Mapping[str, Any]], at: float) -> Sizes:
    """Measure the status of ScalingPolicies as the API server shows them."""
    statuses = [one.get("status") or {} for one in policies]
    lists = [{name: len(value) for name, value in one.items() if isinstance(value, list)} for one in statuses]
    names = sorted({name for one in lists for name in one})
    longest = {name: max(one.get(name, 0) for one in lists) for name in names}
    return Sizes(at, max(len(json.dumps(one, separators=(",", ":"))) for one in statuses), longest)


def pulses(shown: str) -> dict[Key, int]:
    """The number of the scrape that each policy was last evaluated on, of an operator's own metrics."""
    values = meter.samples(shown, "deadband_policy_metric_value")
    return {(namespace, policy): int(value) for (metric, namespace, policy), value in values.items() if metric == PULSE}


def ages(keys: Iterable[Key], seen: Mapping[Key, int], scrapes: Sequence[Scrape], now: float) -> dict[Key, float]:
    """How many seconds old each policy's readings are; infinitely, where it has none."""
    return {key: now - scrapes[seen[key]].at if key in seen else float("inf") for key in keys}


def lost(old: Mapping[Key, float], pace: Pace) -> Wrong:
    """No policy was last evaluated more than three intervals ago."""
    most = 3 * pace.interval + pace.scrape
    return [f"{'/'.join(key)} was last evaluated {age:.0f} s ago" for key, age in old.items() if age > most]


def grown(samples: Sequence[Sample]) -> Wrong:
    """No operator holds more than the one that led when everything had settled first, but for some room."""
    first = next((one for one in samples if one.leads), None)
    if first is None:
        return ["nobody led when a sample was taken"]
    most = {
        "resident": first.resident * MEMORY_SHARE + MEMORY_MEGABYTES,
        "descriptors": first.descriptors + ROOM,
        "sockets": first.sockets + ROOM,
        "threads": first.threads + ROOM,
        "tasks": first.tasks + TASKS_ROOM,
    }
    return [
        f"{one.identity} ({one.pid}) at {one.at:.0f}: {name} {getattr(one, name):g}, at first {getattr(first, name):g}"
        for one in samples
        for name, bound in most.items()
        if getattr(one, name) > bound
    ]


def swollen(found: Iterable[Sizes], times: Times) -> Wrong:
    """No list in a status is longer than its rule lets it be, and no status larger than its lists."""
    events = -(-REVERSALS_WINDOW // timedelta(seconds=times.interval)) + 1
    most = {**LISTS, "scaleEvents": events, "wishes": 2 * 2 + 2}
    largest = OBJECT_BYTES + EVENT_BYTES * events
    wrong = []
    for one in found:
        wrong += [
            f"{name} of a status has {length} entries at {one.at:.0f}, and may have {most.get(name, 0)}"
            for name, length in one.longest.items()
            if length > most.get(name, 0)
        ]
        if one.largest > largest:
            wrong.append(f"a status has {one.largest} bytes at {one.at:.0f}, and may have {largest}")
    return wrong


def _descriptors(pid: int) -> list[str]:
    """What each open descriptor leads to; one that is closed meanwhile is left out."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(path.readlink()))
        except FileNotFoundError:
            continue
    return found
