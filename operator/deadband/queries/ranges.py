"""Questions about a span of time: its instants, how it is cut, and what comes back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

MOST_POINTS = 11_000
"""Prometheus refuses a range query of more points than this for one series. (It counts steps, and so gives one more;
whoever counts points would not.)"""


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
        """Every `step` seconds from `start` up to and including `end`, which is not before it.

        The first instant is the last multiple of the step since 1970 that is not after `start`: whoever asks for the
        last seven days again and again asks for the same instants.
        """
        first, last = int(start.timestamp()) // step * step, int(end.timestamp())
        return cls(first, step, (last - first) // step + 1)

    @property
    def end(self) -> int:
        """Unix second of the last instant."""
        return self.start + (self.count - 1) * self.step

    def at(self, index: int) -> datetime:
        """An instant, aware UTC."""
        return datetime.fromtimestamp(self.start, UTC) + timedelta(seconds=index * self.step)

    def instants(self) -> Iterator[datetime]:
        """All of them in order, aware UTC."""
        now, step = self.at(0), timedelta(seconds=self.step)
        for _ in range(self.count):
            yield now
            now += step

    def index(self, seconds: float) -> int:
        """Which instant an answer's Unix time belongs to; may lie outside of the grid."""
        return round((seconds - self.start) / self.step)

    def within(self, other: "Grid") -> "Grid | None":
        """These instants as far as the other one has them, too; None when it has none. Both share step and phase."""
        first, last = max(self.start, other.start), min(self.end, other.end)
        return Grid(first, self.step, (last - first) // self.step + 1) if first <= last else None

    def without(self, others: Iterable["Grid"]) -> Iterator["Grid"]:
        """What is left, in order, without the instants of the others; all share step and phase."""
        first = self.start
        for other in sorted(others, key=lambda each: each.start):
            if first < min(other.start, self.end + self.step):
                yield Grid(first, self.step, (min(other.start, self.end + self.step) - first) // self.step)
            first = max(first, other.end + self.step)
        if first <= self.end:
            yield Grid(first, self.step, (self.end - first) // self.step + 1)

    def up_to(self, seconds: int) -> Iterator["Grid"]:
        """Cut in two: the instants up to and including a Unix second, and those after it; only what is not empty."""
        early = min(max(0, (seconds - self.start) // self.step + 1), self.count)
        if early:
            yield Grid(self.start, self.step, early)
        if early < self.count:
            yield Grid(self.start + early * self.step, self.step, self.count - early)

    def last(self, most: int) -> "Grid":
        """The last instants, at most so many."""
        count = min(most, self.count)
        return Grid(self.start + (self.count - count) * self.step, self.step, count)

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
