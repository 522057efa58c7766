"""Whether this process does its work: the loop turns, the scheduler goes round, every watch stream is alive.

A watch can die while everything else looks well (reference, K2 and K4); then only a new process helps. While the API
server is away none helps, and all replicas would end together: so first it must answer a call (ADR 7).
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from deadband.engine.clock import Clock
from deadband.ports import DeniedError, GoneError, WriteError

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 10.0
"""Between two looks at the watches."""

PATIENCE_SECONDS = 30.0
"""How long a watch may be missing while the API server answers."""

MOST_LAG_SECONDS = 10.0
"""Beyond this the process is stuck."""

PULSE_SECONDS = 1.0


class Watches(Protocol):
    """The watch streams."""

    @property
    def expected(self) -> int:
        """How many streams there are when all are alive."""

    async def alive(self) -> int:
        """How many are alive."""


class DeafError(Exception):
    """A watch is gone for good; the process must end so that a new one watches again."""


class Vigil:
    """Looks after the process; the probes ask it."""

    def __init__(
        self,
        watches: Watches,
        call: Callable[[], Awaitable[object]],
        beat: Callable[[], float],
        lagged: Callable[[float], None],
        clock: Clock,
    ) -> None:
        """Begin with everything well.

        Args:
            watches: The watch streams.
            call: A cheap call that reads from the API server's storage; it fails with a WriteError.
            beat: When the scheduler last went round, on the monotonic clock.
            lagged: Told by how many seconds the loop woke up late.
            clock: For the waiting.
        """
        self._watches = watches
        self._call = call
        self._beat = beat
        self._lagged = lagged
        self._clock = clock
        self._pulse: float | None = None
        self._missing_since: float | None = None

    def faults(self) -> list[str]:
        """What only a restart would mend, in words; empty when all is well, and before the parts have started."""
        if self._pulse is None:
            return []
        now = self._clock.monotonic()
        found = []
        if now - self._pulse > MOST_LAG_SECONDS + PULSE_SECONDS:
            found.append(f"the event loop stood still for {now - self._pulse:.0f} s")
        if now - self._beat() > MOST_LAG_SECONDS + PULSE_SECONDS:
            found.append(f"the scheduler has not gone round for {now - self._beat():.0f} s")
        if self._missing_since is not None and now - self._missing_since >= PATIENCE_SECONDS:
            found.append(f"a watch has been missing for {now - self._missing_since:.0f} s")
        return found

    async def pulse(self) -> None:
        """Measure the loop's lag until cancelled."""
        while True:
            self._pulse = before = self._clock.monotonic()
            await self._clock.sleep(PULSE_SECONDS)
            self._pulse = self._clock.monotonic()
            self._lagged(max(0.0, self._pulse - before - PULSE_SECONDS))

    async def watch(self) -> None:
        """Look at the watches until one is missing for too long while the API server answers.

        Raises:
            DeafError: Then.
        """
        self._missing_since = self._clock.monotonic()  # until they have begun
        while True:
            await self._look()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def _look(self) -> None:
        alive = await self._watches.alive()
        if alive >= self._watches.expected:
            self._missing_since = None
            return
        answers = await self._answers()
        now = self._clock.monotonic()
        self._missing_since = now if self._missing_since is None or not answers else self._missing_since
        if not answers or now - self._missing_since >= LOOK_EVERY_SECONDS:
            away = "" if answers else ", and the API server does not answer"
            logger.warning("%d of %d watches are alive%s", alive, self._watches.expected, away)
        if now - self._missing_since >= PATIENCE_SECONDS:
            raise DeafError(
                f"{self._watches.expected - alive} of {self._watches.expected} watches have been gone for "
                f"{PATIENCE_SECONDS:.0f} s while the API server answers; ending, so that a new process watches again"
            )

    async def _answers(self) -> bool:
        """Whether the API server answers; a no for good is an answer, of which a new process says what is wrong."""
        try:
            await self._call()
        except (DeniedError, GoneError):
            return True
        except WriteError:
            return False
        return True
