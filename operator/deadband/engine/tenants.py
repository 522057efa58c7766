"""Which namespaces may use which source: MetricSource `allowedNamespaces` against the labels of namespaces.

Namespaces are listed, once a minute and only while a source chooses among them; an installation without such a source
needs no right on namespaces.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent
from deadband.engine.clock import Clock
from deadband.engine.store import Store
from deadband.ports import DeniedError, WriteError

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 2.0
"""How soon a new source with a choice of namespaces can be used."""

READ_AGAIN_SECONDS = 60.0
"""How soon a changed label counts."""

Labels = Mapping[str, Mapping[str, str]]
"""Namespace to its labels."""


class Tenants:
    """Knows the labels of namespaces as of the last minute."""

    def __init__(self, store: Store, read: Callable[[], Awaitable[Labels]], clock: Clock) -> None:
        """Read nothing yet.

        Args:
            store: Knows the sources.
            read: Lists the namespaces; raises WriteError.
            clock: For the waiting.
        """
        self._store = store
        self._read = read
        self._clock = clock
        self._labels: Labels | None = None
        self._due = clock.monotonic()
        self._trouble = "the labels of namespaces are not read yet"

    async def run(self) -> None:
        """Read again and again, until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Read the labels if that is due and a source wants them."""
        wanted = any(
            source.spec is not None and source.spec.allowed_namespaces for source in self._store.sources.values()
        )
        if not wanted or self._clock.monotonic() < self._due:
            return
        try:
            self._labels = await self._read()
        except WriteError as error:
            logger.warning("namespaces cannot be read: %s", error, extra={"reason": error.reason})
            self._trouble = f"the labels of namespaces cannot be read: {error}"
            if isinstance(error, DeniedError):
                # A right that was taken away: what was read under it does not count any longer.
                self._labels = None
                self._trouble = "the operator may not read namespaces: set the chart's rbac.namespaceSelectors"
        self._due = self._clock.monotonic() + READ_AGAIN_SECONDS

    def refusal(self, source: str, spec: MetricSourceSpec, namespace: str) -> Absent | None:
        """Why policies of this namespace may not use this source; None when they may.

        While the API server does not answer, the labels that were read last count.
        """
        if spec.allowed_namespaces is None:
            return None
        if self._labels is None:
            return Absent(Reason.ERROR, f"MetricSource {source} chooses its namespaces, and {self._trouble}")
        labels = self._labels.get(namespace, {})
        if all(labels.get(key) == value for key, value in spec.allowed_namespaces.match_labels.items()):
            return None
        return Absent(Reason.ACCESS_DENIED, f"MetricSource {source} does not allow policies of namespace {namespace}")
