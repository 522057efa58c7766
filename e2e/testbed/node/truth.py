"""What the kernel counted: the CPU time of the control groups of pods and containers, by the id that cAdvisor shows."""

import bisect
import os
import threading
import time
from pathlib import Path
from typing import Self

_TOP = Path("/sys/fs/cgroup")
GROUPS = _TOP / "cpuacct" if (_TOP / "cpuacct").exists() else _TOP
"""The folder of the topmost group, of version 1 or 2."""
_NANOSECONDS, _MICROSECONDS = 1e9, 1e6
_INTERVAL_SECONDS = 0.25


def cpu_seconds(group: Path) -> float | None:
    """Return the CPU seconds that a group and all below it have used since it was made; None when it is gone."""
    try:
        if GROUPS != _TOP:
            return int((group / "cpuacct.usage").read_text()) / _NANOSECONDS
        counters = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
        return int(counters["usage_usec"]) / _MICROSECONDS
    except OSError:
        return None


class Truth:
    """A record of the kernel's counters of all pods and their containers, from `with` on.

    Ids are those of cAdvisor: `/kubepods/burstable/pod<uid>` for a pod, one more part for a container.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._seconds: dict[str, list[float]] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._record, name="truth")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End; what was recorded stays."""
        self._end.set()
        self._thread.join()

    def ids(self) -> list[str]:
        """Every id that was seen."""
        return list(self._times)

    def began(self, group: str) -> float:
        """When a group was first seen, at most a quarter of a second after it was made; Unix seconds.

        Raises:
            KeyError: It was never seen.
        """
        return self._times[group][0]

    def ended(self, group: str) -> float:
        """When a group was last seen; now while it lives. Raises as `began`."""
        return self._times[group][-1]

    def used(self, group: str, start: float, end: float) -> float | None:
        """Return the CPU seconds that a group used between two Unix times; None where one was not recorded."""
        first, last = self._at(group, start), self._at(group, end)
        return None if first is None or last is None else last - first

    def _at(self, group: str, when: float) -> float | None:
        times, seconds = self._times.get(group, []), self._seconds.get(group, [])
        after = bisect.bisect_left(times, when)
        if after >= len(seconds) or when < times[0]:
            return None
        if after == 0:
            return seconds[0]
        share = (when - times[after - 1]) / (times[after] - times[after - 1])
        return seconds[after - 1] + share * (seconds[after] - seconds[after - 1])

    def _record(self) -> None:
        while not self._end.wait(_INTERVAL_SECONDS):
            for folder, _, _ in os.walk(GROUPS / "kubepods"):  # which passes over what goes meanwhile
                seconds = cpu_seconds(Path(folder))
                if seconds is not None:
                    key = f"/{Path(folder).relative_to(GROUPS)}"
                    self._seconds.setdefault(key, []).append(seconds)
                    self._times.setdefault(key, []).append(time.time())  # noqa: TID251 - to compare with samples
