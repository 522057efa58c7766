"""One supervised child process: started, awaited, stopped, with its output in a log file."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from e2e.testbed.leash import LEASH

_POLL_SECONDS = 0.05
_TAIL_LINES = 30
# Below the range from which the kernel picks ports of outgoing connections, so that none is taken between our look
# and the server's bind.
_PORTS = range(15000, 32000)


class ProcessError(RuntimeError):
    """A process ended too early or did not become ready; the message ends with the tail of its log."""


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on now."""
    for _ in range(200):
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise ProcessError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def wait_until(check: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Ask `check` again and again until it says True.

    Args:
        check: May raise nothing; says True when the thing is so.
        timeout: Seconds.
        what: The thing, for the error: "the node is Ready".

    Raises:
        TimeoutError: It was not so within the timeout.
    """
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(_POLL_SECONDS)


class Process:
    """A program that runs beside us; startable again after it was stopped, on the same command and log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(word) for word in command]
        self._env = env
        self._cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """True from `start` until the process has ended for whatever reason."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The pid of the current or, when it has ended, the last run."""
        if self._child is None:
            raise ProcessError(f"{self.name} was never started")
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Exit code of the last run, negative for a signal; None while it runs or before the first start."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start it; its output is appended to the log. It lives in a session of its own and dies when we do."""
        if self.running:
            raise ProcessError(f"{self.name} already runs")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        LEASH.hold(self._child.pid)

    def wait_ready(self, probe: Callable[[], bool], *, timeout: float = 60.0) -> None:
        """Poll `probe` until it says True.

        Raises:
            ProcessError: The process ended meanwhile, or the timeout (seconds) passed.
        """

        def ready() -> bool:
            if not self.running:
                raise ProcessError(f"{self.name} ended with {self.returncode} while starting:\n{self.log_tail()}")
            return probe()

        try:
            wait_until(ready, timeout=timeout, what=f"{self.name} is ready")
        except TimeoutError as error:
            raise ProcessError(f"{error}; its log ends with:\n{self.log_tail()}") from None

    def wait(self, *, timeout: float) -> int:
        """Wait until it ends by itself and return the exit code.

        Raises:
            ProcessError: It still runs after the timeout (seconds).
        """
        if self._child is None:
            raise ProcessError(f"{self.name} was never started")
        try:
            code = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.name} still runs after {timeout:g} s:\n{self.log_tail()}") from None
        LEASH.free(self._child.pid)
        return code

    def stop(self, *, timeout: float = 10.0) -> None:
        """SIGTERM, and SIGKILL after the timeout (seconds); does nothing when it does not run."""
        if self._child is None:
            return
        if self.running:
            self.thaw()  # a frozen process would not notice the SIGTERM
            self._child.terminate()
            try:
                self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()
        LEASH.free(self._child.pid)

    def kill(self) -> None:
        """SIGKILL, as a crash or the kernel's out-of-memory killer would, and wait until it is gone."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            LEASH.free(self._child.pid)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: the end of `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def detach(self) -> None:
        """Let it outlive us."""
        LEASH.free(self.pid)

    def log_tail(self) -> str:
        """Return the last lines of the log, indented."""
        if not self.log.exists():
            return "  (no output)"
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (no output)"
