"""What one run found, as plain data: rows by the number of policies, and the machine it ran on."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from e2e.bench.pace import Pace

PER_SECONDS = 15.0
"""CPU is told per so many seconds, whatever the interval was."""
OF_ALL = frozenset({"leases", "metricsources/status"})
"""Resources that the operator writes once for all policies."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a phase of some seconds cost.

    Attributes:
        operator_cpu: CPU seconds of the operator per 15 s.
        prometheus_cpu: CPU seconds of Prometheus per 15 s for queries and the own metrics: less what scraping the
            exporters costs it.
        queries_per_second: That Prometheus counted.
        evaluations_per_second: That the operator counted.
        writes: By resource, per policy and hour; the Lease and the sources' status per hour.
        lag_p50, lag_p99: Seconds by which evaluations began late, from the operator's own histogram.
        resident: Megabytes of the operator at the end.
    """

    operator_cpu: float
    prometheus_cpu: float
    queries_per_second: float
    evaluations_per_second: float
    writes: dict[str, float]
    lag_p50: float | None
    lag_p99: float | None
    resident: float


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the operator.

    Attributes:
        ready: Seconds until /readyz passed.
        evaluated: Seconds until every policy had been evaluated once.
        cpu: CPU seconds until then.
        writes: By resource, from the start until two intervals after the last first evaluation.
    """

    ready: float
    evaluated: float
    cpu: float
    writes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Naive:
    """One interval of the naive design; CPU and wall in seconds."""

    queries: int
    client_cpu: float
    prometheus_cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Row:
    """Everything of one number of policies.

    Attributes:
        policies, pods: How many.
        scraping_cpu: CPU seconds of Prometheus per 15 s before there was an operator.
        prometheus_resident: Megabytes of Prometheus.
        first_start: With nothing in any status.
        restart: After SIGKILL.
        quiet, noisy: Nothing changes; every reading changes with every scrape.
        reaction: Seconds from each crossing of a threshold to the scale write, sorted.
        peak_resident: The most megabytes that the operator had.
        naive: The design to compare with.
    """

    policies: int
    pods: int
    scraping_cpu: float
    prometheus_resident: float
    first_start: Start
    restart: Start
    quiet: Load
    noisy: Load
    reaction: tuple[float, ...]
    peak_resident: float
    naive: Naive

    @property
    def cost(self) -> float:
        """CPU seconds of operator and Prometheus together per 15 s of quiet."""
        return self.quiet.operator_cpu + self.quiet.prometheus_cpu

    @property
    def naive_cost(self) -> float:
        """The same of the naive design, which asks once in an interval."""
        return self.naive.client_cpu + self.naive.prometheus_cpu

    @property
    def ratio(self) -> float:
        """How many times as much the naive design costs."""
        return self.naive_cost / self.cost


def document(rows: Sequence[Row], pace: Pace) -> dict[str, Any]:
    """A run as plain data, with what its figures depend on."""
    settings = {
        "interval_seconds": pace.interval,
        "scrape_seconds": pace.scrape,
        "measured_seconds": pace.window,
    }
    return {"machine": machine(), "settings": settings, "rows": [asdict(row) for row in rows]}


def save(found: Mapping[str, Any], path: Path) -> None:
    """Write a run as JSON."""
    path.write_text(json.dumps(found, indent=2) + "\n")


def load(path: Path) -> list[Row]:
    """Read the rows of a run that was saved."""
    return [_row(row) for row in json.loads(path.read_text())["rows"]]


def _row(row: dict[str, Any]) -> Row:
    parts = {
        **{name: Start(**row[name]) for name in ("first_start", "restart")},
        **{name: Load(**row[name]) for name in ("quiet", "noisy")},
        "naive": Naive(**row["naive"]),
        "reaction": tuple(row["reaction"]),
    }
    return Row(**{**row, **parts})


def machine() -> dict[str, str | int]:
    """What the figures depend on; nothing that names the machine."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "deadband": version("deadband"),
    }
