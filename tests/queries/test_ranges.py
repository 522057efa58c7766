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


@pytest.mark.parametrize("late", [0, 1, 14])
def test_a_grid_begins_on_a_multiple_of_its_step_so_that_the_next_one_asks_for_the_same_instants(late: int) -> None:
    start = START + timedelta(seconds=late)

    assert Grid.between(start, start + timedelta(hours=1), 15).at(0) == START


def test_the_instants_are_those_that_are_found_by_their_place() -> None:
    grid = Grid(1_767_600_000, 15, 7)

    assert list(grid.instants()) == [grid.at(index) for index in range(7)]


def some(first: int, last: int) -> Grid:
    """Instants by their numbers, both ends included."""
    return Grid(15 * first, 15, last - first + 1)


@pytest.mark.parametrize(
    ("others", "left"),
    [
        pytest.param([], [(10, 20)], id="nothing is taken"),
        pytest.param([(0, 9), (21, 30)], [(10, 20)], id="what is taken lies outside"),
        pytest.param([(12, 14)], [(10, 11), (15, 20)], id="from the middle"),
        pytest.param([(15, 30), (0, 11)], [(12, 14)], id="from both ends, in any order"),
        pytest.param([(10, 14), (12, 16), (17, 17)], [(18, 20)], id="twice the same"),
        pytest.param([(10, 18), (12, 14)], [(19, 20)], id="one within another"),
        pytest.param([(0, 30)], [], id="everything"),
    ],
)
def test_what_is_left_of_a_grid(others: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert list(some(10, 20).without([some(*other) for other in others])) == [some(*each) for each in left]


@pytest.mark.parametrize(
    ("other", "both"),
    [((0, 9), None), ((0, 10), (10, 10)), ((12, 14), (12, 14)), ((0, 30), (10, 20)), ((20, 25), (20, 20))],
)
def test_what_two_grids_share(other: tuple[int, int], both: tuple[int, int] | None) -> None:
    assert some(10, 20).within(some(*other)) == (some(*both) if both else None)


@pytest.mark.parametrize(
    ("seconds", "pieces"),
    [(149, [(10, 20)]), (150, [(10, 10), (11, 20)]), (299, [(10, 19), (20, 20)]), (300, [(10, 20)])],
)
def test_a_grid_is_cut_after_an_instant(seconds: int, pieces: list[tuple[int, int]]) -> None:
    assert list(some(10, 20).up_to(seconds)) == [some(*each) for each in pieces]


@pytest.mark.parametrize(("most", "end"), [(3, (18, 20)), (99, (10, 20))])
def test_the_last_instants_of_a_grid(most: int, end: tuple[int, int]) -> None:
    assert some(10, 20).last(most) == some(*end)
