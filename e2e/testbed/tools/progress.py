"""What somebody sees while something slow is made: a moving clock on a terminal, two plain lines elsewhere."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_TAIL_LINES = 30


class Task:
    """One slow command at a time under a title; the elapsed seconds are shown while it runs."""

    def __init__(self, stream: TextIO, title: str, verb: str) -> None:
        self._stream = stream
        self._title = title
        self._verb = verb
        self._start = time.monotonic()

    @property
    def seconds(self) -> int:
        """Whole seconds since the task began."""
        return int(time.monotonic() - self._start)

    def run(
        self, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Run a command to its end and return its exit code and the last lines of its output.

        When the caller is interrupted the command is stopped together with all that it started.
        """
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            child = subprocess.Popen(
                command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                code = self._watch(child)
            except BaseException:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
                raise
            output.seek(0)
            return code, "".join(output.readlines()[-_TAIL_LINES:])

    def _watch(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if self._stream.isatty():
                    self._stream.write(f"\r\x1b[K{self._title}: {self._verb}, {self.seconds} s")
                    self._stream.flush()


class Progress:
    """Writes to standard error unless told otherwise, so that standard output stays for results."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream

    def line(self, text: str) -> None:
        """Write one line at once."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    @contextmanager
    def task(self, title: str, verb: str) -> Iterator[Task]:
        """Announce a task and, when it ends, its duration."""
        if not self._stream.isatty():
            self.line(f"{title}: {verb}")
        task = Task(self._stream, title, verb)
        ending = "failed"
        try:
            yield task
            ending = "done"
        finally:
            clear = "\r\x1b[K" if self._stream.isatty() else ""
            self.line(f"{clear}{title}: {ending} after {task.seconds} s")
