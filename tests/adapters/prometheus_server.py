"""A server on loopback that answers as a test tells it to, and remembers what it was asked."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deadband.queries.sampling import INTERVALS


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        method: GET or POST.
        target: The path.
        headers: As sent.
        form: The body's names and values; with GET those of the URL.
        parameters: Names and values in the URL, in order.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    parameters: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send; `body` shorter than `length` is a connection that breaks."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


Answerer = Callable[[Request], Reply]


class Server:
    """The running server.

    Attributes:
        url: Base URL.
        answer: Makes the reply to a query; a test replaces it.
        queries: Requests to /api/v1/query, oldest first; without those by which the adapter learns of the source.
        looks: Requests to /api/v1/status/buildinfo, oldest first.
        up: Makes the reply to `count(up)`, by which the adapter tries the lookback.
        intervals: Makes the reply to the query for scrape intervals by job.
        usage_jobs: Makes the reply to the query for the jobs that report container usage.
        buildinfo: Reply to /api/v1/status/buildinfo.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer: Answerer = lambda _: vector()
        self.queries: list[Request] = []
        self.looks: list[Request] = []
        self.up: Answerer = lambda _: vector()
        self.intervals: Answerer = lambda _: vector("15")
        self.usage_jobs: Answerer = lambda _: vector()
        self.buildinfo = Reply(json.dumps({"status": "success", "data": {"version": "3.16.0"}}).encode())

    def reply(self, request: Request) -> Reply:
        """Note a request and answer it."""
        if request.target.endswith("/buildinfo"):
            self.looks.append(request)
            return self.buildinfo
        if request.form.get("query") == "count(up)":  # the adapter's own look at the lookback
            return self.up(request)
        if request.form.get("query") == INTERVALS:
            return self.intervals(request)
        if request.form.get("query", "").startswith("group by (job)"):
            return self.usage_jobs(request)
        self.queries.append(request)
        return self.answer(request)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up in the middle of an answer is what some tests are about."""


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve until the block ends; over HTTPS with a context."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(server.reply(_request(self)))

        do_POST = do_GET  # noqa: N815 - named by http.server

        def _reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(reply.body)
            if reply.length is not None:
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    listener = _Listener(("127.0.0.1", 0), Handler)
    if tls is not None:
        # The handshake belongs to the connection's own thread, which a client that refuses us may break off.
        listener.socket = tls.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def _request(handler: BaseHTTPRequestHandler) -> Request:
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
    parts = urlsplit(handler.path)
    parameters = parse_qsl(parts.query)
    form = dict(parse_qsl(body) if handler.command == "POST" else parameters)
    return Request(handler.command, parts.path, dict(handler.headers), form, parameters)


def success(kind: str, result: object, **more: object) -> Reply:
    """A successful answer of any result type."""
    return Reply(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode())


def vector(*values: str, **more: object) -> Reply:
    """An instant vector with one series per value, labelled n."""
    return success(
        "vector", [{"metric": {"n": str(n)}, "value": [1772366400, v]} for n, v in enumerate(values)], **more
    )


def failure(status: int, kind: str, message: str = "") -> Reply:
    """An error as Prometheus reports it."""
    return Reply(json.dumps({"status": "error", "errorType": kind, "error": message}).encode(), status)
