"""How often a source scrapes, learned from its `up` series, and whether windows fit that (R1). Pure text and data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from deadband.api.metricsource import INTERVALS_IN_A_RATE, MetricSourceSpec
from deadband.queries.promql import Dialect, Matcher
from deadband.queries.types import Series

INTERVALS_IN_A_LOOKBACK = 2.5
"""A lookback of fewer scrape intervals loses a target whose scrape is late, and a sum reads too little (R1)."""
OWN_LOOKBACK = 300
"""Seconds that Prometheus looks back unless it was told otherwise; its API does not say."""
MOST_JOBS = 10_000

_SPANS = (600, 60)
"""Seconds over which scrapes are counted: the longer is exact, the shorter serves while a target is younger."""


def _each(span: int) -> str:
    late, early = f"count_over_time(up[{span}s])", f"count_over_time(up[{span}s] offset {span}s)"
    return f"quantile by (job) (0.5, {span} / ({early} > {late} or {late}) and up offset {span}s)"


INTERVALS = " or ".join(map(_each, _SPANS))
"""Seconds between two scrapes by job: the median of its targets that have been there for the whole span.

Of this span and the one before it the fuller one is taken: a Prometheus that is back after nine minutes would seem to
scrape every ten, and rates would look back forty.
"""


def usage_jobs(source: MetricSourceSpec) -> str:
    """The jobs that report container usage, whose rates recipes take."""
    named = Dialect.of(source).instant("container_cpu_usage_seconds_total", Matcher("container", "!=", ""))
    return f"group by (job) ({named})"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What was learned of a source.

    Attributes:
        interval: Seconds between two scrapes of container usage; of most jobs where no job reports any. At least 1.
        slowest: Seconds between two scrapes of the slowest job; at least 1.
        slowest_job: Its name.
    """

    interval: int
    slowest: int
    slowest_job: str


def learned(intervals: Sequence[Series], usage: Sequence[Series]) -> Sampling | None:
    """Read the answers to INTERVALS and `usage_jobs`.

    Returns:
        None where no job is known: no `up` series, or no target that is a minute old.
    """
    by_job = {row.labels.get("job", ""): max(1, round(row.value)) for row in intervals if row.value is not None}
    if not by_job:
        return None
    of_usage = [by_job[job] for job in (row.labels.get("job", "") for row in usage) if job in by_job]
    slowest = max(by_job, key=lambda job: (by_job[job], job))
    return Sampling(max(of_usage, default=round(median(by_job.values()))), by_job[slowest], slowest)


def misfits(source: MetricSourceSpec, known: Sampling) -> Iterator[str]:
    """What is too short for how often the source scrapes, a sentence each with the value to set."""
    window, least = source.rate_window_seconds, INTERVALS_IN_A_RATE * known.interval
    if window is not None and window < least:
        yield (
            f"rateWindowSeconds is {window}, and container usage is scraped every {known.interval}s: "
            f"set it to {least} or more, or omit it"
        )
    lookback, least = source.stale_after_seconds, ceil(INTERVALS_IN_A_LOOKBACK * known.slowest)
    job = f"job {known.slowest_job}" if known.slowest_job else "the slowest job"
    if lookback is not None and lookback < least:
        yield (
            f"staleAfterSeconds is {lookback}, and {job} is scraped every {known.slowest}s: its targets can drop out "
            f"between two scrapes, and sums then read too low; set it to {least} or more, or omit it"
        )
    elif lookback is None and least > OWN_LOOKBACK:
        yield (
            f"{job} is scraped every {known.slowest}s, and Prometheus looks back {OWN_LOOKBACK}s unless configured "
            f"otherwise: set staleAfterSeconds to {least}"
        )
