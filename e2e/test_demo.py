"""The demo as a program: what it started is gone when it is told to stop, at any time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.testbed.demo.story import ACTS


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> dict[int, str]:
    """Return the child processes of a process, with their command lines."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(each): Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ") for each in listed}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo in a process of its own, with its temporary files under `tmp_path`."""
    command = [sys.executable, "-m", "e2e.testbed.demo", "--plain"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
    ) as process:
        yield process
        process.kill()  # does nothing when it has ended


@pytest.mark.parametrize(
    ("number", "moment", "program"),
    [
        pytest.param(signal.SIGINT, ACTS[0].title, "deadband run", id="Ctrl-C in the middle of the play"),
        pytest.param(signal.SIGTERM, "[start] Prometheus", "kube-apiserver", id="SIGTERM while it is being prepared"),
    ],
)
def test_a_signal_stops_all_that_was_started(
    demo: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, moment: str, program: str
) -> None:
    assert demo.stdout is not None
    output = ""
    for line in demo.stdout:
        output += line
        if moment in line:
            break
    started = children(demo.pid)
    demo.send_signal(number)
    output += demo.stdout.read()

    assert demo.wait() == 128 + number, output
    assert program in " ".join(started.values())
    assert [command for pid, command in started.items() if alive(pid)] == []
    assert list(tmp_path.iterdir()) == []
