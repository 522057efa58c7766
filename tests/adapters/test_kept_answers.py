"""Kept answers: what comes back, whose eyes they are for, and how much of them there may be."""

import os
import stat
from pathlib import Path

import pytest

from deadband.adapters.kept_answers import KeptAnswers
from deadband.queries.ranges import Grid

GRID = Grid(1_767_600_000, 15, 100)


def test_what_is_kept_comes_back_where_its_instants_are_asked_for(tmp_path: Path) -> None:
    kept = KeptAnswers(tmp_path)
    kept.keep("load", GRID, b"body")

    assert kept.load("load", GRID) == b"body"
    assert kept.parts("load", Grid(GRID.end, 15, 2)) == [GRID]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Grid(GRID.end + 15, 15, 5), id="later"),
        pytest.param(Grid(GRID.start, 30, 5), id="another step"),
        pytest.param(Grid(GRID.start + 1, 15, 5), id="between its instants"),
    ],
)
def test_other_instants_are_not_taken_for_it(tmp_path: Path, other: Grid) -> None:
    kept = KeptAnswers(tmp_path)
    kept.keep("load", GRID, b"body")

    assert kept.parts("load", other) == []


@pytest.mark.parametrize(
    "name", ["notes.json.gz", "1_15.json.gz", "1767600000_0_100.json.gz", "1767600000_15_x.json.gz"]
)
def test_a_file_that_somebody_else_put_there_is_ignored(tmp_path: Path, name: str) -> None:
    kept = KeptAnswers(tmp_path)
    kept.keep("load", GRID, b"body")
    (tmp_path / "load" / name).write_bytes(b"foreign")

    assert kept.parts("load", GRID) == [GRID]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    size = 2000
    kept = KeptAnswers(tmp_path, most_bytes=2 * size)
    parts = list(Grid(GRID.start, 15, 300).parts(100))
    for age, part in zip((30, 20, 10), parts, strict=True):
        kept.keep("load", part, os.urandom(size - 100))
        (path,) = (path for path in tmp_path.glob("*/*") if path.name.startswith(str(part.start)))
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    kept.load("load", parts[0])

    kept.trim()

    assert kept.parts("load", Grid(GRID.start, 15, 300)) == [parts[0], parts[2]]


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    KeptAnswers(tmp_path / "new").keep("load", GRID, b"body")

    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", tmp_path / "new" / "load")} == {0o700}


def test_a_folder_that_cannot_be_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="file"):
        KeptAnswers(tmp_path / "file" / "below")
