"""A real Redis with redis_exporter."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from e2e.testbed import packages
from e2e.testbed.processes import Process, free_port
from e2e.testbed.prometheus import ScrapeJob
from e2e.testbed.servers.server import Server, listens, shows

_APPEND = "for number = 1, ARGV[1] do redis.call('RPUSH', KEYS[1], number) end"


class Redis(Server):
    """One server, and the lists that its exporter looks at."""

    def __init__(self, folder: Path, lists: Sequence[str]) -> None:
        """Take the folder for logs and the names of the lists; starts nothing."""
        self._port, self._metrics = free_port(), free_port()
        self._program = packages.program("redis-server")
        server: list[str | Path] = [self._program.binary, "--port", str(self._port), "--bind", "127.0.0.1"]
        server += ["--save", "", "--dir", folder]
        exporter: list[str | Path] = [packages.program("prometheus-redis-exporter").binary]
        exporter += [f"--redis.addr=redis://127.0.0.1:{self._port}"]
        exporter += [f"--web.listen-address=127.0.0.1:{self._metrics}"]
        exporter += [f"--check-single-keys={','.join(f'db0={name}' for name in lists)}"]
        folder.mkdir(parents=True)
        redis = Process("redis", server, log=folder / "redis.log", env=self._program.environment)
        metrics = Process("redis-exporter", exporter, log=folder / "redis-exporter.log")
        super().__init__([(redis, listens(self._port)), (metrics, shows(self._metrics, "redis_up 1"))])

    @property
    def jobs(self) -> list[ScrapeJob]:
        """The exporter."""
        return [ScrapeJob("redis", [f"127.0.0.1:{self._metrics}"])]

    def put(self, name: str, count: int) -> None:
        """Append elements to a list."""
        self._run("EVAL", _APPEND, "1", name, str(count))

    def take(self, name: str, count: int) -> None:
        """Remove a list's first elements."""
        self._run("LTRIM", name, str(count), "-1")

    def _run(self, *words: str) -> None:
        client = [str(self._program.beside("redis-cli")), "-p", str(self._port), "-e", *words]
        subprocess.run(client, env=self._program.environment, check=True, capture_output=True)
