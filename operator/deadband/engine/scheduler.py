"""The one loop: at each instant of the grid it takes what is due, gathers, decides and lets the writers act.

A tick never waits for a source or for the API server: what it starts runs on its own, and a policy that is still
under way when it is due again is left out and counted, never queued (no pile-up).
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import PolicyMode
from deadband.core.decide import decide
from deadband.core.types import Outage, Pause, Reading
from deadband.engine.alerting import Alerting
from deadband.engine.clock import Clock
from deadband.engine.evaluation import Evaluation
from deadband.engine.gathering import Gathering
from deadband.engine.records import PolicyRecord
from deadband.engine.schedule import Due, Schedule
from deadband.engine.status_writer import StatusWriter
from deadband.engine.store import Kind, PolicyChange, Store
from deadband.ports import Leadership, Telemetry
from deadband.queries.types import Key

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 1.0
"""The loop goes round at least this often, which is what the liveness probe looks at."""

INVALID_EVERY_SECONDS = 60
"""An invalid policy is only looked at again so that a status which could not be written is written."""

CHUNK = 50
"""Policies decided before the event loop may answer a probe."""


class SourceUser(Protocol):
    """Whoever must know the sources before it can ask them."""

    def update_sources(self, sources: Mapping[str, MetricSourceSpec]) -> None:
        """Replace what is known of the sources, by name."""


class Scheduler:
    """Drives every evaluation of this process, as long as it leads."""

    def __init__(  # noqa: PLR0913 - the composition root names every part once
        self,
        *,
        store: Store,
        gathering: Gathering,
        evaluation: Evaluation,
        statuses: StatusWriter,
        leadership: Leadership,
        alerting: Alerting,
        sources: SourceUser,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._store = store
        self._gathering = gathering
        self._evaluation = evaluation
        self._statuses = statuses
        self._leadership = leadership
        self._alerting = alerting
        self._sources = sources
        self._telemetry = telemetry
        self._clock = clock
        self._schedule = Schedule()
        self._wake = asyncio.Event()
        self._leading = False
        self._outage: Outage | None = None
        self._under_way: set[str] = set()
        self._batches: set[asyncio.Task[None]] = set()
        self._acts: set[asyncio.Task[None]] = set()
        self.beat = clock.monotonic()
        """When the loop last went round, on the monotonic clock."""

    @property
    def leading(self) -> bool:
        """Whether this process evaluates: it leads, and the store is complete."""
        return self._leading and self._leadership.leads()

    def receive(self, kind: Kind, type_: str | None, obj: Mapping[str, Any]) -> None:
        """Take one watch event in."""
        self.take(self._store.apply(kind, type_, obj))

    def take(self, changes: Sequence[PolicyChange]) -> None:
        """Plan or forget the policies that a change of the store concerns."""
        for change in changes:
            uid = change.record.ref.uid
            if change.gone:
                self._schedule.drop(uid)
                self._statuses.forget(uid)
                self._alerting.forget(change.record.ref)
                self._telemetry.forget(change.record.ref)
            elif self._leading:
                self._plan(change.record)

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            self.tick()
            due = self._schedule.next_due() if self._leading else None
            pause = LONGEST_PAUSE_SECONDS if due is None else min(LONGEST_PAUSE_SECONDS, due - self._clock.monotonic())
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def tick(self) -> None:
        """Start whatever is due; returns at once."""
        self.beat = self._clock.monotonic()
        if self._store.sources_changed:
            self._store.sources_changed = False
            self._sources.update_sources(
                {name: source.spec for name, source in self._store.sources.items() if source.spec is not None}
            )
        if self.leading:
            self._start_due()

    def lead(self, outage: Outage | None) -> None:
        """Begin to evaluate; the store is complete.

        Args:
            outage: The time before, in which no operator led (R7); None when none is known.
        """
        # Whole seconds, as evaluations have them: a part of one would make a for-time miss its evaluation.
        whole = outage and Outage(outage.start.replace(microsecond=0), outage.end.replace(microsecond=0))
        self._leading, self._outage = True, whole
        self._store.forget_memories()
        for record in self._store.policies.values():
            self._plan(record)

    def follow(self) -> None:
        """Stop evaluating; the store stays warm."""
        self._leading = False
        self._schedule.clear()
        self._statuses.clear()
        self._alerting.clear()
        self._store.forget_memories()
        for record in self._store.policies.values():
            self._telemetry.forget(record.ref)

    async def drain(self) -> None:
        """Start nothing more, abandon what is only being gathered, and finish the writes that are under way."""
        self._leading = False
        self._schedule.clear()
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, *self._acts, return_exceptions=True)
        await self._statuses.flush()

    def standing(self) -> None:
        """Show who leads and how many policies are in each state."""
        states = dict.fromkeys(("enforcing", "dry-run", "paused", "invalid"), 0)
        for record in self._store.policies.values():
            states[_state(record)] += 1
        self._telemetry.standing(leader=self._leading, policies=states)

    def _plan(self, record: PolicyRecord) -> None:
        interval = record.spec.interval_seconds if record.spec is not None else INVALID_EVERY_SECONDS
        self._schedule.put(record.ref.uid, record.ref.namespace, interval, now=self._clock.monotonic())
        self._wake.set()

    def _start_due(self) -> None:
        monotonic, now = self._clock.monotonic(), self._clock.now()
        batch: list[Due] = []
        skipped = 0
        for due in self._schedule.take_due(now=monotonic, offset=now.timestamp() - monotonic):
            skipped += due.skipped
            if due.uid in self._under_way:
                skipped += 1
            else:
                batch.append(due)
        if skipped:
            self._telemetry.skipped(skipped)
        if batch:
            self._under_way.update(due.uid for due in batch)
            # Whole seconds: an evaluation that is some milliseconds late must not miss a for-time by them.
            task = asyncio.create_task(
                self._evaluate(batch, now.replace(microsecond=0)), name=f"evaluate {now:%H:%M:%S}"
            )
            self._batches.add(task)
            task.add_done_callback(self._batch_ended)

    async def _evaluate(self, batch: Sequence[Due], now: datetime) -> None:
        started = self._clock.monotonic()
        due = {one.uid: one for one in batch}
        open_ = set(due)
        records: dict[str, PolicyRecord] = {}
        try:
            for uid in due:
                record = self._store.policies.get(uid)
                if record is not None and record.spec is not None:
                    records[uid] = record
                    continue
                if record is not None:
                    with _contained(record):
                        self._evaluation.refuse(record, now=now, outage=self._outage)
                self._under_way.discard(uid)
            async for gathered in self._gathering.gather(list(records.values()), now=now):
                for index, uid in enumerate(gathered.uids):
                    seconds = self._clock.monotonic() - started
                    self._telemetry.timed(lag_seconds=due[uid].late_seconds, seconds=seconds)
                    with _contained(records[uid]):
                        self._decide(records[uid], gathered.readings, now=now)
                        open_.discard(uid)
                    if index % CHUNK == CHUNK - 1:
                        await asyncio.sleep(0)
        finally:
            self._under_way -= open_

    def _decide(self, asked: PolicyRecord, readings: Mapping[Key, Reading], *, now: datetime) -> None:
        """Decide one policy, and settle it or start the write that does."""
        record = self._store.policies.get(asked.ref.uid)
        if record is None or record.meaning != asked.meaning or not self._leadership.leads():
            self._finish(asked)
            return
        inputs = self._evaluation.inputs(record, readings, now=now, outage=self._outage)
        if self._evaluation.passes(record, inputs):
            self._finish(record)
            return
        decision = decide(inputs)
        if not self._evaluation.acts(record, decision):
            self._evaluation.settle(record, inputs, decision)
            self._finish(record)
            return

        async def act() -> None:
            with _contained(record):
                changed = await self._evaluation.act(record, inputs, decision)
                if changed is not None:
                    self.receive("ScalingPolicy", "MODIFIED", changed)
            self._finish(record)

        task = asyncio.create_task(act(), name=f"scale for {record.ref.namespace}/{record.ref.name}")
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    def _batch_ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("an evaluation failed as a whole", exc_info=error)

    def _finish(self, evaluated: PolicyRecord) -> None:
        """The policy may be evaluated again; at once if it changed while this evaluation was under way."""
        self._under_way.discard(evaluated.ref.uid)
        record = self._store.policies.get(evaluated.ref.uid)
        if self._leading and record is not None and record.meaning != evaluated.meaning:
            self._plan(record)


@contextmanager
def _contained(record: PolicyRecord) -> Iterator[None]:
    """Keep a defect of ours to the one policy that shows it; it is told, and the policy is tried again when due."""
    try:
        yield
    except Exception:
        where = {"namespace": record.ref.namespace, "policy": record.ref.name}
        logger.exception("the evaluation of %s failed", record.ref.name, extra=where)


def _state(record: PolicyRecord) -> str:
    if record.spec is None:
        return "invalid"
    if record.spec.mode is PolicyMode.DRY_RUN:
        return "dry-run"
    return "enforcing" if record.pause is Pause.NOTHING else "paused"
