"""A tiny exporter whose one gauge tests set: the load of each lane, shared by the replicas that deadband gave it.

The replicas are those that the API server accepted, seen at the proxy: no reading depends on how fast pods start.
"""

import threading
import time
from collections.abc import Mapping

from e2e.testbed.exporter import METRICS, Exporter

SERIES = "faults_load_per_replica"
COUNTER = "faults_work_total"
"""Grows by the load of a replica every second."""


class Readings(Exporter):
    """The exporter; a context manager. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Listen on a free port; nothing is served yet."""
        self._loads: dict[tuple[str, str], float] = {}
        self._replicas: dict[tuple[str, str], int] = {}
        self._work: dict[tuple[str, str], float] = {}
        self._worked_at = time.monotonic()
        self._lock = threading.Lock()
        super().__init__({METRICS: lambda: self.text().encode()})

    def load(self, namespace: str, lanes: Mapping[str, float]) -> None:
        """Offer loads to lanes of a namespace, by name."""
        self._loads |= {(namespace, lane): load for lane, load in lanes.items()}

    def scaled(self, namespace: str, lane: str, replicas: int) -> None:
        """Share the load of a lane by so many from now on."""
        self._replicas[namespace, lane] = replicas

    def reset(self) -> None:
        """Let the counters begin anew, as those of an exporter that was restarted do."""
        with self._lock:
            self._work.clear()

    def text(self) -> str:
        """The metrics page."""
        gauges, counters = [f"# TYPE {SERIES} gauge"], [f"# TYPE {COUNTER} counter"]
        with self._lock:
            elapsed, self._worked_at = time.monotonic() - self._worked_at, time.monotonic()
            for (namespace, lane), load in sorted(dict(self._loads).items()):
                share = load / max(1, self._replicas.get((namespace, lane), 1))
                work = self._work[namespace, lane] = self._work.get((namespace, lane), 0.0) + share * elapsed
                labels = f'{{namespace="{namespace}",lane="{lane}"}}'
                gauges.append(f"{SERIES}{labels} {share:.3f}")
                counters.append(f"{COUNTER}{labels} {work:.3f}")
        return "\n".join([*gauges, *counters]) + "\n"
