"""A real PostgreSQL with postgres_exporter."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from e2e.testbed import packages
from e2e.testbed.processes import Process, ProcessError, free_port, wait_until
from e2e.testbed.prometheus import ScrapeJob
from e2e.testbed.servers.server import Server, shows

USABLE_CONNECTIONS = 25
_RESERVED_CONNECTIONS = 3
_NOBODY = 65534
# PostgreSQL refuses to run as root. Whoever it runs as instead may still enter what only root may, and is not told
# otherwise by access(2), which asks without capabilities unless a secure bit says no.
_AS_NOBODY = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
_WHO_ENTERS = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
_COMPUTES = "SELECT count(*) FROM generate_series(1, 10000000000)"
_CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"


class PostgreSql(Server):
    """One server of which clients may use USABLE_CONNECTIONS, and clients of the role `app`.

    Attributes:
        process: The server; its children work for the clients.
    """

    def __init__(self, folder: Path, instance: str) -> None:
        """Take the folder for data and logs, and the label `instance` of its series; makes its data, starts nothing."""
        self._program = packages.program("postgres")
        self._instance = instance
        self._port, self._metrics = free_port(), free_port()
        self._clients: list[subprocess.Popen[str]] = []
        self._prefix = [*_AS_NOBODY, *_WHO_ENTERS] if os.getuid() == 0 else []
        data = folder / "data"
        self._initialize(data)
        self.process = self._server(data, folder / "postgres.log")
        exporter = self._exporter(folder / "postgres-exporter.log")
        super().__init__([(self.process, self._ready), (exporter, shows(self._metrics, "pg_up 1"))])

    def __enter__(self) -> Self:
        """Start everything and make the role."""
        super().__enter__()
        self._ask("CREATE ROLE app LOGIN")
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop everything, clients first."""
        self.close_connections()
        super().__exit__(*exception)

    @property
    def jobs(self) -> list[ScrapeJob]:
        """The exporter, under the name of the instance."""
        return [ScrapeJob("postgres", [f"127.0.0.1:{self._metrics}"], labels={"instance": self._instance})]

    def open_connections(self, count: int) -> None:
        """Let clients connect and stay, and return when the server has all of them."""
        self._clients += [self._psql("app", stdin=subprocess.PIPE) for _ in range(count)]
        expected = str(len(self._clients))
        wait_until(lambda: self._ask(_CLIENTS) == expected, timeout=30, what=f"PostgreSQL has {expected} clients")

    def compute(self) -> None:
        """Let one more client connect and keep a core busy for as long as it stays."""
        self._clients.append(self._psql("app", "-c", _COMPUTES))

    def close_connections(self) -> None:
        """Let all clients go, with what they asked for."""
        for client in self._clients:
            client.send_signal(signal.SIGINT)
            client.communicate()
        self._clients.clear()

    def _initialize(self, data: Path) -> None:
        data.mkdir(parents=True)
        if self._prefix:
            os.chown(data, _NOBODY, _NOBODY)
        initdb = [*self._prefix, str(self._program.beside("initdb")), "-D", str(data), "-U", "postgres"]
        initdb += ["-A", "trust", "--no-sync"]
        done = subprocess.run(
            initdb, env=self._program.environment, cwd="/", check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ProcessError(f"initdb ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def _server(self, data: Path, log: Path) -> Process:
        options = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": USABLE_CONNECTIONS + _RESERVED_CONNECTIONS,
            "superuser_reserved_connections": _RESERVED_CONNECTIONS,
            "fsync": "off",
        }
        command: list[str | Path] = [*self._prefix, self._program.binary, "-D", data]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Process("postgres", command, log=log, env=self._program.environment)

    def _exporter(self, log: Path) -> Process:
        exporter = packages.program("prometheus-postgres-exporter")
        source = f"postgresql://postgres@127.0.0.1:{self._port}/postgres?sslmode=disable"
        return Process(
            "postgres-exporter",
            [exporter.binary, f"--web.listen-address=127.0.0.1:{self._metrics}"],
            log=log,
            env=exporter.environment | {"DATA_SOURCE_NAME": source},
        )

    def _psql(self, role: str, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", role]
        return subprocess.Popen(
            [str(self._program.beside("psql")), "-X", "-A", "-t", *where, *words, "postgres"],
            env=self._program.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _ask(self, sql: str) -> str:
        return self._psql("postgres", "-c", sql).communicate()[0].strip()

    def _ready(self) -> bool:
        return self._ask("SELECT 'ready'") == "ready"
