"""The code that is measured: another revision in a git worktree of its own, and the working tree as it is now."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.bench.waits import Say

_ROOT = Path(__file__).parents[2]
_REQUIREMENTS = Path("requirements", "dev.txt")


class RevisionError(RuntimeError):
    """A revision cannot be checked out, or its environment cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Code:
    """One state of the code, ready to run.

    Attributes:
        name: For people, such as "v0.1.0" or "working tree".
        commit: What git calls it; "-dirty" at the end when files differ from the commit.
        root: The folder with operator/ and charts/.
        python: The interpreter whose packages it runs with.
    """

    name: str
    commit: str
    root: Path
    python: Path

    @property
    def chart(self) -> Path:
        """Its own chart, with its own CRDs."""
        return self.root / "charts" / "deadband"

    @property
    def command(self) -> tuple[str | Path, ...]:
        """The command `deadband`. -P keeps the current folder, another checkout perhaps, from being imported."""
        return (self.python, "-P", "-m", "deadband")

    @property
    def environment(self) -> dict[str, str]:
        """Puts its code before an installed deadband."""
        return {"PYTHONPATH": str(self.root / "operator")}


@contextmanager
def checked_out(revision: str, folder: Path, say: Say) -> Iterator[Code]:
    """Check a revision out, and remove the worktree at the end.

    Its environment is ours when both pin the same packages, else one of its own.

    Args:
        revision: Anything that names a commit.
        folder: Where the worktree and the environment are made.
        say: Shows the progress.

    Raises:
        RevisionError: git does not know the revision, or pip fails.
    """
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", wrong=f"{revision} is no revision")
    tree = folder / "revision"
    _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
    try:
        yield _checked(Code(revision, commit, tree, _python(tree, folder / "environment", say)))
    finally:
        _git("worktree", "remove", "--force", str(tree))


def working_tree(folder: Path) -> Code:
    """Copy the working tree's code, so that an edit does not change what is measured between two starts.

    Raises:
        RevisionError: This is no git checkout.
    """
    root = folder / "working-tree"
    for part in ("operator", "charts"):
        shutil.copytree(_ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    commit = _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return _checked(Code("working tree", commit, root, Path(sys.executable)))


def _checked(code: Code) -> Code:
    """Make sure that the interpreter imports this code and no other."""
    command = [str(code.python), "-P", "-c", "import deadband; print(deadband.__file__)"]
    found = _run(command, environment=code.environment)
    if not Path(found).is_relative_to(code.root):
        raise RevisionError(f"{code.name}: {code.python} imports deadband from {found}, not from {code.root}")
    return code


def _python(tree: Path, environment: Path, say: Say) -> Path:
    """An interpreter with the packages that a checkout pins, installed as `make setup` does."""
    if (tree / _REQUIREMENTS).read_bytes() == (_ROOT / _REQUIREMENTS).read_bytes():
        return Path(sys.executable)
    say("the revision pins other packages: making an environment of its own")
    _run([sys.executable, "-m", "venv", str(environment)])
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(tree / _REQUIREMENTS)])
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(tree)])
    return python


def _git(*arguments: str, wrong: str | None = None) -> str:
    return _run(["git", "-C", str(_ROOT), *arguments], wrong=wrong)


def _run(command: Sequence[str], *, environment: dict[str, str] | None = None, wrong: str | None = None) -> str:
    """Run a program and return what it printed; when it fails, the error is `wrong` or what it said."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | (environment or {}))
    if done.returncode != 0:
        raise RevisionError(wrong or f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()
