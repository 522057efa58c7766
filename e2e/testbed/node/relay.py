"""How pytest runs a file's tests in the private machine: a second pytest does, and its reports are handed on.

Outside, the first test of the file starts the machine with a pytest of its own for all of them, and each test takes its
reports from there, as they come. Inside, nothing is different from any other file.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.testbed.node.inside import FOLDER
from e2e.testbed.node.machine import private_machine
from e2e.testbed.processes import Process

_REPORTS = "reports.jsonl"
_LONGEST_SECONDS = 900.0
_POLL_SECONDS = 0.1
_TAIL_CHARACTERS = 4000


def inside() -> bool:
    """Whether we run in a private machine."""
    return FOLDER in os.environ


class Relay:
    """The tests of one file, run in a private machine; made anew for each run of pytest."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        """Take the configuration of the pytest outside, and a folder for the machine and its logs."""
        self._config = config
        self._folder = folder
        self._stack = ExitStack()
        self._process: Process | None = None
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._failed = False
        self._read = 0
        self._deadline = 0.0

    def run(self, item: pytest.Item) -> None:
        """Hand on the reports of one test; starts the machine for the first one.

        A test of which the machine has no report, since it ended before, has failed with the end of its log.
        """
        if self._process is None:
            self._start(item)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports_of(item):
            if report.failed:
                self._failed = True
                report.sections.append(("private machine", f"Its logs are in {self._folder}"))
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def close(self) -> None:
        """Wait for the pytest inside to clean up and end the machine; the logs stay when a test has failed."""
        if self._process is not None:
            while self._process.running and time.monotonic() < self._deadline:
                time.sleep(_POLL_SECONDS)
        self._stack.close()
        big = ("containers", "kubelet", "cni", "sysctl", "data")
        for folder in [each for name in big for each in self._folder.rglob(name)] if self._failed else [self._folder]:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self, item: pytest.Item) -> None:
        tests = [each.nodeid for each in item.session.items if each.path == item.path]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={self._config.rootpath}"]
        command += ["-v", f"--basetemp={self._folder / 'tmp'}", *tests]
        self._deadline = time.monotonic() + _LONGEST_SECONDS
        log = self._folder / "pytest.log"
        self._process = self._stack.enter_context(private_machine(self._folder, command, log=log))

    def _reports_of(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        given = 0
        while True:
            self._take()
            known = self._reports.get(item.nodeid, [])
            yield from known[given:]
            given = len(known)
            if known and known[-1].when == "teardown":
                return
            assert self._process is not None
            if not self._process.running or time.monotonic() > self._deadline:
                self._take()
                if len(self._reports.get(item.nodeid, [])) == given:
                    yield _lost(item, self._process.log)
                    return
            time.sleep(_POLL_SECONDS)

    def _take(self) -> None:
        path = self._folder / _REPORTS
        if not path.exists():
            return
        with path.open() as file:
            file.seek(self._read)
            while (line := file.readline()).endswith("\n"):
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=json.loads(line))
                self._reports.setdefault(report.nodeid, []).append(report)
                self._read = file.tell()


class Reporter:
    """The plugin of the pytest inside: it writes every report where the relay outside reads it."""

    def __init__(self, config: pytest.Config) -> None:
        """Take the configuration of the pytest inside."""
        self._config = config
        self._path = Path(os.environ[FOLDER]) / _REPORTS

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write one report."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with self._path.open("a") as file:
            file.write(json.dumps(data) + "\n")


def failed(item: pytest.Item, text: str) -> pytest.TestReport:
    """Return the report of a test that failed before it could run."""
    return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "failed", text, "setup")


def _lost(item: pytest.Item, log: Path) -> pytest.TestReport:
    tail = log.read_text(errors="replace")[-_TAIL_CHARACTERS:] if log.exists() else "(no output)"
    return failed(item, f"the private machine ended, or took too long, without a report of this test:\n{tail}")
