"""Range answers as what a policy would have read at each instant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.core.types import Absent, Reading
from deadband.queries.plan import Plan, PlanGroup
from deadband.queries.ranges import Grid, RangeAnswered
from deadband.queries.resource import UNCLEAR, ResourceRecipe
from deadband.queries.types import Answer, Answered, Failed, Need, Question, Series

_Column = list[Fraction | None]
_GAP = Fraction(-1, 3)
"""Marks an instant without a sample, by identity: None is a sample that is no number."""

_NEAR = 30
"""Instants: a longer gap is worth a query of its own."""

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


class SecondLook:
    """One metric where the first look left it unclear: range answers over the spans of time in which it did."""

    def __init__(self, group: PlanGroup, tracks: Sequence[tuple[Grid, Track]]) -> None:
        """Take the answers.

        Args:
            group: The planned second look; it has one member.
            tracks: By span; spans share the step of the recording.
        """
        self._group = group
        self._tracks = tracks

    def reading(self, now: datetime) -> Reading:
        """As the live plan reads it at this instant; Error outside of every span."""
        at = now.timestamp()
        for grid, track in self._tracks:
            if grid.start <= at <= grid.end:
                answer = track.answer(track.row(grid.index(at)))
                return next(reading for _, reading in self._group.read(answer, now=now))
        return Absent(Reason.ERROR, "the pods were not looked at one by one at this instant")


class Recording:
    """What a policy's metrics and vetoes read at each instant."""

    def __init__(
        self,
        plan: Plan,
        tracks: Mapping[Question, Track],
        grid: Grid,
        second: Mapping[str, SecondLook] | None = None,
    ) -> None:
        """Take what was read.

        Args:
            plan: Of the policy.
            tracks: Of (at least) the plan's questions.
            grid: The instants.
            second: By metric name, where the first look was unclear at any instant (`unclear`).
        """
        self.grid = grid
        self._plan = plan
        self._groups = [(group, tracks[group.question]) for group in plan.groups]
        self._last: list[tuple[Row, tuple[str, ...]] | None] = [None] * len(plan.groups)
        self._readings: dict[str, Reading] = {key.name: reading for key, reading in plan.refused.items()}
        self._second = second or {}

    def readings(self, index: int, now: datetime) -> dict[str, Reading]:
        """By name of metric, or of veto with its prefix; as the live plan reads them at this instant, which is `now`.

        Asked in the order of the instants; what is equal to the instant before is not worked out again.
        """
        for place, (group, track) in enumerate(self._groups):
            row = track.row(index)
            if row != self._last[place]:
                self._last[place] = row
                self._readings.update((key.name, read) for key, read in group.read(track.answer(row), now=now))
        if not self._second:
            return self._readings
        settled = {
            name: look.reading(now) for name, look in self._second.items() if self._readings.get(name) is UNCLEAR
        }
        return {**self._readings, **settled}

    def unclear(self) -> dict[Need, tuple[Grid, ...]]:
        """By need, the spans of time in which the first look left it unclear; empty where it never did."""
        found: dict[Need, list[int]] = defaultdict(list)
        for group, track in self._groups:
            if not isinstance(group.recipe, ResourceRecipe):
                continue
            for index in range(self.grid.count):
                row = track.row(index)
                readings = dict(group.read(track.answer(row), now=self.grid.at(index)))
                for _, need in group.members:
                    if readings[need.key] is UNCLEAR:
                        found[need].append(index)
        return {need: tuple(_spans(self.grid, indexes)) for need, indexes in found.items()}

    def first_samples(self) -> dict[str, int | None]:
        """By name of metric or veto, as for `readings`: the first instant with any sample; None without one."""
        return {need.key.name: track.first for group, track in self._groups for _, need in group.members}


def _spans(grid: Grid, indexes: Sequence[int]) -> Iterator[Grid]:
    """Parts of a grid that hold all of these instants; those that are near each other share a part."""
    first = last = indexes[0]
    for index in indexes[1:]:
        if index - last > _NEAR:
            yield Grid(int(grid.at(first).timestamp()), grid.step, last - first + 1)
            first = index
        last = index
    yield Grid(int(grid.at(first).timestamp()), grid.step, last - first + 1)


def carried_forward(numbers: Iterable[int | None]) -> list[int | None]:
    """Fill every gap with the last number before it, and those at the beginning with the first; None without any."""
    numbers = list(numbers)
    last = next((number for number in numbers if number is not None), None)
    filled = []
    for number in numbers:
        last = last if number is None else number
        filled.append(last)
    return filled
