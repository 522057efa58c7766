"""Waiting until a measurement may begin."""

import time
from collections.abc import Callable

from e2e.bench import meter
from e2e.bench.fleet import PODS
from e2e.bench.pace import Pace
from e2e.testbed.installation import Operator
from e2e.testbed.prometheus import Prometheus

Say = Callable[[str], None]
"""Shows the progress of a measurement."""

_LOOK_SECONDS = 5.0
"""Between two looks at the operator's metrics, which cost it something."""
PAGE_SECONDS = 60.0
"""For a page of metrics, which thousands of policies make long and a busy machine makes late."""


def wait(check: Callable[[], bool], *, what: str, every: float = _LOOK_SECONDS, timeout: float = 600) -> None:
    """Look every so many seconds until something is so; seldom, since looking costs those who are measured.

    Raises:
        TimeoutError: It was not so within the timeout (seconds).
    """
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(every)


def rates_known(prometheus: Prometheus, pace: Pace, count: int) -> None:
    """Wait until the rates of so many policies have all of their window; over a part of it they read low.

    Raises:
        TimeoutError: Scrapes are missing.
    """
    window = pace.rate_window
    counted = f"count_over_time(container_cpu_usage_seconds_total[{window}s])"
    whole = f"count({counted} >= {window // pace.scrape - 1:g}) == {3 * PODS * count}"
    known = 10 * window + 60
    wait(lambda: bool(prometheus.query(whole)), every=pace.scrape, timeout=known, what="rates are known")


def evaluations(operator: Operator) -> float:
    """How many an operator counts since its start."""
    return sum(meter.samples(operator.metrics(timeout=PAGE_SECONDS), "deadband_decisions_total").values())


def evaluated(operator: Operator, count: int) -> None:
    """Wait until an operator that was just started has evaluated so many policies.

    Raises:
        TimeoutError: It does not.
    """
    wait(lambda: evaluations(operator) >= count, what="every policy is evaluated")
