"""What a kubelet does for a container: an operator that ended is started again, and the end is remembered."""

import threading
import time
from dataclasses import dataclass
from typing import Self

from e2e.testbed.installation import Operator

_LOOK_SECONDS = 0.05
_BACKOFF_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Exit:
    """One end of the process.

    Attributes:
        at: Seconds of the monotonic clock.
        code: As subprocess gives it: negative for a signal.
    """

    at: float
    code: int


class Supervisor:
    """Keeps one operator running; a context manager."""

    def __init__(self, operator: Operator) -> None:
        """Start nothing yet."""
        self.operator = operator
        self.exits: list[Exit] = []
        """Every end that nobody asked `__exit__` for, oldest first."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Start it and return when it is ready."""
        self.operator.start()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Let it end, for good."""
        self.pause()

    def pause(self) -> None:
        """Let it end, and start nothing in its place."""
        self._ending.set()
        self._thread.join()
        self.operator.process.stop()

    def exchange(self, operator: Operator) -> None:
        """Let it end, and keep another one running in its place."""
        self.pause()
        self.operator = operator
        self._ending.clear()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        operator.start()
        self._thread.start()

    def kill(self) -> None:
        """SIGKILL; it comes back as after any other end."""
        self.operator.process.kill()

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            code = self.operator.process.returncode
            if code is None:
                continue
            self.exits.append(Exit(time.monotonic(), code))
            if not self._ending.wait(_BACKOFF_SECONDS):
                self.operator.process.start()
