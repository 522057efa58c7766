"""The deadline of an exchange by itself; what it does to servers is in test_prometheus_hostile.py."""

import gc
import threading
import weakref

from deadband.adapters.deadline import Deadline


def test_a_deadline_that_is_over_leaves_nothing_to_the_garbage_collector() -> None:
    """What the collector clears away runs callbacks at any moment, such as when Ctrl-C comes."""
    before = set(threading.enumerate())
    gc.disable()
    try:
        with Deadline(60) as deadline:
            (timer,) = set(threading.enumerate()) - before
            gone = [weakref.ref(deadline), weakref.ref(timer)]
        timer.join()
        del deadline, timer
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()
