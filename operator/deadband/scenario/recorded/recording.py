"""Range answers as what a policy would have read at each instant."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from deadband.core.types import Reading
from deadband.queries.plan import Plan
from deadband.queries.ranges import Grid, RangeAnswered
from deadband.queries.types import Answer, Answered, Failed, Question, Series

_Column = list[Fraction | None]
_GAP = Fraction(-1, 3)
"""Marks an instant without a sample, by identity: None is a sample that is no number."""

Row = tuple[Fraction | None, ...]


class Track:
    """The answers to one question over a grid.

    Attributes:
        failed: Why there are none at any instant; None where there are.
    """

    def __init__(self, grid: Grid, question: Question) -> None:
        self._grid = grid
        self.failed: Failed | None = None
        self._limit = question.limit
        self._columns: dict[tuple[tuple[str, str], ...], _Column] = {}
        self._labels: list[Mapping[str, str]] = []
        self._warnings: dict[int, tuple[str, ...]] = {}

    def add(self, answer: RangeAnswered) -> None:
        """Take in one part."""
        for series in answer.series:
            column = self._column(series.labels)
            for at, value in series.points:
                index = self._grid.index(at)
                if 0 <= index < self._grid.count:
                    column[index] = value
        if answer.warnings:
            first = self._grid.index(answer.grid.start)
            self._warnings.update(dict.fromkeys(range(first, first + answer.grid.count), answer.warnings))

    def row(self, index: int) -> tuple[Row, tuple[str, ...]]:
        """Everything at one instant, gaps included, and the warnings: equal rows are equal answers."""
        return tuple(column[index] for column in self._columns.values()), self._warnings.get(index, ())

    @property
    def first(self) -> int | None:
        """The first instant with any sample; None without one."""
        starts = (
            next((index for index, value in enumerate(column) if value is not _GAP), None)
            for column in self._columns.values()
        )
        return min((start for start in starts if start is not None), default=None)

    def answer(self, row: tuple[Row, tuple[str, ...]]) -> Answer:
        """The instant answer that a row stands for, cut as the live adapter cuts it."""
        if self.failed is not None:
            return self.failed
        values, warnings = row
        series = [
            Series(labels, value) for labels, value in zip(self._labels, values, strict=True) if value is not _GAP
        ]
        return Answered(tuple(series[: self._limit]), warnings)

    def numbers(self) -> list[int | None]:
        """The first series, as whole numbers; None where there is none."""
        column = next(iter(self._columns.values()), [_GAP] * self._grid.count)
        return [None if value is None or value is _GAP else int(value) for value in column]

    def _column(self, labels: Mapping[str, str]) -> _Column:
        key = tuple(sorted(labels.items()))
        if key not in self._columns:
            self._columns[key] = [_GAP] * self._grid.count
            self._labels.append(labels)
        return self._columns[key]


class Recording:
    """What a policy's metrics and vetoes read at each instant."""

    def __init__(self, plan: Plan, tracks: Mapping[Question, Track], grid: Grid) -> None:
        """Take the tracks of (at least) the plan's questions."""
        self.grid = grid
        self._groups = [(group, tracks[group.question]) for group in plan.groups]
        self._last: list[tuple[Row, tuple[str, ...]] | None] = [None] * len(plan.groups)
        self._readings: dict[str, Reading] = {key.name: reading for key, reading in plan.refused.items()}

    def readings(self, index: int, now: datetime) -> dict[str, Reading]:
        """By name of metric, or of veto with its prefix; as the live plan reads them at this instant, which is `now`.

        Asked in the order of the instants; what is equal to the instant before is not worked out again.
        """
        for place, (group, track) in enumerate(self._groups):
            row = track.row(index)
            if row != self._last[place]:
                self._last[place] = row
                self._readings.update((key.name, read) for key, read in group.read(track.answer(row), now=now))
        return self._readings

    def first_samples(self) -> dict[str, int | None]:
        """By name of metric or veto, as for `readings`: the first instant with any sample; None without one."""
        return {need.key.name: track.first for group, track in self._groups for _, need in group.members}


def carried_forward(numbers: Iterable[int | None]) -> list[int | None]:
    """Fill every gap with the last number before it, and those at the beginning with the first; None without any."""
    numbers = list(numbers)
    last = next((number for number in numbers if number is not None), None)
    filled = []
    for number in numbers:
        last = last if number is None else number
        filled.append(last)
    return filled
