"""Questions about a span of time: its instants, how it is cut, and what comes back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

MOST_POINTS = 11_000
"""Prometheus refuses a range query that would give more points than this for one series."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Evenly spaced instants.

    Attributes:
        start: Unix second of the first.
        step: Seconds between two; at least 1.
        count: How many; at least 1.
    """

    start: int
    step: int
    count: int

    @classmethod
    def between(cls, start: datetime, end: datetime, step: int) -> "Grid":
        """From `start` (cut to the second) every `step` seconds, up to and including `end`; `end` is not before it."""
        first, last = int(start.timestamp()), int(end.timestamp())
        return cls(first, step, (last - first) // step + 1)

    @property
    def end(self) -> int:
        """Unix second of the last instant."""
        return self.start + (self.count - 1) * self.step

    def at(self, index: int) -> datetime:
        """An instant, aware UTC."""
        return datetime.fromtimestamp(self.start, UTC) + timedelta(seconds=index * self.step)

    def index(self, seconds: float) -> int:
        """Which instant an answer's Unix time belongs to; may lie outside of the grid."""
        return round((seconds - self.start) / self.step)

    def parts(self, most: int) -> Iterator["Grid"]:
        """The same instants in order, at most `most` in each part."""
        for first in range(0, self.count, most):
            yield Grid(self.start + first * self.step, self.step, min(most, self.count - first))

    def halves(self) -> tuple["Grid", "Grid"]:
        """Two parts that differ by one instant at most; there must be two instants."""
        first, second = self.parts((self.count + 1) // 2)
        return first, second


@dataclass(frozen=True, slots=True)
class RangeSeries:
    """One series of a range answer.

    Attributes:
        labels: As in an instant answer.
        points: Unix time and value, in order, only where there is one; None for NaN, the infinities and histograms.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, Fraction | None]]


@dataclass(frozen=True, slots=True)
class RangeAnswered:
    """What one range query gave.

    Attributes:
        grid: The instants it was asked for.
        series: In the order of the answer.
        warnings: What Prometheus warned of; each makes every reading of the grid Partial (R1).
    """

    grid: Grid
    series: tuple[RangeSeries, ...]
    warnings: tuple[str, ...] = ()
