"""Tests that pytest runs in a private machine: what comes back of them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFTEST = """
from pathlib import Path

import pytest

from e2e.testbed.node import relay


def pytest_configure(config):
    if relay.inside():
        config.pluginmanager.register(relay.Reporter(config))
    else:
        config.relay = relay.Relay(config, Path("machine").absolute())


def pytest_runtest_protocol(item, nextitem):
    if relay.inside():
        return None
    item.config.relay.run(item)
    if nextitem is None:
        item.config.relay.close()
    return True
"""
TESTS = """
import os
import signal

import pytest


def test_runs_in_it():
    assert os.uname().nodename == "real-node"


def test_fails():
    assert 1 + 1 == 3


@pytest.mark.xfail(strict=True)
def test_is_known_to_fail():
    assert not "known"


def test_kills_the_pytest_inside():
    os.kill(os.getpid(), signal.SIGKILL)


def test_never_ran():
    pass
"""


def test_every_test_has_its_outcome_from_inside_and_one_without_has_failed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_inside.py").write_text(TESTS)
    (tmp_path / "machine").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-q", "test_inside.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    outcomes = sorted(line.split(" - ")[0] for line in done.stdout.splitlines() if " test_inside.py::" in line)
    assert outcomes == [
        "ERROR test_inside.py::test_kills_the_pytest_inside",
        "ERROR test_inside.py::test_never_ran",
        "FAILED test_inside.py::test_fails",
        "PASSED test_inside.py::test_runs_in_it",
        "XFAIL test_inside.py::test_is_known_to_fail",
    ], done.stdout
    assert "without a report of this test" in done.stdout
    assert "assert (1 + 1) == 3" in done.stdout
    assert f"Its logs are in {tmp_path / 'machine'}" in done.stdout
