"""What is read off while something runs: CPU and memory of processes, counters, and writes in the audit log."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

_SCHEDULED = 2
"""The kernel's CPUCLOCK_SCHED: time on a processor, user and system together."""
_READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process in megabytes (10^6 bytes): now, and the most so far."""

    now: float
    peak: float


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a running process and all of its threads so far, to the nanosecond.

    Read from the process's CPU clock (clock_getcpuclockid(3)): /proc has the same time in ticks of 10 ms, too coarse
    for an operator that takes a tenth of a second in a whole window.
    """
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def memory(pid: int) -> Memory:
    """Resident memory of a running process (proc(5): status)."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return Memory(*(int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")))


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Values of one sample name of an exposition by its labels' values in order of their names.

    The other lines are not parsed: an operator of 5,000 policies shows 100,000 of them.
    """
    mine = "\n".join(line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(mine + "\n")
        for sample in family.samples
    }


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Estimate a quantile from the counts of cumulative buckets by upper bound, as histogram_quantile does.

    None when nothing was counted; the last finite bound when it lies above that.
    """
    whole = buckets.get(float("inf"), 0)
    if not whole:
        return None
    low, below = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= share * whole:
            return low if bound == float("inf") else low + (bound - low) * (share * whole - below) / (count - below)
        low, below = bound, count
    raise AssertionError("the last bucket holds everything")


def written(events: Iterable[Mapping[str, object]], user: str) -> Counter[str]:
    """Count a user's successful writes of an audit log by resource and subresource, such as `deployments/scale`."""
    return Counter(_resource(event) for event in events if _writes(event, user))


def write_times(events: Iterable[Mapping[str, object]], user: str, resource: str) -> dict[tuple[str, str], str]:
    """When a user first wrote each object of a resource: RFC 3339 by namespace and name."""
    found: dict[tuple[str, str], str] = {}
    for event in events:
        if _writes(event, user) and _resource(event) == resource:
            reference = _reference(event)
            found.setdefault((reference["namespace"], reference["name"]), str(event["requestReceivedTimestamp"]))
    return found


def _writes(event: Mapping[str, object], user: str) -> bool:
    status, who = event.get("responseStatus"), event["user"]
    assert isinstance(who, dict)
    done = isinstance(status, dict) and status.get("code", 0) < 300
    return who["username"] == user and event["verb"] not in _READS and done


def _reference(event: Mapping[str, object]) -> dict[str, str]:
    reference = event.get("objectRef")
    assert isinstance(reference, dict)
    return reference


def _resource(event: Mapping[str, object]) -> str:
    reference = _reference(event)
    return "/".join(part for part in (reference["resource"], reference.get("subresource")) if part)
