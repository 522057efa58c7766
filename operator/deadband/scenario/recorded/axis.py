"""Where a chart's time axis is marked, and what stands there. Pure text."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deadband.queries.ranges import Grid

MOST = 8
"""So many labels stand side by side on a wide screen, and every other one on a phone."""
_STEPS = (
    *(timedelta(seconds=seconds) for seconds in (1, 5, 15, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 182)),
)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark.

    Attributes:
        share: How far right it stands, 0 to 1.
        label: `5 Jan` at midnight, `08:30` elsewhere, with seconds where they differ.
    """

    share: float
    label: str


def ticks(grid: Grid) -> list[Tick]:
    """At most eight round times within the grid: whole hours, days (in UTC), weeks from Monday on."""
    first, last = grid.at(0), grid.at(grid.count - 1)
    span = last - first
    if not span:
        return [Tick(0.0, f"{first:%H:%M:%S}")]
    step = next((each for each in _STEPS if span / each <= MOST - 1), _STEPS[-1])
    at, found = first + (_MONDAY - first) % step, []
    while at <= last:
        found.append(Tick((at - first) / span, _label(at, step)))
        at += step
    return found


def _label(at: datetime, step: timedelta) -> str:
    if at.hour == at.minute == at.second == 0:
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M:%S}" if step < timedelta(minutes=1) else f"{at:%H:%M}"
