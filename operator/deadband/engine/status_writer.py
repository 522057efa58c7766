"""Status goes to the API server through one narrow door: coalesced per policy, within a budget, scalings first.

A scaling that no status remembers is missing in the next leader's cooldowns and limits (R10, R11), which reads back no
more than the last one of a policy; so it waits for nobody's change of meaning, and that for nobody's figures.
"""

import asyncio
import logging
from dataclasses import dataclass
from enum import IntEnum

from deadband.core.status import Change, change
from deadband.engine.clock import Clock
from deadband.engine.complaints import Complaints
from deadband.engine.turn import Memory
from deadband.ports import GoneError, Leadership, ObjectRef, Policies, WriteError

logger = logging.getLogger(__name__)

WRITES_PER_SECOND = 20.0
"""The budget of all policies together."""

BURST = 40.0
"""What may be saved up of the budget."""

CONCURRENT_WRITES = 4
"""So that one slow answer does not hold the others up."""


class Haste(IntEnum):
    """What is written first of what is queued."""

    SCALING = 0
    """The object does not remember the last scaling."""
    MEANING = 1
    VALUES = 2


@dataclass(slots=True)
class _Pending:
    ref: ObjectRef
    memory: Memory


class StatusWriter:
    """Writes the latest status of each policy, composed when its turn comes; an older one is never written.

    A write that fails is not repeated here: the policy's memory keeps it due, and its next evaluation submits it again.
    """

    def __init__(self, policies: Policies, leadership: Leadership, clock: Clock) -> None:
        self._policies = policies
        self._leadership = leadership
        self._clock = clock
        self._complaints = Complaints(logger, clock)
        self._queues: tuple[dict[str, _Pending], ...] = tuple({} for _ in Haste)
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._under_way: set[str] = set()
        self._tokens = BURST
        self._filled_at = clock.monotonic()

    def submit(self, ref: ObjectRef, memory: Memory) -> None:
        """Queue the status that `memory` holds when its turn comes.

        Args:
            ref: With the UID.
            memory: Asked for the status, and told when the API server has taken it.
        """
        before = (haste for haste in Haste if ref.uid in self._queues[haste])
        haste = min([_haste(memory), *before])
        for patient in self._queues[haste + 1 :]:
            patient.pop(ref.uid, None)
        self._queues[haste][ref.uid] = _Pending(ref, memory)
        self._arrived.set()
        self._idle.clear()

    def submit_figures(self, ref: ObjectRef, memory: Memory) -> None:
        """The same for an evaluation that passed: what is queued of the policy already will have its figures, too."""
        if not any(ref.uid in queue for queue in self._queues):
            self.submit(ref, memory)

    def forget(self, uid: str) -> None:
        """Drop what is queued of a policy."""
        for queue in self._queues:
            queue.pop(uid, None)
        self._settle_idle()

    def clear(self) -> None:
        """Drop everything queued: this process does not lead any more."""
        for queue in self._queues:
            queue.clear()
        self._settle_idle()

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENT_WRITES):
                group.create_task(self._work())

    async def flush(self) -> None:
        """Wait until nothing is queued or under way; the caller bounds the wait."""
        await self._idle.wait()

    async def _work(self) -> None:
        while True:
            pending = self._next()
            if pending is None:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            try:
                if pending.memory.compose() is None:
                    await asyncio.sleep(0)  # a long queue of them must not hold the loop up
                else:
                    await self._spend()
                    await self._write(pending)
            except Exception:  # a defect that one policy shows stays with it, as in the scheduler
                where = {"namespace": pending.ref.namespace, "policy": pending.ref.name}
                logger.exception("the status of %s could not be composed or written", pending.ref.name, extra=where)
            finally:
                self._under_way.discard(pending.ref.uid)
                self._arrived.set()
                self._settle_idle()

    def _next(self) -> _Pending | None:
        for queue in self._queues:
            for uid in queue:
                if uid not in self._under_way:
                    self._under_way.add(uid)
                    return queue.pop(uid)
        return None

    async def _spend(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * WRITES_PER_SECOND)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / WRITES_PER_SECOND)

    async def _write(self, pending: _Pending) -> None:
        status = pending.memory.compose()
        if status is None or not self._leadership.leads():
            return
        try:
            await self._policies.write_status(pending.ref, status.model_dump(mode="json"))
        except GoneError:
            logger.debug("the policy %s is gone before its status was written", pending.ref.name)
        except WriteError as error:
            self._complaints.tell("write the status of", pending.ref, error)
        else:
            pending.memory.wrote(status)

    def _settle_idle(self) -> None:
        if not (any(self._queues) or self._under_way):
            self._idle.set()


def _haste(memory: Memory) -> Haste:
    known = memory.written.last_scale_time if memory.written is not None else None
    if memory.status.last_scale_time != known:
        return Haste.SCALING
    return Haste.MEANING if change(memory.written, memory.status) is Change.MEANING else Haste.VALUES
