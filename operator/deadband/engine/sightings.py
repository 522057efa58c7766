"""Targets of kinds that no watch shows: read for each evaluation that needs them, beside its questions to sources."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial

from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import NoTarget
from deadband.engine.clock import Clock
from deadband.engine.complaints import Complaints
from deadband.engine.records import PolicyRecord, WorkloadKey
from deadband.engine.scalables import Scalables
from deadband.ports import ObjectRef, Targets, UnreachableError, WriteError

logger = logging.getLogger(__name__)

CONCURRENT_READS = 8
"""Reads of different targets under way at once."""


class Sightings:
    """Looks at what is about to be decided on; a read that is late serves the next evaluation."""

    def __init__(self, scalables: Scalables, targets: Targets, clock: Clock) -> None:
        self._scalables = scalables
        self._targets = targets
        self._clock = clock
        self._complaints = Complaints(logger, clock)
        self._slots = asyncio.Semaphore(CONCURRENT_READS)
        self._under_way: dict[WorkloadKey, asyncio.Task[None]] = {}

    def look(self, records: Iterable[PolicyRecord]) -> Mapping[str, asyncio.Task[None]]:
        """Begin to read the targets that no watch shows.

        Args:
            records: Valid policies that are due.

        Returns:
            By the UID of each policy that has such a target, the read that shows it to the store; it never fails.
        """
        self._scalables.forget_unnamed(now=self._clock.now())
        looks = {}
        for record in records:
            assert record.spec is not None, "invalid policies are not evaluated"
            reference = self._scalables.unwatched(record.ref.namespace, record.spec)
            if reference is not None:
                looks[record.ref.uid] = self._begin(record.ref.namespace, reference)
        return looks

    def close(self) -> None:
        """Abandon what is under way."""
        for task in self._under_way.values():
            task.cancel()

    def _begin(self, namespace: str, reference: ScaleTargetRef) -> asyncio.Task[None]:
        key = WorkloadKey.of(reference, namespace)
        if key not in self._under_way:
            task = asyncio.create_task(self._see(key, reference), name=f"see {namespace}/{reference.name}")
            self._under_way[key] = task
            task.add_done_callback(partial(self._ended, key))
        return self._under_way[key]

    async def _see(self, key: WorkloadKey, reference: ScaleTargetRef) -> None:
        try:
            async with self._slots:
                workload = await self._targets.read(key.namespace, reference)
        except WriteError as error:
            self._unseen(key, error)
        else:
            self._scalables.sight(key, workload, now=self._clock.now())

    def _unseen(self, key: WorkloadKey, error: WriteError) -> None:
        """Keep why it cannot be used; where that may pass by itself, what was seen before counts for a while."""
        why = NoTarget(error.reason, str(error))
        if isinstance(error, UnreachableError):
            self._complaints.tell("read", ObjectRef(key.kind, key.namespace, key.name), error)
            self._scalables.missed(key, why, now=self._clock.now())
        else:
            self._scalables.sight(key, why, now=self._clock.now())

    def _ended(self, key: WorkloadKey, task: asyncio.Task[None]) -> None:
        del self._under_way[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the read of %s %s failed", key.kind, key.name, exc_info=error)
