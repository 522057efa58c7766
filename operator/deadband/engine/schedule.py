"""When each policy is evaluated: a fixed grid, so that a restart changes nothing and no load piles up.

Every policy has a phase on a grid of five seconds, taken from its namespace. Policies of one phase are evaluated
together, which lets them share queries, and a query selects whole namespaces: each is read once in an interval. The
phases spread the load over the interval. The grid is tied to the epoch, the waiting to the monotonic clock. Pure: both
clocks come in as numbers.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from zlib import crc32

GRID_SECONDS = 5
"""Distance of two phases."""

GRACE_SECONDS = 0.02
"""Fired so much after the grid's instant, so that a clock read at the evaluation never shows the second before."""

MINIMUM_PAUSE_SECONDS = 1.0
"""A policy that is edited again and again is evaluated at most this often."""


@dataclass(frozen=True, slots=True)
class Due:
    """One policy that is to be evaluated now.

    Attributes:
        uid: The policy's UID.
        late_seconds: How long ago it should have been.
        skipped: Evaluations of its grid that were missed for good.
    """

    uid: str
    late_seconds: float
    skipped: int


@dataclass(slots=True)
class _Entry:
    namespace: str
    interval: int
    due: float
    last: float | None = None


def phase(namespace: str, interval: int) -> int:
    """Where on its interval a namespace's policy is evaluated, in seconds after a multiple of it since the epoch."""
    slots = max(1, interval // GRID_SECONDS)
    return crc32(namespace.encode()) % slots * GRID_SECONDS


def next_on_grid(namespace: str, interval: int, *, after: float) -> float:
    """The first instant of the policy's grid that is later than `after`; both in seconds since the epoch."""
    start = phase(namespace, interval)
    return start + (floor((after - start) / interval) + 1) * interval


class Schedule:
    """Due times of every policy.

    All times are seconds of the monotonic clock. `offset` is what must be added to reach the epoch; it is given
    anew with each call, so that the grid follows the wall clock when that is set, without ever firing twice.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[float, str]] = []

    def put(self, uid: str, namespace: str, interval: int, *, now: float) -> None:
        """Add a policy, or note that it changed: it is due at once, but not twice within a second."""
        entry = self._entries.setdefault(uid, _Entry(namespace, interval, now))
        entry.interval = interval
        self._plan(uid, entry, now if entry.last is None else max(now, entry.last + MINIMUM_PAUSE_SECONDS))

    def drop(self, uid: str) -> None:
        """Forget a policy; unknown ones are no error."""
        self._entries.pop(uid, None)

    def clear(self) -> None:
        """Forget every policy."""
        self._entries.clear()
        self._heap.clear()

    def next_due(self) -> float | None:
        """When the next policy is due; None when there is none."""
        self._discard_outdated()
        return self._heap[0][0] if self._heap else None

    def take_due(self, *, now: float, offset: float) -> Iterator[Due]:
        """Yield every policy that is due, and plan its next evaluation on its grid."""
        while True:
            self._discard_outdated()
            if not self._heap or self._heap[0][0] > now:
                return
            due, uid = heapq.heappop(self._heap)
            entry = self._entries[uid]
            late = now - due
            entry.last = now
            following = next_on_grid(entry.namespace, entry.interval, after=now + offset)
            self._plan(uid, entry, following - offset + GRACE_SECONDS)
            yield Due(uid, late, floor(late / entry.interval))

    def _plan(self, uid: str, entry: _Entry, due: float) -> None:
        entry.due = due
        heapq.heappush(self._heap, (due, uid))

    def _discard_outdated(self) -> None:
        while self._heap:
            due, uid = self._heap[0]
            entry = self._entries.get(uid)
            if entry is not None and entry.due == due:
                return
            heapq.heappop(self._heap)
