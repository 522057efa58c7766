"""What is remembered of a source: whether to ask it at all, and what its status shows."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from deadband.queries.sampling import Sampling
from deadband.queries.types import Failed

_LATENCIES = 64
_RATE_WINDOW_SECONDS = 300.0
_RATE_SAMPLES = 10_000
_RATE_KNOWN_SECONDS = 60.0
"""A rate over less than this is the rate of starting up."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A source as its status shows it.

    Attributes:
        reachable: Whether the last query got an answer; None when none was asked.
        version: What /api/v1/status/buildinfo tells; None when unknown.
        latency_seconds: Median of the last 64 queries; None when none was asked.
        queries_per_second: Over the last five minutes, or since the first query; None until that is a minute ago.
        last_error: Class of the last failure, never a body.
        last_error_time: When that was asked.
        ignores_lookback: True when the backend is known to ignore lookback_delta, so that a series keeps answering
            for five minutes after it died; None when that is not known.
        sampling: How often it scrapes; None when that is not known.
    """

    reachable: bool | None = None
    version: str | None = None
    latency_seconds: float | None = None
    queries_per_second: float | None = None
    last_error: str | None = None
    last_error_time: datetime | None = None
    ignores_lookback: bool | None = None
    sampling: Sampling | None = None


class Breaker:
    """Stops asking a source that fails, and lets one question through now and then to see whether it is back.

    Only failures of the source count, not those of a query. Safe to use from several threads.
    """

    def __init__(
        self, *, opens_after: int = 5, rest_seconds: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start closed.

        Args:
            opens_after: Consecutive failures until it opens.
            rest_seconds: How long an open breaker lets nothing through; a failed probe starts it anew.
            clock: Monotonic seconds.
        """
        self._opens_after = opens_after
        self._rest = rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opened = 0.0
        self._last: Failed | None = None

    def refusal(self) -> Failed | None:
        """The answer to give instead of asking, or None while it is closed.

        The first caller after the rest gets None and is the probe; the others wait for what it finds.
        """
        with self._lock:
            if self._failures < self._opens_after or self._last is None:
                return None
            if self._clock() - self._opened >= self._rest:
                self._opened = self._clock()
                return None
            # The failure itself, not how often it came: a text that changed would be written to every status.
            return self._last

    @property
    def is_open(self) -> bool:
        """True from the failure that opened it until an answer comes."""
        with self._lock:
            return self._failures >= self._opens_after

    def succeeded(self) -> None:
        """Close it."""
        with self._lock:
            self._failures = 0

    def failed(self, failure: Failed) -> None:
        """Count a failure of the source."""
        with self._lock:
            self._failures += 1
            self._last = failure
            self._opened = self._clock()


@dataclass(slots=True)
class Vitals:
    """Figures of one source; safe to use from several threads.

    Attributes:
        clock: Monotonic seconds.
        reachable: As in SourceHealth.
        version: As in SourceHealth.
        ignores_lookback: As in SourceHealth.
        sampling: As in SourceHealth.
    """

    clock: Callable[[], float] = time.monotonic
    reachable: bool | None = None
    version: str | None = None
    ignores_lookback: bool | None = None
    sampling: Sampling | None = None
    _last: tuple[str, datetime] | None = None
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))
    _asked: deque[float] = field(default_factory=lambda: deque(maxlen=_RATE_SAMPLES))
    _first: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, seconds: float, failure: Failed | None, *, reachable: bool, at: datetime) -> None:
        """Take in one query that was sent."""
        now = self.clock()
        with self._lock:
            self._first = now if self._first is None else self._first
            self._asked.append(now)
            self._seconds.append(seconds)
            self.reachable = reachable
            if failure is not None:
                self._last = (failure.message, at)

    def not_asked(self, failure: Failed, *, at: datetime) -> None:
        """Take in that nothing could be sent."""
        with self._lock:
            self.reachable = False
            self._last = (failure.message, at)

    def health(self) -> SourceHealth:
        """The figures as of now."""
        now = self.clock()
        with self._lock:
            while self._asked and now - self._asked[0] > _RATE_WINDOW_SECONDS:
                self._asked.popleft()
            span = min(_RATE_WINDOW_SECONDS, now - self._first if self._first is not None else 0.0)
            message, at = self._last or (None, None)
            return SourceHealth(
                reachable=self.reachable,
                version=self.version,
                latency_seconds=median(self._seconds) if self._seconds else None,
                queries_per_second=len(self._asked) / span if span >= _RATE_KNOWN_SECONDS else None,
                last_error=message,
                last_error_time=at,
                ignores_lookback=self.ignores_lookback,
                sampling=self.sampling,
            )
