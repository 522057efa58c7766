"""A LIST that repairs the store: watches lose deletions and sometimes whole streams (reference, K1)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from deadband.engine.clock import Clock
from deadband.engine.store import KINDS, Kind, PolicyChange, Store
from deadband.ports import DeniedError, ScaledObject, WriteError

logger = logging.getLogger(__name__)

EVERY_SECONDS = 300.0
"""How long a missed event can go unnoticed."""

GIVE_WAY_SECONDS = 1.0
"""Before the first LIST of a process that does not lead."""

RETRY_SECONDS = 5.0
"""After a LIST that failed."""

SOON_SECONDS = 10.0
"""A LIST is this long after the last one when a call has found gone what the store holds."""

SCALED_OBJECTS_EVERY_SECONDS = 60.0
"""How long an installation of KEDA, and each of its ScaledObjects, can go unnoticed: no watch tells of them."""

CHUNK = 50
"""Objects taken in before the event loop may answer a probe."""


class Lists(Protocol):
    """Every object of the kinds that the store holds, read from the API server."""

    def pages(self, kind: Kind) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """All objects of a kind, page by page; one may come twice."""

    async def list_scaled_objects(self) -> Sequence[ScaledObject]:
        """All of KEDA's ScaledObjects; none where the cluster does not know the kind."""


class Resync:
    """Keeps the store equal to the API server."""

    def __init__(self, store: Store, lists: Lists, take: Callable[[list[PolicyChange]], None], clock: Clock) -> None:
        """Start unsynced.

        Args:
            store: What is repaired.
            lists: The API server.
            take: Told of the policies that must be evaluated or forgotten.
            clock: For the waiting.
        """
        self._store = store
        self._lists = lists
        self._take = take
        self._clock = clock
        self._turn = asyncio.Lock()
        self._due = clock.monotonic()
        self.synced = False
        """True once every kind was listed: the store is complete."""

    async def once(self) -> None:
        """List every kind and repair the store.

        Raises:
            WriteError: The API server did not list; what was listed before stays repaired.
        """
        async with self._turn:
            await self._repair()

    def doubt(self) -> None:
        """A call has found gone what the store holds: its deletion was missed, and perhaps more was; list soon."""
        self._due = self._clock.monotonic()

    async def run(self) -> None:
        """Repair the store every few minutes, and soon after a doubt, until cancelled; a failure is tried again.

        Whoever becomes leader in the first second lists for its term anyway.
        """
        await self._clock.sleep(GIVE_WAY_SECONDS)
        while True:
            try:
                async with self._turn:
                    if self._clock.monotonic() >= self._due:
                        await self._repair()
            except WriteError as error:
                logger.warning("could not list: %s", error, extra={"reason": error.reason})
                await self._clock.sleep(RETRY_SECONDS)
            else:
                await self._clock.sleep(SOON_SECONDS)

    async def look_for_scaled_objects(self) -> None:
        """List the ScaledObjects anew. KEDA is not ours: what is wrong with it keeps nothing else from going on."""
        try:
            found = await self._lists.list_scaled_objects()
        except WriteError as error:
            logger.warning("ScaledObjects cannot be listed: %s", error, extra={"reason": error.reason})
            if not isinstance(error, DeniedError):
                return  # what was listed last is the best that is known
            found = ()
        self._store.scalables.hold_scaled_objects(found)

    async def run_for_scaled_objects(self) -> None:
        """List the ScaledObjects once a minute, until cancelled; `once` has done so before anything is evaluated."""
        while True:
            await self._clock.sleep(SCALED_OBJECTS_EVERY_SECONDS)
            await self.look_for_scaled_objects()

    async def _repair(self) -> None:
        for kind in KINDS:
            known = self._store.known(kind)
            listed: set[str] = set()
            async for page in self._lists.pages(kind):
                for index, obj in enumerate(page):
                    listed.add(obj["metadata"]["uid"])
                    self._apply(kind, obj)
                    if index % CHUNK == CHUNK - 1:
                        await asyncio.sleep(0)
            self._take(self._store.drop_ghosts(kind, known=known, listed=listed))
        await self.look_for_scaled_objects()
        if not self.synced:
            logger.info(
                "store complete: %d policies, %d sources, %d workloads",
                len(self._store.policies),
                len(self._store.sources),
                len(self._store.scalables.workloads),
            )
        self.synced = True
        self._due = self._clock.monotonic() + EVERY_SECONDS

    def _apply(self, kind: Kind, obj: Mapping[str, Any]) -> None:
        """Take one object in; a defect of ours that it shows must not keep all the others out."""
        try:
            self._take(self._store.apply(kind, None, obj))
        except Exception:
            metadata = obj["metadata"]
            where = {"namespace": metadata.get("namespace", ""), "object": metadata.get("name")}
            logger.exception("a %s cannot be taken in", kind, extra=where)
