"""The private machine, from outside: own namespaces and control groups that end with one process.

Nothing of the machine is changed: what is mounted, addressed and limited is so inside alone. `unshare` makes the
namespaces and `inside.py` is the first process in them; when either dies the kernel ends all that ran inside, and
nothing remains but empty control groups, which are removed at the end, or by the next private machine.
"""

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.testbed.processes import Process, wait_until

NAMESPACES = ("mnt", "net", "pid", "cgroup", "uts", "ipc")
NEEDED = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids"}
"""Controllers (version 1) without which neither kubelet nor runc works."""
INNER = "init"
"""Under version 2, the group of all processes of the private machine that are not in pods."""
UNIFIED = "unified"
"""The options of the one hierarchy of version 2."""
NEEDED_UNIFIED = ("cpu", "cpuset", "memory", "pids")
"""Controllers (version 2) that groups below the topmost one must have already."""

_TOP = Path("/sys/fs/cgroup")
_PREFIX = "deadband-node-"
# The private machine shares the CPU with the tests outside. By default all in it would count as one task there;
# with many more shares than this it starves the others.
_SHARES = 4096
_UNSHARE = ("--mount", "--net", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL", "--mount-proc")
_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
_REMOVE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One hierarchy of control groups.

    Attributes:
        options: With which it is mounted: `cpu`, `cpu,cpuacct` or `name=systemd`; `UNIFIED` for version 2.
        group: Folder of the group below which a new one may be made: the one that we are in, the topmost of version 2,
            where a group with processes may have no others below it.
    """

    options: str
    group: Path


def unavailable() -> str | None:
    """Why no private machine can be had here; None when one can."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "a real node needs Linux and util-linux"
    if os.geteuid() != 0:
        return "a real node needs root"
    options = {option for each in hierarchies() for option in each.options.split(",")}
    if UNIFIED not in options and (missing := NEEDED - options):
        return f"a real node needs control groups with {', '.join(sorted(missing))}"
    return None


def hierarchies() -> list[Hierarchy]:
    """Return the one hierarchy of version 2 where it has the controllers, else those of version 1 that we are in."""
    control = _TOP / "cgroup.subtree_control"
    if control.exists() and set(NEEDED_UNIFIED) <= set(control.read_text().split()):
        return [Hierarchy(UNIFIED, _TOP)]
    mounts: dict[frozenset[str], tuple[str, Path]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ")
        if kind == "cgroup":
            where, at = before.split(" ")[3:5]
            mounts[frozenset(options.split(","))] = (where, Path(at))
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, options, path = line.split(":", 2)
        for mounted, (root, place) in mounts.items():
            if options and set(options.split(",")) <= mounted:
                found.append(Hierarchy(options, place / os.path.relpath(path, root)))
    return found


@contextmanager
def private_machine(folder: Path, command: Sequence[str], *, log: Path) -> Iterator[Process]:
    """Run a command in a private machine; at the end of the block everything in it is dead and nothing is left.

    Args:
        folder: For the files of its kubelet and container runtime; big ones are removed at the end.
        command: What runs in it, as root; its end is the end of all.
        log: Where the output of the command goes.
    """
    outside = [*_namespaces("self"), *_namespaces("1")]
    with _groups() as groups:
        run = ["unshare", *_UNSHARE, sys.executable, "-m", "e2e.testbed.node.inside", "--folder", str(folder)]
        run += [f"--outside={','.join(outside)}", *(f"--hierarchy={each.options}" for each in hierarchies())]
        process = Process("node", ["sh", "-c", _JOIN, "sh", *map(str, groups), "--", *run, "--", *command], log=log)
        process.start()
        try:
            if UNIFIED in {each.options for each in hierarchies()}:
                _leave(groups[0], process)
            yield process
        finally:
            process.kill()


def run(command: Sequence[str]) -> int:
    """Run a command in a private machine of its own, show its output as it comes, and return its exit code."""
    folder = Path(tempfile.mkdtemp(prefix="deadband-node-"))
    log = folder / "output.log"
    log.touch()
    try:
        with private_machine(folder, command, log=log) as process, log.open() as output:
            while process.running:
                shutil.copyfileobj(output, sys.stdout)
                sys.stdout.flush()
                time.sleep(0.1)
            shutil.copyfileobj(output, sys.stdout)
            return process.returncode or 0
    finally:
        shutil.rmtree(folder)  # outside, where nothing is mounted in it


@contextmanager
def _groups() -> Iterator[list[Path]]:
    """Give one group of our own in each hierarchy, below the one that we are in."""
    found = hierarchies()
    for each in found:
        for old in each.group.glob(f"{_PREFIX}*"):
            if not Path(f"/proc/{old.name.removeprefix(_PREFIX)}").exists():
                with contextlib.suppress(OSError):  # of a process namespace that we do not see
                    _remove(old)
    made: list[Path] = []
    try:
        for each in found:
            group = each.group / f"{_PREFIX}{os.getpid()}"
            group.mkdir(exist_ok=True)
            made.append(group)
            _settle(each, group)
        yield made
    finally:
        deadline = time.monotonic() + _REMOVE_SECONDS
        for group in made:
            while True:
                try:
                    _remove(group)
                    break
                except OSError:  # what ran in it is still dying
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)


def _settle(hierarchy: Hierarchy, group: Path) -> None:
    """Give a new group what processes in it and groups below it need."""
    options = hierarchy.options.split(",")
    if "cpuset" in options:
        (group / "cgroup.clone_children").write_text("1")
        for name in ("cpuset.cpus", "cpuset.mems"):
            (group / name).write_text((hierarchy.group / name).read_text())
    if "cpu" in options:
        (group / "cpu.shares").write_text(str(_SHARES))


def _leave(group: Path, process: Process) -> None:
    """Move the process that waits for the private machine into the group that its first process makes for both of them.

    Under version 2 only a group without processes may have groups with controllers below it.
    """
    inner = group / INNER
    wait_until(lambda: inner.exists() or not process.running, timeout=30, what="the private machine has a group")
    if process.running:
        (inner / "cgroup.procs").write_text(str(process.pid))


def _remove(group: Path) -> None:
    """Remove a group and all below it, from the bottom up."""
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()


def _namespaces(pid: str) -> list[str]:
    """Return the links to the namespaces of a process; none of one that has rights that we lack, as PID 1 may."""
    try:
        return [str(Path(f"/proc/{pid}/ns/{name}").readlink()) for name in NAMESPACES]
    except PermissionError:
        return []


def own_namespaces(outside: str) -> str | None:
    """Compare our namespaces with those noted outside; None when every one is our own, else what is shared.

    Args:
        outside: Links such as `mnt:[4026531841]`, joined by commas; each kind of `NAMESPACES` must be among them.
    """
    noted = set(outside.split(","))
    kinds = {match[1] for each in noted if (match := re.fullmatch(r"(\w+):\[\d+\]", each))}
    if not kinds >= set(NAMESPACES):
        return "the namespaces outside are not known"
    shared = sorted(noted & set(_namespaces("self")))
    return f"{', '.join(shared)} of the machine" if shared else None
