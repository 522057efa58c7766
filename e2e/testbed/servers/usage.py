"""The CPU time that a server really uses here, shown as the kubelet's cAdvisor would show that of its pod."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from e2e.testbed.processes import free_port
from e2e.testbed.prometheus import ScrapeJob

_TICKS = os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat after the name in parentheses, see proc(5): its parent; its own time, and that of ended children.
_PARENT, _OWN, _WITH_ENDED = 1, slice(11, 13), slice(11, 15)


class Usage(Collector):
    """A page with the CPU time of one process and its children; a context manager."""

    def __init__(self, pid: int, *, namespace: str, pod: str, container: str) -> None:
        """Take the process, and whose it pretends to be; serves nothing yet."""
        self._pid = pid
        self._labels = {"namespace": namespace, "pod": pod, "container": container, "cpu": "total"}
        self._port = free_port()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def __enter__(self) -> Self:
        """Serve it."""
        self._server, self._thread = start_http_server(self._port, "127.0.0.1", self._registry)
        return self

    def __exit__(self, *exception: object) -> None:
        """Serve it no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def job(self) -> ScrapeJob:
        """The page."""
        return ScrapeJob("cadvisor", [f"127.0.0.1:{self._port}"])

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read it from the kernel."""
        family = CounterMetricFamily("container_cpu_usage_seconds", "CPU time.", labels=list(self._labels))
        family.add_metric(list(self._labels.values()), self._seconds())
        yield family

    def _seconds(self) -> float:
        ticks = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended between two looks
            if process.name == str(self._pid):
                ticks += sum(map(int, fields[_WITH_ENDED]))
            elif fields[_PARENT] == str(self._pid):
                ticks += sum(map(int, fields[_OWN]))
        return ticks / _TICKS
