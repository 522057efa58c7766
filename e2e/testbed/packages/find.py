"""Find a program on this machine, or unpack its package once for all processes of this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from e2e.testbed.packages import debian
from e2e.testbed.packages.catalog import PACKAGED, Packaged
from e2e.testbed.packages.debian import PackageError
from e2e.testbed.tools.cache import locked
from e2e.testbed.tools.progress import Progress

_PROGRAMS = ("usr/bin", "usr/sbin", "bin", "sbin")
_LIBRARIES = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*")
_MACHINE = Path("/")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be run where it is.

    Attributes:
        binary: The executable.
        environment: All variables to run it with: our own, and those that lead to what is not installed.
    """

    binary: Path
    environment: dict[str, str]

    def beside(self, name: str) -> Path:
        """Another executable of the same folder."""
        return self.binary.parent / name


@cache
def program(name: str) -> Program:
    """Return a program of the catalog: the machine's own when it is new enough, else from its package in the cache.

    Nothing is installed and no service is started; what runs it stops it.

    Raises:
        PackageError: It is neither on this machine nor in its packages; the message says what to install.
    """
    packaged = PACKAGED[name]
    for binary in _on_this_machine(packaged):
        if _first(r"\d+(\.\d+)+", _told(packaged, binary)) >= packaged.minimum:
            return Program(binary, dict(os.environ))
    wanted = f"{name} {'.'.join(map(str, packaged.minimum))} or newer"
    if not debian.available():
        raise PackageError(f"{wanted} is not on PATH, and there is no apt-get: install it")
    root = _unpacked(packaged, Progress())
    if _first(r"\d+(\.\d+)*", debian.version(root)) < packaged.minimum:
        raise PackageError(f"{wanted} is not on PATH, and the package of this system is older: {root.name}")
    return Program(_inside(root, packaged), dict(os.environ) | _environment(root, packaged))


def _on_this_machine(packaged: Packaged) -> Iterator[Path]:
    yield from sorted(_MACHINE.glob(packaged.binary), key=_by_version, reverse=True)
    yield from (Path(found) for name in (packaged.name, *packaged.other_names) if (found := shutil.which(name)))


def _by_version(path: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", str(path))))


def _told(packaged: Packaged, binary: Path) -> str:
    if not packaged.asks_version:
        return binary.resolve().parents[1].name
    answer = subprocess.run([binary, *packaged.asks_version], capture_output=True, text=True, check=False)
    return answer.stdout + answer.stderr


def _first(pattern: str, text: str) -> tuple[int, ...]:
    """The first dotted number of the pattern in a text; () when there is none, which is older than any version."""
    match = re.search(pattern, text)
    return tuple(map(int, match[0].split("."))) if match else ()


def _unpacked(packaged: Packaged, progress: Progress) -> Path:
    if found := debian.unpacked(packaged):
        return found
    lock = debian.folder() / "lock"
    with locked(lock, waiting=lambda: progress.line(f"{packaged.package}: another process is fetching packages")):
        return debian.unpacked(packaged) or debian.unpack(packaged, progress)


def _inside(root: Path, packaged: Packaged) -> Path:
    return max(root.glob(packaged.binary), key=_by_version)


def _environment(root: Path, packaged: Packaged) -> dict[str, str]:
    programs = [str(root / name) for name in _PROGRAMS]
    libraries = [str(found) for pattern in (*_LIBRARIES, *packaged.libraries) for found in sorted(root.glob(pattern))]
    paths = {
        "PATH": (programs, os.environ.get("PATH")),
        "LD_LIBRARY_PATH": (libraries, os.environ.get("LD_LIBRARY_PATH")),
    }
    joined = {name: os.pathsep.join([*own, *([others] if others else [])]) for name, (own, others) in paths.items()}
    return joined | {name: value.format(root=root) for name, value in packaged.environment}
