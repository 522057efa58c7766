"""How much memory Python holds at most while something is done."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 0.2
"""Idle threads of a pool never end, and allocate nothing."""


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Trace a block, every thread of it included; gives what was held at most, in bytes, so far.

    Threads that the block began must end with it: up to Python 3.12 the interpreter can crash where tracing stops while
    a thread allocates. Source: CPython issue 128679.
    """
    before = set(threading.enumerate())
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        for thread in set(threading.enumerate()) - before:
            _join(thread)
        tracemalloc.stop()


def _join(thread: threading.Thread) -> None:
    """Wait for a thread, also for one that another thread is only just starting, which `join` refuses to."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            thread.join(_PATIENCE_SECONDS)
        except RuntimeError:
            time.sleep(0.001)
        else:
            return
