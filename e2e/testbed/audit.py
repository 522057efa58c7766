"""The API server's audit log, read back completely up to now."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from e2e.testbed.processes import wait_until

_FLUSH_SECONDS = 10.0


def caller(event: Mapping[str, Any]) -> str:
    """Who made the request of an event; empty where the API server knew nobody (401)."""
    return str(event["user"].get("username", ""))


class AuditLog:
    """Reads a log of one JSON event per line that an API server appends to."""

    def __init__(self, path: Path, request: Callable[[str], object]) -> None:
        """Take the log's path and a function that makes one request to the API server under a given audit id."""
        self._path = path
        self._request = request

    def mark(self) -> int:
        """Return a position behind all that has happened so far, to read only what comes later."""
        return self._flushed_end()

    def events(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the audit.k8s.io/v1 events between a mark and now, oldest first.

        The server writes an event after it has answered, so a request of our own is sent and awaited in the log.
        That request is not in the result.
        """
        end = self._flushed_end()
        with self._path.open("rb") as log:
            log.seek(since)
            lines = log.read(end - since).splitlines()
        events: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [event for event in events if not event["auditID"].startswith(_FLUSH)]

    def _flushed_end(self) -> int:
        marker = f"{_FLUSH}{uuid.uuid4()}"
        start = self._path.stat().st_size if self._path.exists() else 0
        self._request(marker)
        end = start

        def written() -> bool:
            nonlocal end
            with self._path.open("rb") as log:
                log.seek(start)
                tail = log.read()
            found = tail.find(marker.encode())
            newline = tail.find(b"\n", found)
            end = start + newline + 1
            return found >= 0 and newline >= 0

        wait_until(written, timeout=_FLUSH_SECONDS, what="the audit log shows our own request")
        return end


_FLUSH = "testbed-flush-"
