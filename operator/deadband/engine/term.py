"""One term of leadership: the store is made complete first, then the scheduler begins."""

import asyncio
import logging

from deadband.core.types import Outage
from deadband.engine.clock import Clock
from deadband.engine.resync import RETRY_SECONDS, Resync
from deadband.engine.scheduler import Scheduler
from deadband.ports import WriteError

logger = logging.getLogger(__name__)


class Term:
    """Begins and ends with the Lease; both calls return at once, so that renewals are never late."""

    def __init__(self, scheduler: Scheduler, resync: Resync, clock: Clock) -> None:
        self._scheduler = scheduler
        self._resync = resync
        self._clock = clock
        self._beginning: asyncio.Task[None] | None = None

    def begin(self, outage: Outage | None) -> None:
        """Lead; `outage` is the time before in which nobody did."""
        self._beginning = asyncio.create_task(self._begin(outage), name="begin the term")

    def end(self) -> None:
        """Lead no more."""
        if self._beginning is not None:
            self._beginning.cancel()
        self._scheduler.follow()

    async def _begin(self, outage: Outage | None) -> None:
        # What the last leader wrote may not have come through the watch yet: its status is this term's memory.
        while True:
            try:
                await self._resync.once()
            except WriteError as error:
                logger.warning("cannot lead yet, could not list: %s", error, extra={"reason": error.reason})
                await self._clock.sleep(RETRY_SECONDS)
            else:
                break
        self._scheduler.lead(outage)
