"""The private machine of the real node: what it leaves of itself, how it dies, and where it refuses to be made."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from e2e.testbed.node import inside, machine
from e2e.testbed.processes import wait_until

INSIDE = [sys.executable, "-m", "e2e.testbed.node.inside"]
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]


def traces() -> tuple[object, ...]:
    """All of the machine that a private one could leave changed."""
    sysctls = [(Path("/proc/sys") / name).read_text() for name in inside._SYSCTLS]
    return Path("/proc/self/mounts").read_text(), sorted(Path("/var/lib").iterdir()), socket.gethostname(), sysctls


def groups(pid: int) -> list[Path]:
    """The control groups that were made by a process."""
    return [found for each in machine.hierarchies() for found in each.group.glob(f"deadband-node-{pid}")]


def links(*pids: str) -> str:
    return ",".join(link for pid in pids for link in machine._namespaces(pid))


def test_a_private_machine_leaves_nothing_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = traces()
    code = machine.run(["sh", "-c", "hostname; cat /proc/sys/vm/overcommit_memory; ls /sys/fs/cgroup/cpu; exit 7"])

    assert code == 7
    said = capfd.readouterr().out.split()
    assert said[:2] == [inside.NODE_NAME, "1"]
    assert "cpu.shares" in said
    assert traces() == before
    assert groups(os.getpid()) == []


def test_with_control_groups_of_version_2_all_processes_are_in_a_group_beside_the_pods(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Beside controllers of version 1, the empty hierarchy of version 2 is taken for a full one.
    beside = Path("/sys/fs/cgroup/unified")
    monkeypatch.setattr(machine, "_TOP", beside if beside.exists() else Path("/sys/fs/cgroup"))
    monkeypatch.setattr(machine, "NEEDED_UNIFIED", ())
    code = machine.run(["sh", "-c", "cat /proc/self/cgroup; ls /sys/fs/cgroup/init; cat /sys/fs/cgroup/cgroup.procs"])

    assert code == 0
    said = capfd.readouterr().out.split()
    assert "0::/init" in said
    assert said[-1].startswith("cgroup.") or said[-1].endswith("pressure"), "no process is left in the topmost group"
    assert groups(os.getpid()) == []


def test_all_that_ran_in_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from e2e.testbed.node.machine import private_machine\n"
        "with private_machine(Path(sys.argv[1]), ['sh', '-c', 'setsid sleep 1234.5 & sleep 1234.5'], "
        "log=Path(sys.argv[1]) / 'log') as process: process.wait(timeout=60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    try:
        wait_until(lambda: len(sleepers()) == 2, timeout=90, what="both processes run in it")
        assert groups(starter.pid)
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    wait_until(lambda: not sleepers(), timeout=30, what="both are gone")
    with machine._groups():  # the next one sweeps the groups of the dead
        assert groups(starter.pid) == []


def sleepers() -> list[str]:
    """Processes of the test above, as the machine sees them."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if each.read_bytes().split(b"\0")[:2] == [b"sleep", b"1234.5"]:
                found.append(each.parent.name)
        except OSError:  # it has just ended
            continue
    return found


@pytest.mark.parametrize(
    ("prefix", "outside", "says"),
    [
        # Each in a mount namespace of its own, so that even a broken guard could not harm the machine.
        pytest.param([*UNSHARE, "--kill-child"], "of-all", "net:", id="network of the machine"),
        pytest.param([*UNSHARE, "--kill-child"], "unknown", "not known", id="outside not noted"),
        pytest.param(["unshare", "--mount", "--net", "--cgroup", "--uts", "--ipc"], "of-all", "pid:", id="not first"),
    ],
)
def test_it_mounts_nothing_where_a_namespace_is_not_its_own(
    tmp_path: Path, prefix: Sequence[str], outside: str, says: str
) -> None:
    noted = {"of-all": links("self", "1"), "unknown": "mnt:[1]"}[outside]
    options = ["--folder", str(tmp_path), f"--outside={noted}", "--hierarchy=cpu", "--", "true"]
    done = subprocess.run([*prefix, *INSIDE, *options], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []
