"""The same trouble with thousands of policies is one log line a minute, not thousands a second."""

import logging

from deadband.engine.clock import Clock
from deadband.ports import ObjectRef, WriteError

EVERY_SECONDS = 60.0


class Complaints:
    """Tells of failed writes: the first of each kind at once, the rest as a number."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._untold: dict[tuple[str, str], int] = {}

    def tell(self, what: str, about: ObjectRef, error: WriteError) -> None:
        """Log, or count until the minute is over.

        Args:
            what: What could not be done, such as "scale for".
            about: Whose it was.
            error: Its reason tells kinds of trouble apart.
        """
        kind, now = (what, error.reason), self._clock.monotonic()
        if now - self._told.get(kind, -EVERY_SECONDS) < EVERY_SECONDS:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told[kind] = now
        more = self._untold.pop(kind, 0)
        self._logger.warning(
            "could not %s %s: %s%s",
            what,
            about.name,
            error,
            f" (and {more} more in the last minute)" if more else "",
            extra={"namespace": about.namespace, "object": about.name, "reason": error.reason},
        )
