"""How much memory Python holds at most while something is done."""

import threading
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
            thread.join(_PATIENCE_SECONDS)
        tracemalloc.stop()
