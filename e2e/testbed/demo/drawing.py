"""Charts of block characters: a value over time with its thresholds, as rich text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_THRESHOLD = "╌"
_THRESHOLD_STYLE = "grey50"


@dataclass(frozen=True, slots=True)
class Point:
    """One value at one time, in seconds; None is a gap. `style` is a rich style, such as "red"."""

    at: float
    value: float | None
    style: str


def plot(
    points: Sequence[Point], *, width: int, height: int, top: float, span: float, thresholds: Sequence[float] = ()
) -> list[Text]:
    """Draw points as columns, the oldest at the left; the newest always fits.

    Args:
        points: In ascending order of time.
        width: Columns of the chart, at least 1.
        height: Its rows, at least 1.
        top: The value that fills a column; larger ones are cut.
        span: Seconds that the whole width stands for.
        thresholds: Values marked by a broken line where no column covers it; those above `top` are left out.

    Returns:
        The rows from top to bottom, each `width` characters wide.
    """
    columns = _columns(points, width, span / width)
    marked = {min(height - 1, math.floor(value / top * height)) for value in thresholds if value <= top}
    rows = []
    for row in reversed(range(height)):
        line = Text()
        for point in columns:
            eighths = 0 if point is None or point.value is None else _eighths(point.value, top, height, row)
            if eighths and point is not None:
                line.append(_EIGHTHS[eighths], point.style)
            elif row in marked:
                line.append(_THRESHOLD, _THRESHOLD_STYLE)
            else:
                line.append(" ")
        rows.append(line)
    return rows


def steps(points: Sequence[Point], *, width: int, span: float) -> Text:
    """Write the value where the chart of the same points, width and span begins, and wherever it changes.

    Values are whole numbers; one that would run into the number before it is left out.
    """
    line = ""
    shown: float | None = None
    for index, point in enumerate(_columns(points, width, span / width)):
        if point is not None and point.value is not None and point.value != shown and index >= len(line):
            line = f"{line:<{index}}{point.value:.0f} "
            shown = point.value
    return Text(f"{line:<{width}}"[:width], points[-1].style if points else "")


def _columns(points: Sequence[Point], width: int, seconds: float) -> list[Point | None]:
    """Return the last point of each stretch of `seconds`; a stretch without one repeats the one before."""
    newest = math.floor(points[-1].at / seconds) if points else 0
    first = max(0, newest - width + 1)
    by_column = {math.floor(point.at / seconds) - first: point for point in points}
    found: list[Point | None] = []
    for index in range(width):
        before = found[-1] if found else None
        found.append(by_column.get(index, before) if index <= newest - first else None)
    return found


def _eighths(value: float, top: float, height: int, row: int) -> int:
    """How many eighths of a cell a value fills; the lowest cell shows even the smallest value above 0."""
    level = value / top * height * 8
    if row == 0 and 0 < level < 1:
        return 1
    return max(0, min(8, math.floor(level) - row * 8))
