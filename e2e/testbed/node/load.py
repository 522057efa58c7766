"""Real HTTP load on the ready pods of a Deployment."""

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import requests

from e2e.testbed.node.workloads import PORT

_TIMEOUT_SECONDS = 10.0


def call(address: str, path: str) -> None:
    """Send one GET to a pod.

    Raises:
        requests.RequestException: It did not answer, or with an error.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.get(f"http://{address}:{PORT}{path}", timeout=_TIMEOUT_SECONDS).raise_for_status()


class Load:
    """So many requests a second, shared over the ready pods, as a Service would; a context manager.

    When too many wait, further ones are not sent, so that little is made up for after a standstill. A request that
    fails is counted: pods come and go under load.
    """

    def __init__(self, addresses: Callable[[], Sequence[str]], rate: float, *, most: int = 4) -> None:
        """Take where it goes; sends nothing yet.

        Args:
            addresses: Gives the addresses of the ready pods; called for each request.
            rate: Requests per second.
            most: How many may wait for their answer at once.
        """
        self._most = most
        self._addresses = addresses
        self._interval = 1 / rate
        self._end = threading.Event()
        self._free = threading.Semaphore(most)
        self._thread = threading.Thread(target=self._run, name="load")
        self.done = 0
        """Requests that were answered."""
        self.failed = 0
        """Requests that were not."""

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End, and wait for the requests under way."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(self._most) as pool:
            for turn in itertools.count():
                if self._end.wait(self._interval):
                    return
                pods = self._addresses()
                if pods and self._free.acquire(blocking=False):
                    pool.submit(self._send, pods[turn % len(pods)])

    def _send(self, address: str) -> None:
        try:
            call(address, "/")
            self.done += 1
        except requests.RequestException:
            self.failed += 1
        finally:
            self._free.release()
