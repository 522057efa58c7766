"""Debian packages as folders: apt finds and fetches them, dpkg-deb unpacks them, nothing is installed.

apt keeps its lists in the cache, needs no rights of root, and takes the machine's own mirrors, keys and proxies. What a
package depends on and the machine has installed already is not fetched.
"""

import platform
import re
import shutil
from pathlib import Path

from e2e.testbed.packages.catalog import Packaged
from e2e.testbed.tools.cache import cache_directory, locked
from e2e.testbed.tools.progress import Progress, Task

# After the machine's own configuration; hooks of others would run on the machine's folders, not on ours.
_CONFIGURATION = """\
Dir::State "{index}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{index}/cache";
Dir::Log "{index}/log";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


class PackageError(RuntimeError):
    """A program is neither on this machine nor to be had from its packages; nobody may go on without it."""


def available() -> bool:
    """Whether this machine has packages of this kind."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb"))


def folder() -> Path:
    """Where packages of this release are unpacked; the libraries of another would not fit."""
    release = platform.freedesktop_os_release()
    return (
        cache_directory() / "packages" / f"{release['ID']}-{release.get('VERSION_ID', 'rolling')}-{platform.machine()}"
    )


def unpacked(packaged: Packaged) -> Path | None:
    """The folder of a program that was unpacked before, the newest if there are several; None when there is none."""
    found = sorted(folder().glob(f"{packaged.package}_*"), key=lambda each: each.stat().st_mtime)
    return found[-1] if found else None


def version(root: Path) -> str:
    """The version of the package in a folder that `unpack` made, such as 7.0.15-1~deb12u10."""
    return root.name.partition("_")[2]


def unpack(packaged: Packaged, progress: Progress) -> Path:
    """Fetch the newest version of a program's package and return the folder with its files.

    One process at a time: the caller holds a lock. When interrupted it leaves nothing that looks finished.

    Raises:
        PackageError: There is no such package, or it cannot be fetched or unpacked.
    """
    unfinished = folder() / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    archives, root = unfinished / "archives", unfinished / "root"
    (archives / "partial").mkdir(parents=True)
    with progress.task(packaged.package, "fetching the Debian package") as task:
        apt = _apt(folder() / "index")
        _run(task, packaged.package, [*apt, "update"])
        _run(task, packaged.package, [*apt, *_download(archives), packaged.package])
        for archive in archives.glob("*.deb"):
            _run(task, packaged.package, ["dpkg-deb", "--extract", str(archive), str(root)])
    own = next(archives.glob(f"{packaged.package}_*.deb"), None)
    if own is None:
        raise PackageError(f"apt-get left no package {packaged.package} to unpack: is an old version of it installed?")
    finished = folder() / f"{packaged.package}_{re.sub(r'^[0-9]+%3a', '', own.name.split('_')[1])}"
    for name in packaged.scripts:
        script = root / name
        script.write_text(script.read_text().replace("/usr/", f"{finished}/usr/"))
    root.rename(finished)
    shutil.rmtree(unfinished)
    return finished


def tree(package: str, progress: Progress) -> Path:
    """Return a folder with the newest version of a package and everything it depends on, down to the C library.

    What the machine has installed counts for nothing, so that a container can have the folder as its root. Fetched once
    for all processes of this machine.

    Raises:
        PackageError: There is no apt here, no such package, or it cannot be fetched or unpacked.
    """
    finished = folder() / f"tree-{package}"
    if not available():
        raise PackageError(f"the package {package} is fetched with apt-get, and there is none")
    with locked(folder() / "lock", waiting=lambda: progress.line(f"{package}: another process is fetching packages")):
        if finished.exists():
            return finished
        unfinished = folder() / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        archives, root = unfinished / "archives", unfinished / "root"
        (archives / "partial").mkdir(parents=True)
        nothing = unfinished / "status"
        nothing.touch()
        with progress.task(package, "fetching the Debian package and all below it") as task:
            apt = [*_apt(folder() / "index"), "-o", f"Dir::State::status={nothing}"]
            _run(task, package, [*apt, "update"])
            _run(task, package, [*apt, *_download(archives), package])
            for archive in archives.glob("*.deb"):
                _run(task, package, ["dpkg-deb", "--extract", str(archive), str(root)])
        root.rename(finished)
        shutil.rmtree(unfinished)
    return finished


def _download(archives: Path) -> list[str]:
    return ["-o", f"Dir::Cache::archives={archives}", "--yes", "--download-only", "install"]


def _apt(index: Path) -> list[str]:
    for name in ("state/lists/partial", "cache", "log"):
        (index / name).mkdir(parents=True, exist_ok=True)
    configuration = index / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(index=index))
    return ["apt-get", f"--config-file={configuration}", "--quiet"]


def _run(task: Task, package: str, command: list[str]) -> None:
    code, output = task.run(command)
    if code != 0:
        raise PackageError(
            f"the package {package} cannot be had; install it, or read what {command[0]} said last:\n{output}"
        )
