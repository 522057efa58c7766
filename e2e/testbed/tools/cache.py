"""Where things that are slow to make are kept, outside the work tree."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_directory() -> Path:
    """Return the cache's root: DEADBAND_CACHE, else deadband under XDG_CACHE_HOME, else under ~/.cache."""
    if own := os.environ.get("DEADBAND_CACHE"):
        return Path(own).expanduser().absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache").absolute() / "deadband"


@contextmanager
def locked(lock: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock between processes; `waiting` is called once when another process holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file releases the lock, also when the process dies
