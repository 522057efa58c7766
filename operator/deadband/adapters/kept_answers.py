"""Answers about the past in a folder, so that a long reading goes on where it stopped.

One folder for each question to each source, and in it one file for each range that was answered, named after its
instants: the body as Prometheus sent it, compressed. Whoever reads asks the source whether it still says the same.
"""

import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deadband.queries.ranges import Grid

MOST_BYTES = 256 * 1024 * 1024
"""A week of one question at 15 s takes about 300 KB."""
_SUFFIX = ".json.gz"
_NAME = re.compile(rf"([0-9]+)_([1-9][0-9]*)_([1-9][0-9]*){re.escape(_SUFFIX)}")
_FAST = 1
"""Half as small again takes five times as long."""


class KeptAnswers:
    """The folder; several processes may use it at once, since a file appears whole or not at all."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Make the folder, for its owner's eyes alone.

        Raises:
            OSError: It cannot be made, or not written to.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=folder).close()
        self._folder = folder
        self._most_bytes = most_bytes

    def parts(self, key: str, grid: Grid) -> list[Grid]:
        """What is kept of a question, as far as it has instants of this grid; in order. Foreign files are ignored."""
        files = (self._folder / key).glob(f"*{_SUFFIX}")
        found = [part for path in files if (part := _grid(path)) is not None]
        mine = (part for part in found if part.step == grid.step and (part.start - grid.start) % grid.step == 0)
        return sorted((part for part in mine if part.within(grid) is not None), key=lambda part: part.start)

    def load(self, key: str, part: Grid) -> bytes | None:
        """The body of an answer; None when it is gone or damaged."""
        path = self._path(key, part)
        try:
            body = gzip.decompress(path.read_bytes())
            os.utime(path)  # what is used last goes last
        except (OSError, EOFError, zlib.error):
            return None
        return body

    def keep(self, key: str, part: Grid, body: bytes) -> None:
        """Write an answer down.

        Raises:
            OSError: There is no room for it, or no right.
        """
        path = self._path(key, part)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_bytes(gzip.compress(body, _FAST))
        unfinished.replace(path)

    def forget(self, key: str) -> None:
        """Remove whatever is kept of a question."""
        for path in (self._folder / key).glob("*"):
            path.unlink(missing_ok=True)

    def trim(self) -> None:
        """Remove what was used longest ago, until the rest is within the bound."""
        room = self._most_bytes
        for _, size, path in sorted(self._files(), reverse=True):
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):  # another process removes, too
                found = path.stat()
                yield found.st_mtime_ns, found.st_size, path

    def _path(self, key: str, part: Grid) -> Path:
        return self._folder / key / f"{part.start}_{part.step}_{part.count}{_SUFFIX}"


def _grid(path: Path) -> Grid | None:
    """What a file is named after; None when somebody else put it there."""
    named = _NAME.fullmatch(path.name)
    return Grid(*map(int, named.groups())) if named else None
