"""What all servers have in common: processes that start in order, are awaited, and stop in reverse."""

import socket
from collections.abc import Callable, Sequence
from typing import Self

import requests

from e2e.testbed.processes import Process

_READY_SECONDS = 120.0
_GRACE_SECONDS = 1.0

Part = tuple[Process, Callable[[], bool]]
"""A process, and the question whether it is ready."""


class Server:
    """A server with what belongs to it; a context manager."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Take the processes in the order of their start; starts nothing."""
        self._parts = parts

    def __enter__(self) -> Self:
        """Start everything and return when it is ready; what does not come up is stopped again."""
        try:
            for process, ready in self._parts:
                process.start()
                process.wait_ready(ready, timeout=_READY_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop everything, clients before servers; what they keep is for nobody."""
        for process, _ in reversed(self._parts):
            process.stop(timeout=_GRACE_SECONDS)


def listens(port: int) -> Callable[[], bool]:
    """Ask whether somebody accepts connections on a port of loopback."""

    def ask() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask


def shows(port: int, series: str, path: str = "/metrics") -> Callable[[], bool]:
    """Ask whether a page of metrics on loopback has a line that begins so."""

    def ask() -> bool:
        try:
            page = requests.get(f"http://127.0.0.1:{port}{path}", timeout=5).text
        except requests.RequestException:
            return False
        return any(line.startswith(series) for line in page.splitlines())

    return ask
