"""A leash: a small process that stops the test bed's processes when the one that started them dies.

Contexts and handlers stop everything in order, but nobody can catch SIGKILL, `os._exit` or a crash. The parent
keeps the only write end of a pipe to the leash; the pipe ends when the parent does, however it does.

Run as a script: it reads lines `hold PID` and `free PID` from standard input, and at its end stops what is held.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_GRACE_SECONDS = 5.0


class Leash:
    """The parent's end; the process behind it starts with the first pid and ends with its parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def hold(self, pid: int) -> None:
        """Stop this process when we die."""
        self._tell("hold", pid)

    def free(self, pid: int) -> None:
        """Forget this process: it has ended, or it is meant to outlive us."""
        self._tell("free", pid)

    def _tell(self, word: str, pid: int) -> None:
        with self._lock:
            if self._process is None:
                # A session of its own: Ctrl-C in a terminal reaches us, and the leash only through us.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", str(Path(__file__))],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,  # whoever reads our output must not wait for the leash
                    text=True,
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            self._process.stdin.write(f"{word} {pid}\n")
            self._process.stdin.flush()


LEASH = Leash()


def _signal(pid: int, number: int) -> bool:
    """Send a signal; False when the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held: list[int] = []
    for line in sys.stdin:
        word, pid = line.split()
        with contextlib.suppress(ValueError):
            held.remove(int(pid))
        if word == "hold":
            held.append(int(pid))
    for pid in reversed(held):  # clients before the servers that they talk to
        _signal(pid, signal.SIGCONT)
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(_signal(pid, 0) for pid in held):
        time.sleep(0.05)
    for pid in held:
        _signal(pid, signal.SIGKILL)


if __name__ == "__main__":
    _main()
