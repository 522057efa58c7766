"""What MetricSources show of themselves: whether they answer, at once; figures only when they moved, and rarely."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Protocol

from deadband.api.conditions import ConditionStatus, ConditionType, Reason, Said, merge
from deadband.api.metricsource import MetricSourceStatus
from deadband.engine.clock import Clock
from deadband.engine.records import SourceRecord
from deadband.engine.store import Store
from deadband.ports import Leadership, SourceStanding, WriteError
from deadband.queries.sampling import Sampling, misfits

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 5.0
FIGURES_EVERY_SECONDS = 300.0
"""Latency and rate are written at most so often."""

MOVED = 2
"""A figure that changed by less than this factor is not worth a write: quiet means zero writes (R18)."""

LATENCY_MATTERS = Fraction(1, 10)
"""Nor is a latency that changed by less than this, in seconds."""

RATE_MATTERS = Fraction(1, 10)
"""Nor a rate that changed by less than this, in queries per second."""


class Health(Protocol):
    """What is known of one source."""

    @property
    def reachable(self) -> bool | None:
        """Whether the last query got an answer; None when none was asked."""

    @property
    def version(self) -> str | None:
        """Of the server."""

    @property
    def latency_seconds(self) -> float | None:
        """Median of the last queries."""

    @property
    def queries_per_second(self) -> float | None:
        """Over the last minutes; None while it was not asked for long enough to tell."""

    @property
    def last_error(self) -> str | None:
        """Class of the last failure, never a body."""

    @property
    def last_error_time(self) -> datetime | None:
        """When that was."""

    @property
    def ignores_lookback(self) -> bool | None:
        """Whether the server ignores how far it may look back; None when unknown."""

    @property
    def sampling(self) -> Sampling | None:
        """How often it scrapes; None when unknown."""


WriteStatus = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Merge-patches the status of the source of that name."""


@dataclass(slots=True)
class _Written:
    uid: str
    status: MetricSourceStatus
    at: float


class SourceReporter:
    """Writes the status of every source while this process leads."""

    def __init__(
        self,
        *,
        store: Store,
        health: Callable[[str], Health],
        write: WriteStatus,
        leadership: Leadership,
        show: Callable[[Mapping[str, SourceStanding]], None],
        clock: Clock,
    ) -> None:
        """Take the parts.

        Args:
            store: Knows the sources.
            health: What was seen of a source by asking it.
            write: Writes one status.
            leadership: Only a leader writes.
            show: Shows every source that exists in the own metrics.
            clock: For times and waiting.
        """
        self._store = store
        self._health = health
        self._write = write
        self._leadership = leadership
        self._show = show
        self._clock = clock
        self._written: dict[str, _Written] = {}

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            await self.report()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def report(self) -> None:
        """Write what is due."""
        self._show({name: self._standing(record) for name, record in self._store.sources.items()})
        if not self._leadership.leads():
            self._written.clear()
            return
        for record in list(self._store.sources.values()):
            await self._report(record)

    def _standing(self, record: SourceRecord) -> SourceStanding:
        may = record.spec.max_concurrent_queries if record.spec is not None else None
        return SourceStanding(self._health(record.ref.name).reachable, may)

    async def _report(self, record: SourceRecord) -> None:
        name, monotonic = record.ref.name, self._clock.monotonic()
        written = self._written.get(name)
        if written is None or written.uid != record.ref.uid:
            written = self._written[name] = _Written(record.ref.uid, record.status, monotonic)
        status = status_of(record, self._health(name), written.status, now=self._clock.now().replace(microsecond=0))
        patient = monotonic - written.at >= FIGURES_EVERY_SECONDS
        moved = patient and _moved(written.status, status)
        if _meaning(status) == _meaning(written.status) and not moved and not _completes(written.status, status):
            return
        try:
            await self._write(name, status.model_dump(mode="json"))
        except WriteError as error:
            logger.warning("could not write the status of source %s: %s", name, error, extra={"reason": error.reason})
        else:
            _tell(name, written.status, status)
            self._written[name] = _Written(record.ref.uid, status, monotonic)


def _tell(name: str, before: MetricSourceStatus, after: MetricSourceStatus) -> None:
    """Log once that a source went away, or that it is back."""
    if before.reachable is after.reachable:
        return
    if after.reachable:
        logger.info("source %s answers", name, extra={"source": name})
    else:
        logger.warning("source %s does not answer: %s", name, after.last_error, extra={"source": name})


def status_of(record: SourceRecord, health: Health, before: MetricSourceStatus, *, now: datetime) -> MetricSourceStatus:
    """The status of a source as it is now; what this process has not asked yet stays as it was.

    Args:
        record: The source.
        health: What was seen of it.
        before: What the object carries.
        now: Time of a condition that flips.
    """
    if health.reachable is None and record.spec is not None:
        seen = before
    else:
        seen = MetricSourceStatus(
            reachable=health.reachable,
            version=health.version or before.version,
            scrape_interval_seconds=health.sampling.interval if health.sampling else before.scrape_interval_seconds,
            latency_seconds=_rounded(health.latency_seconds, 1000, before.latency_seconds),
            queries_per_second=_rounded(health.queries_per_second, 100, before.queries_per_second),
            last_error=health.last_error or before.last_error,
            last_error_time=health.last_error_time or before.last_error_time,
        )
    said = [each for each in (_ready(record, health), _windows(record, health)) if each is not None]
    conditions = merge(before.conditions, said, generation=record.generation, now=now)
    if record.spec is not None:  # what this process does not know yet stays
        conditions += [one for one in before.conditions if one.type not in {each[0] for each in said}]
    return seen.model_copy(update={"observed_generation": record.generation, "conditions": conditions})


def _ready(record: SourceRecord, health: Health) -> Said | None:
    status: ConditionStatus
    if record.spec is None:
        status, reason, message = "False", Reason.INVALID_SPEC, "; ".join(record.faults)
    elif health.reachable is None:
        return None
    elif health.reachable:
        status, reason, message = "True", Reason.OK, "Answers."
        if health.ignores_lookback and record.spec.stale_after_seconds is not None:
            message = (
                "Answers, but ignores lookback_delta: a series that stopped goes on answering for five minutes, "
                "so a dead exporter is noticed late."
            )
    else:
        status, reason = "False", Reason.ERROR
        message = (
            f"Does not answer: {health.last_error or 'unknown error'}. Policies hold until it does; "
            "check spec.url and the way there."
        )
    return ConditionType.READY, status, reason, message


def _windows(record: SourceRecord, health: Health) -> Said | None:
    if record.spec is None or health.sampling is None:
        return None
    found = "; ".join(misfits(record.spec, health.sampling))
    if found:
        return ConditionType.WINDOWS_ADEQUATE, "False", Reason.WINDOW_TOO_SHORT, f"Too short: {found}."
    return ConditionType.WINDOWS_ADEQUATE, "True", Reason.OK, f"Scraped every {health.sampling.interval}s."


def _meaning(status: MetricSourceStatus) -> object:
    # While a source fails, its message changes with every kind of failure; while it answers, with what is known of it.
    conditions = [(one.type, one.status, one.reason, one.message * (one.status == "True")) for one in status.conditions]
    return status.observed_generation, status.reachable, status.version, status.scrape_interval_seconds, conditions


def _completes(before: MetricSourceStatus, after: MetricSourceStatus) -> bool:
    """A figure that the status never had: written as soon as it is known, which happens once in a source's life."""
    return any(
        was is None and now is not None
        for was, now in (
            (before.latency_seconds, after.latency_seconds),
            (before.queries_per_second, after.queries_per_second),
        )
    )


def _moved(before: MetricSourceStatus, after: MetricSourceStatus) -> bool:
    return _differ(before.latency_seconds, after.latency_seconds, LATENCY_MATTERS) or _differ(
        before.queries_per_second, after.queries_per_second, RATE_MATTERS
    )


def _differ(before: Fraction | None, after: Fraction | None, matters: Fraction) -> bool:
    if before is None or after is None:
        return False
    low, high = sorted((before, after))
    return high >= low * MOVED and high - low >= matters


def _rounded(value: float | None, parts: int, before: Fraction | None) -> Fraction | None:
    return before if value is None else Fraction(round(value * parts), parts)
