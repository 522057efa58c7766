"""Lines of a chart as SVG paths in a box 1000 wide and 100 high, thinned to what can be seen. Pure text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 1000.0
HEIGHT = 100.0
COLUMNS = 700
"""A curve keeps the lowest and the highest value of so many columns: more cannot be told apart on a screen."""


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


def curve(values: Sequence[float | None], scale: Scale) -> str:
    """A path through the values; it breaks where there is none."""
    parts, drawing = [], False
    for index, value in _thinned(values):
        if value is None:
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{scale.x(index):.1f},{scale.y(value):.2f}")
        drawing = True
    return "".join(parts)


def stairs(values: Sequence[int], scale: Scale) -> str:
    """A path that stays at each value until the next one."""
    if not values:
        return ""
    turns = (index for index in range(1, len(values)) if values[index] != values[index - 1])
    steps = (f"H{scale.x(index):.1f}V{scale.y(values[index]):.2f}" for index in turns)
    return f"M0,{scale.y(values[0]):.2f}{''.join(steps)}H{WIDTH:.0f}"


def _thinned(values: Sequence[float | None]) -> Iterator[tuple[int, float | None]]:
    """The lowest and the highest of each column in their order; a column without any value is a gap."""
    width = max(1, -(-len(values) // COLUMNS))
    for first in range(0, len(values), width):
        known = [
            (value, index)
            for index in range(first, min(first + width, len(values)))
            if (value := values[index]) is not None
        ]
        if not known:
            yield first, None
            continue
        for index in sorted({min(known)[1], max(known)[1]}):
            yield index, values[index]
