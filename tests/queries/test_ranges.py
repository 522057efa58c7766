"""Grids: their instants and how they are cut."""

from datetime import UTC, datetime, timedelta

import pytest

from deadband.queries.ranges import Grid

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "step", "count"),
    [
        pytest.param(60, 15, 5, id="both ends are in it"),
        pytest.param(59, 15, 4, id="an end between two instants is not reached"),
        pytest.param(5, 15, 1, id="a span shorter than a step is one instant"),
        pytest.param(7 * 86400, 15, 40_321, id="seven days at 15 s"),
    ],
)
def test_a_grid_reaches_from_the_start_to_the_end(seconds: int, step: int, count: int) -> None:
    grid = Grid.between(START, START + timedelta(seconds=seconds), step)

    assert grid.count == count
    assert grid.at(0) == START
    assert grid.at(count - 1) <= START + timedelta(seconds=seconds)


@pytest.mark.parametrize("count", [1, 10_999, 11_000, 11_001, 40_321])
def test_parts_hold_every_instant_once_and_none_more_than_is_allowed(count: int) -> None:
    grid = Grid(1_767_600_000, 15, count)
    parts = list(grid.parts(11_000))

    assert [part.at(index) for part in parts for index in range(part.count)] == list(map(grid.at, range(count)))
    assert max(part.count for part in parts) <= 11_000


@pytest.mark.parametrize("count", [2, 3, 11_000])
def test_halves_hold_every_instant_once(count: int) -> None:
    first, second = Grid(0, 15, count).halves()

    assert first.count + second.count == count
    assert second.start == first.end + 15
    assert 0 <= first.count - second.count <= 1
