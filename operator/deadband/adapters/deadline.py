"""A deadline for a whole exchange over HTTP, whatever the server does: when it passes, the connection is cut.

The timeout of a socket is for one read. A server that sends a byte now and then (in its headers, in the size of a
chunk, in trailers or interim answers without end) never lets one pass and would keep a thread for ever. Source: Python
documentation, `http.client`; it reads all of these with no limit on the time.
"""

import contextlib
import os
import socket
import threading
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """What the calling thread sends and receives over an `AdapterWithDeadline` inside the block ends in time.

    The look-up of a host name is not cut: the resolver has time limits of its own.

    Attributes:
        passed: The connection was cut; what was read until then is no whole answer.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Begin to count."""
        _running.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the connection."""
        _running.deadline = None
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()
        del self._timer  # it holds us: a circle, which only the garbage collector would undo

    def covers(self, connection: socket.socket) -> None:
        """Cut this connection, too, when the time has come."""
        # A descriptor of its own: TLS takes the plain socket away from whoever holds it.
        line = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._lines.append(line)
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for line in self._lines:
                with contextlib.suppress(OSError):  # the other side was faster
                    line.shutdown(socket.SHUT_RDWR)


class _Running(threading.local):
    """The deadline of the exchange that each thread is in."""

    deadline: Deadline | None = None


_running = _Running()


def _cover(connection: socket.socket | None) -> None:
    if connection is not None and _running.deadline is not None:
        _running.deadline.covers(connection)


class _Covered(HTTPConnection):
    """Covered from the moment it is connected, before TLS, and anew at each request over a kept connection."""

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        _cover(connection)
        return connection

    def request(self, *given: Any, **named: Any) -> None:
        _cover(self.sock)
        super().request(*given, **named)


class _CoveredTls(_Covered, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Covered


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _CoveredTls


class AdapterWithDeadline(HTTPAdapter):
    """Connections that a `Deadline` can cut."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*given, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
