"""Real Alertmanagers on loopback, alone or as one cluster, and a receiver of what they notify."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import requests
import yaml

from e2e.testbed import tools
from e2e.testbed.processes import Process, free_port

QUIET: Mapping[str, Any] = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
"""A configuration that notifies nobody."""


class Alertmanager:
    """One replica; stopped and started again it answers on the same address, and has forgotten its alerts."""

    def __init__(
        self,
        run_directory: Path,
        configuration: Mapping[str, Any] = QUIET,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        gossip: int | None = None,
        peers: Sequence[int] = (),
    ) -> None:
        """Take what it is made of; starts nothing.

        Args:
            run_directory: For configuration, data and log.
            configuration: Routes and receivers.
            host: Where it listens.
            port: Likewise; None: a free one.
            gossip: Port on which the replicas of a cluster meet; None: it is alone.
            peers: The others' ports of that kind.
        """
        run_directory.mkdir(parents=True, exist_ok=True)
        written = run_directory / "alertmanager.yml"
        written.write_text(yaml.safe_dump(dict(configuration)))
        self.port = port or free_port()
        self.url = f"http://{host}:{self.port}"
        cluster = ["--cluster.listen-address="]
        if gossip is not None:
            here = f"127.0.0.1:{gossip}"
            cluster = [f"--cluster.listen-address={here}", f"--cluster.advertise-address={here}"]
            # A replica leaves the others so much time to notify before it does so itself.
            cluster += ["--cluster.peer-timeout=2s", "--cluster.settle-timeout=1s"]
            cluster += [f"--cluster.peer=127.0.0.1:{peer}" for peer in peers]
        self.process = Process(
            "alertmanager",
            [
                tools.path("alertmanager"),
                f"--config.file={written}",
                f"--storage.path={run_directory / 'data'}",
                f"--web.listen-address={host}:{self.port}",
                "--log.level=warn",
                *cluster,
            ],
            log=run_directory / "alertmanager.log",
        )

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.process.stop()

    def start(self) -> None:
        """Start it and return when it takes alerts."""
        self.process.start()
        self.process.wait_ready(self._ready)

    def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """Alerts that last and have these labels, as its API shows them."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        return [alert for alert in found if labels.items() <= alert["labels"].items()]

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert of one notification.

    Attributes:
        path: Of the webhook, which tells the receiver.
        status: firing or resolved.
        labels: Of the alert.
        annotations: Likewise.
    """

    path: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Webhook:
    """A server that keeps every notification it gets."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        kept = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    kept.append(Notification(self.path, alert["status"], alert["labels"], alert["annotations"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Be silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def of(self, policy: str, status: str) -> list[Notification]:
        """What was notified of one policy, oldest first."""
        return [one for one in self.notifications if (one.labels["policy"], one.status) == (policy, status)]
