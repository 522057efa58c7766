"""The first process of the private machine: it mounts and addresses what a node needs, and runs one command.

It refuses to run anywhere else: outside, its mounts would lie over those of the machine.
"""

import argparse
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.testbed.node.machine import INNER, UNIFIED, own_namespaces
from e2e.testbed.processes import wait_until

NODE_NAME = "real-node"
NODE_ADDRESS = "10.244.0.1"
SERVICE_ADDRESS = "10.96.0.1"
"""Of the API server, for pods: the first of the services' addresses."""
FOLDER = "DEADBAND_NODE_FOLDER"
"""The variable that is set inside alone: the folder of this machine's files."""

_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet sets; it finds them so, and the machine keeps its own."""

_GROUPS = Path("/sys/fs/cgroup")
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCBRADDBR = 0x8916, 0x891C, 0x8913, 0x8914, 0x89A0
_IFF_UP = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the machine, run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.testbed.node.inside", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--outside", required=True)
    parser.add_argument("--hierarchy", action="append", required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    _refuse_outside(options.outside)
    _mount_all(options.folder, options.hierarchy)
    _address()
    socket.sethostname(NODE_NAME)
    return _run(options.command, options.folder)


def _refuse_outside(outside: str) -> None:
    """End the process unless every namespace is our own and we are the first process in them."""
    shared = own_namespaces(outside)
    if shared or os.getpid() != 1:
        sys.exit(f"this mounts things and runs as the first process of a private machine only: {shared or 'not first'}")


def _mount_all(folder: Path, hierarchies: Sequence[str]) -> None:
    _mount("--make-rprivate", "/")
    _mount("-t", "sysfs", "sysfs", "/sys")
    if UNIFIED in hierarchies:
        _mount("-t", "cgroup2", "cgroup2", _GROUPS)
        _share_out()
    else:
        _mount("-t", "tmpfs", "tmpfs", _GROUPS)
        for options in hierarchies:
            _mount_hierarchy(options)
    _mount_state(folder)
    for name in ("/run", "/var/log"):
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", name)
    for name, value in _SYSCTLS.items():
        own = folder / "sysctl" / name.replace("/", ".")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(f"{value}\n")
        _mount("--bind", own, f"/proc/sys/{name}")
    _mount("--make-rshared", "/")


def _mount_hierarchy(options: str) -> None:
    """Mount one hierarchy of version 1 where programs look for it."""
    place = _GROUPS / options.removeprefix("name=")
    place.mkdir()
    _mount("-t", "cgroup", "-o", options if "=" not in options else f"none,{options}", "cgroup", place)
    for each in options.split(",") if "," in options else ():
        (_GROUPS / each).symlink_to(place.name)


def _share_out() -> None:
    """Give the groups below ours the controllers (version 2), once we and who waits for us outside have left it."""
    (_GROUPS / INNER).mkdir()
    (_GROUPS / INNER / "cgroup.procs").write_text("0")
    processes = _GROUPS / "cgroup.procs"
    wait_until(lambda: not processes.read_text(), timeout=30, what="the topmost group is empty")
    available = (_GROUPS / "cgroup.controllers").read_text().split()
    (_GROUPS / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in available))


def _mount_state(folder: Path) -> None:
    """Put own folders at /var/lib/kubelet and /var/lib/cni, which may not exist, without making any in /var/lib."""
    state, aside = Path("/var/lib"), folder / "var-lib"
    aside.mkdir(parents=True)
    _mount("--rbind", state, aside)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", state)
    own = {name: folder / name for name in ("kubelet", "cni")}
    for each in aside.iterdir():
        place = state / each.name
        if each.is_symlink():
            place.symlink_to(each.readlink())
        elif each.is_dir() and each.name not in own:
            place.mkdir()
            _mount("--rbind", each, place)
    # At once: whoever empties our folder must not find the machine's own there.
    subprocess.run(["umount", "--recursive", "--lazy", aside], check=True)
    for name, source in own.items():
        source.mkdir()
        (state / name).mkdir()
        _mount("--bind", source, state / name)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _address() -> None:
    """Bring up `lo`, with the API server's address, and the pods' bridge `cni0`, with the node's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _up(control, "lo")
        fcntl.ioctl(control, _SIOCBRADDBR, b"cni0\0")
        for device, address, mask in (
            ("lo:0", SERVICE_ADDRESS, "255.255.255.255"),
            ("cni0", NODE_ADDRESS, "255.255.255.0"),
        ):
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
                asked = struct.pack("16sHH4s8x", device.encode(), socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, asked)
        _up(control, "cni0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _up(control: socket.socket, device: str) -> None:
    asked = struct.pack("16sH14x", device.encode(), 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, asked), 16)
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", device.encode(), flags | _IFF_UP))


def _run(command: Sequence[str], folder: Path) -> int:
    """Run the command; meanwhile bury what is orphaned here, as the first process must."""
    child = subprocess.Popen(command, env=os.environ | {FOLDER: str(folder)})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command as well
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main())
