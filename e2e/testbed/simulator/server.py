"""The simulator as a running thing: the world on the wall clock, the watcher, and the HTTP endpoints."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import ValidationError

from e2e.testbed.simulator.cluster import Cluster
from e2e.testbed.simulator.exposition import EXPORTERS, Exposition
from e2e.testbed.simulator.kubelets import Kubelets
from e2e.testbed.simulator.scenario import Change, Scenario
from e2e.testbed.simulator.states import Truth
from e2e.testbed.simulator.watcher import KubeWatcher
from e2e.testbed.simulator.world import World


class Simulator:
    """A simulator on a loopback port: ``with Simulator(scenario, kubeconfig) as simulator: …``.

    ``port`` 0 takes a free one; after :meth:`start` ``port`` and ``url`` are the real ones. Without a kubeconfig the
    cluster is what :meth:`observe` was given. All methods may be called from any thread.
    """

    def __init__(
        self, scenario: Scenario | Mapping[str, Any], kubeconfig: str | None, *, port: int = 0, seed: int | None = None
    ) -> None:
        parsed = scenario if isinstance(scenario, Scenario) else Scenario.model_validate(scenario)
        self.world = World(parsed, time.monotonic(), seed, epoch=datetime.now(UTC).timestamp() - time.monotonic())
        self._lock = threading.Lock()
        self._watcher = KubeWatcher(kubeconfig, self._seen, ended=self._ended) if kubeconfig is not None else None
        self._kubelets = Kubelets(self._watcher.api) if self._watcher is not None else None
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._registries = {name: CollectorRegistry(auto_describe=False) for name in EXPORTERS}
        for name, registry in self._registries.items():
            registry.register(Exposition(self.world, name))

    @property
    def port(self) -> int:
        """The port that the endpoints are on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Read the cluster once, then serve and poll in the background; when that reading fails nothing stays open."""
        try:
            if self._watcher is not None:
                self._watcher.start()
            self._thread.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop polling and serving; returns when both have ended."""
        if self._watcher is not None:
            self._watcher.stop()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def observe(self, cluster: Cluster) -> None:
        """Take a new observation of the cluster."""
        with self._lock:
            self.world.observe(cluster, time.monotonic())

    def _seen(self, cluster: Cluster) -> None:
        self.observe(cluster)
        assert self._kubelets is not None  # who watches a cluster writes to it
        with self._lock:
            orders = self.world.orders()
        self._kubelets.settle(cluster, orders)

    def _ended(self) -> None:
        assert self._kubelets is not None
        self._kubelets.release()

    def apply(self, change: Change | Mapping[str, Any]) -> None:
        """Change loads, queues or databases at once.

        Raises pydantic.ValidationError for a wrong shape and KeyError for an unknown name; nothing is changed then.
        """
        parsed = change if isinstance(change, Change) else Change.model_validate(change)
        with self._lock:
            self.world.apply(parsed, time.monotonic())

    def truth(self) -> dict[str, Truth]:
        """Return the ground truth of this instant, by ``namespace/name``."""
        with self._lock:
            self.world.advance(time.monotonic())
            return {f"{truth.namespace}/{truth.name}": truth for truth in self.world.truth()}

    def queue_depth(self, name: str) -> int:
        """Return the messages ready in a queue at this instant; KeyError for an unknown one."""
        with self._lock:
            self.world.advance(time.monotonic())
            return self.world.queues[name].ready

    def connections_percent(self, instance: str) -> float:
        """Return the percent of a database's usable connections that are open now; KeyError for an unknown one."""
        with self._lock:
            self.world.advance(time.monotonic())
            state = self.world.databases[instance]
            return 100 * state.connections / state.config.usable_connections

    def exposition(self, exporter: str = "") -> bytes:
        """Return the text of one exporter at this instant; KeyError for an unknown one."""
        registry = self._registries[exporter]
        with self._lock:
            self.world.advance(time.monotonic())
            return generate_latest(registry)


def _handler(simulator: Simulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """GET /metrics, GET /metrics/<exporter>, GET /truth, POST /load."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            exporter = path.removeprefix("/metrics").removeprefix("/")
            if path == "/truth":
                truth = {key: dataclasses.asdict(value) for key, value in simulator.truth().items()}
                self._answer(200, json.dumps(truth).encode(), "application/json")
            elif path.startswith("/metrics") and exporter in EXPORTERS:
                self._answer(200, simulator.exposition(exporter), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b"not found\n")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/load":
                self._answer(404, b"not found\n")
                return
            try:
                simulator.apply(Change.model_validate_json(body))
            except (ValidationError, KeyError) as error:
                self._answer(400, f"{error}\n".encode())
            else:
                self._answer(204, b"")

        def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class prescribes the name
            """Say nothing: a scrape every second or two would drown what matters."""

    return Handler
