"""An exporter of a test: pages of metrics over HTTP, made anew for each scrape."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

METRICS = "/metrics"
"""Where Prometheus looks unless it is told otherwise."""

Pages = Mapping[str, Callable[[], bytes]]
"""By path, what makes the page; called in a thread for each request."""


class Exporter:
    """A context manager that serves on a free port of loopback."""

    def __init__(self, pages: Pages) -> None:
        """Listen; nothing is answered yet."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(pages))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        """Host and port."""

    def __enter__(self) -> Self:
        """Answer."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            if page is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = page()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            """Say nothing."""

    return Handler
