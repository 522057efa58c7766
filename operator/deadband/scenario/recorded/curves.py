"""Lines of a chart as SVG paths in a box 1000 wide and 100 high, thinned to what can be seen. Pure text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

WIDTH = 1000.0
HEIGHT = 100.0
COLUMNS = 700
"""A long history is drawn in so many columns: more cannot be told apart on a screen."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places in the box.

    Attributes:
        low, high: Values at the lower and the upper edge; high is greater.
        count: Instants from the left edge to the right one.
    """

    low: float
    high: float
    count: int

    @classmethod
    def over(cls, values: Sequence[float | None], count: int) -> "Scale":
        """Hold every value, and 0, with some room above."""
        known = [value for value in values if value is not None]
        low, high = min([0.0, *known]), max([0.0, *known])
        return cls(low, (high if high > low else low + 1) + 0.08 * (high - low), count)

    def x(self, index: float) -> float:
        """Place of an instant, 0 to 1000."""
        return WIDTH * index / max(1, self.count - 1)

    def y(self, value: float) -> float:
        """Place of a value, 100 at the lower edge and 0 at the upper."""
        return HEIGHT * (1 - self.share(value))

    def share(self, value: float) -> float:
        """How far up a value stands, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class _Column:
    """What a curve has within one column; None everywhere where nothing is known.

    Attributes:
        index: Instant in the middle of it.
        low, mean, high: Of its known values.
    """

    index: float
    low: float | None
    mean: float | None
    high: float | None


def curve(values: Sequence[float | None], scale: Scale) -> str:
    """A path through the values, in a long history through the mean of each column; it breaks where there is none."""
    parts, drawing = [], False
    for column in _columns(values):
        if column.mean is None:
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{scale.x(column.index):.1f},{scale.y(column.mean):.2f}")
        drawing = True
    return "".join(parts)


def envelope(values: Sequence[float | None], scale: Scale) -> str:
    """The area between the lowest and the highest value of each column; empty where every instant has its own."""
    if len(values) <= COLUMNS:
        return ""
    return "".join(
        "M" + "L".join(_outline(list(spell), scale)) + "Z"
        for known, spell in groupby(_columns(values), key=lambda column: column.mean is not None)
        if known
    )


def gaps(values: Sequence[float | None], scale: Scale) -> str:
    """The spells without any value, each as high as the box."""
    columns = list(_columns(values))
    half = scale.x(len(values) / max(1, len(columns)) / 2)
    parts = []
    for unknown, spell in groupby(columns, key=lambda column: column.mean is None):
        if unknown:
            among = list(spell)
            left, right = max(0.0, scale.x(among[0].index) - half), min(WIDTH, scale.x(among[-1].index) + half)
            parts.append(f"M{left:.1f},0H{right:.1f}V{HEIGHT:.0f}H{left:.1f}Z")
    return "".join(parts)


def stairs(values: Sequence[int], scale: Scale) -> str:
    """A path that stays at each value until the next one."""
    if not values:
        return ""
    turns = (index for index in range(1, len(values)) if values[index] != values[index - 1])
    steps = (f"H{scale.x(index):.1f}V{scale.y(values[index]):.2f}" for index in turns)
    return f"M0,{scale.y(values[0]):.2f}{''.join(steps)}H{WIDTH:.0f}"


def uprights(indexes: Sequence[int], scale: Scale) -> str:
    """A line from edge to edge at each instant."""
    return "".join(f"M{place},0V{HEIGHT:.0f}" for place in dict.fromkeys(f"{scale.x(index):.1f}" for index in indexes))


def _columns(values: Sequence[float | None]) -> Iterator[_Column]:
    width = max(1, -(-len(values) // COLUMNS))
    for first in range(0, len(values), width):
        inside = values[first : first + width]
        known = [value for value in inside if value is not None]
        middle = first + (len(inside) - 1) / 2
        if known:
            yield _Column(middle, min(known), sum(known) / len(known), max(known))
        else:
            yield _Column(middle, None, None, None)


def _outline(spell: Sequence[_Column], scale: Scale) -> Iterator[str]:
    """Along the highest values and back along the lowest."""
    for column in spell:
        if column.high is not None:
            yield f"{scale.x(column.index):.1f},{scale.y(column.high):.2f}"
    for column in reversed(spell):
        if column.low is not None:
            yield f"{scale.x(column.index):.1f},{scale.y(column.low):.2f}"
