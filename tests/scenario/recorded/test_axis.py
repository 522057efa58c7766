"""The time axis: round times, few enough to be read."""

from datetime import UTC, datetime

import pytest

from deadband.queries.ranges import Grid
from deadband.scenario.recorded.axis import MOST, ticks


@pytest.mark.parametrize(
    ("start", "seconds", "labels"),
    [
        pytest.param("2026-01-05T00:00", 7 * 86400, [f"{day} Jan" for day in range(5, 13)], id="a week is days"),
        pytest.param("2026-01-05T22:10", 4 * 3600, ["23:00", "6 Jan", "01:00", "02:00"], id="midnight is a day"),
        pytest.param("2026-01-05T08:30", 3600, [f"0{time}" for time in ("8:30", "8:40", "8:50", "9:00", "9:10", "9:20",
                     "9:30")], id="an hour is ten minutes"),
        pytest.param("2026-01-07T00:00", 28 * 86400, ["12 Jan", "19 Jan", "26 Jan", "2 Feb"], id="weeks from Mondays"),
        pytest.param("2026-01-05T08:00", 60, ["08:00:00", "08:00:15", "08:00:30", "08:00:45", "08:01:00"],
                     id="a minute"),
        pytest.param("2026-01-05T08:00", 0, ["08:00:00"], id="one instant"),
    ],
)  # fmt: skip
def test_an_axis_is_marked_at_round_times(start: str, seconds: int, labels: list[str]) -> None:
    first = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp())

    assert [tick.label for tick in ticks(Grid(first, 1, seconds + 1))] == labels


@pytest.mark.parametrize("seconds", [1, 59, 3601, 90_000, 700_000, 5_000_000, 90_000_000])
def test_marks_stand_inside_and_are_few(seconds: int) -> None:
    found = ticks(Grid(1_767_600_003, 1, seconds + 1))

    assert 1 <= len(found) <= MOST
    assert all(0 <= tick.share <= 1 for tick in found)
