"""A real VictoriaMetrics of one node on loopback, which is told its samples instead of scraping."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import requests

from e2e.testbed import tools
from e2e.testbed.processes import Process, free_port

VERSION_IT_TELLS = "2.24.0"
"""It answers /api/v1/status/buildinfo with a version of Prometheus (its app/vmselect/main.go)."""


class VictoriaMetrics:
    """One server with its own port and data; a context manager."""

    def __init__(self, run_directory: Path) -> None:
        """Take the folder for data and log; starts nothing."""
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.process = Process(
            "victoria-metrics",
            [
                tools.path("victoria-metrics"),
                f"-httpListenAddr={address}",
                f"-storageDataPath={run_directory / 'data'}",
                "-loggerLevel=WARN",
            ],
            log=run_directory / "victoria-metrics.log",
        )

    def __enter__(self) -> Self:
        """Start it and return when it answers."""
        try:
            self.process.start()
            self.process.wait_ready(self._ready)
        except BaseException:
            self.process.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop it."""
        self.process.stop()

    def take(self, samples: Iterable[str]) -> None:
        """Take samples in the text format with a time in seconds, and return when they can be asked for."""
        lines = (f"{sample}000" for sample in samples)  # where Prometheus's format has milliseconds
        self._post("/api/v1/import/prometheus", "\n".join(lines))
        self._post("/internal/force_flush", "")

    def _post(self, path: str, body: str) -> None:
        requests.post(f"{self.url}{path}", data=body.encode(), timeout=30).raise_for_status()

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False
