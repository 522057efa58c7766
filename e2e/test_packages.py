"""The programs that come from packages: real apt and dpkg on a repository of one small package, and what is had."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.testbed import packages
from e2e.testbed.packages import debian, find
from e2e.testbed.packages.catalog import PACKAGED, Packaged
from e2e.testbed.tools.progress import Progress

HELLO = Packaged(
    "hello-testbed",
    package="hello-testbed",
    binary="usr/lib/hello/*/hello-testbed",
    asks_version=("--version",),
    minimum=(2, 1),
    other_names=("greet",),
    scripts=("usr/lib/hello/2.10/hello-testbed",),
    environment=(("GREETING_FROM", "{root}"),),
)
SCRIPT = "#!/bin/sh\ncat /usr/share/hello/words; beside-it; echo $GREETING_FROM\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that apt takes for the only one, an empty cache, and HELLO in the catalog."""
    monkeypatch.setitem(PACKAGED, HELLO.name, HELLO)
    monkeypatch.setenv("DEADBAND_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] copy:{folder} ./\n")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n')
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    return folder


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Let nothing that is found here be remembered for others."""
    find.program.cache_clear()
    yield
    find.program.cache_clear()


def publish(repository: Path, version: str, files: dict[str, str]) -> None:
    """Make the package with these executable files, and an index that has nothing else."""
    tree = repository.parent / "tree"
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
    fields = f"Package: {HELLO.package}\nVersion: {version}\nArchitecture: all\nMaintainer: test <test@example.com>\n"
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN" / "control").write_text(f"{fields}Description: says hello\n")
    archive = repository / "hello.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, archive], check=True, capture_output=True)
    sum256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    where = f"Filename: ./hello.deb\nSize: {archive.stat().st_size}\nSHA256: {sum256}\n"
    (repository / "Packages").write_text(f"{fields}{where}Description: says hello\n")


def good(repository: Path) -> None:
    files = {
        "usr/lib/hello/2.10/hello-testbed": SCRIPT,
        "usr/share/hello/words": "hello\n",
        "usr/bin/beside-it": "#!/bin/sh\necho again\n",
    }
    publish(repository, "1:2.10-3", files)


def test_a_package_is_unpacked_into_the_cache_and_runs_from_there(repository: Path) -> None:
    good(repository)

    hello = packages.program(HELLO.name)

    root = hello.binary.parents[4]
    assert root.name == "hello-testbed_2.10-3"
    assert root.is_relative_to(repository.parent / "cache" / "packages")
    said = subprocess.run([hello.binary], env=hello.environment, capture_output=True, text=True, check=True).stdout
    assert said == f"hello\nagain\n{root}\n"
    assert {path.name for path in root.parent.iterdir()} == {root.name, "index", "lock"}


def test_a_package_is_fetched_once_even_when_many_ask_and_never_again(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good(repository)

    with ThreadPoolExecutor(4) as pool:
        (binary,) = {had.binary for had in pool.map(lambda _: packages.program(HELLO.name), range(4))}
    (repository / "hello.deb").unlink()
    find.program.cache_clear()

    assert packages.program(HELLO.name).binary == binary
    assert capsys.readouterr().err.count("hello-testbed: fetching the Debian package\n") == 1


@pytest.mark.parametrize(
    ("name", "says", "taken"),
    [
        pytest.param("hello-testbed", "echo hello v=2.1.1 of 2026", True, id="usable"),
        pytest.param("greet", "echo time=2026-11-25 hello 10.0-1 >&2", True, id="under another name, and newer"),
        pytest.param("hello-testbed", "echo hello 2.0.9", False, id="old"),
        pytest.param("hello-testbed", "exit 1", False, id="of no known version"),
    ],
)
def test_what_the_machine_has_is_taken_when_it_is_usable(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str, taken: bool
) -> None:
    good(repository)
    own = tmp_path / "bin" / name
    own.parent.mkdir()
    own.write_text(f"#!/bin/sh\n{says}\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", f"{own.parent}:{os.environ['PATH']}")

    assert (packages.program(HELLO.name).binary == own) is taken


def test_without_apt_one_line_says_what_to_install(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(packages.PackageError) as failure:
        packages.program(HELLO.name)

    assert str(failure.value) == "hello-testbed 2.1 or newer is not on PATH, and there is no apt-get: install it"


def test_a_package_that_is_too_old_is_refused_by_name(repository: Path) -> None:
    publish(repository, "2.0-1", {"usr/lib/hello/2.10/hello-testbed": SCRIPT})

    with pytest.raises(
        packages.PackageError, match=r"2\.1 or newer is not on PATH, and .* older: hello-testbed_2\.0-1$"
    ):
        packages.program(HELLO.name)


def test_a_package_that_does_not_exist_is_one_error_with_the_words_of_apt(repository: Path) -> None:
    (repository / "Packages").touch()

    for _ in range(2):
        with pytest.raises(packages.PackageError, match=r"(?s)cannot be had.*Unable to locate package hello-testbed"):
            packages.program(HELLO.name)


def test_a_damaged_package_leaves_nothing_that_looks_finished(repository: Path) -> None:
    good(repository)
    (repository / "hello.deb").write_bytes(b"not a package")

    for _ in range(2):
        with pytest.raises(packages.PackageError, match="cannot be had"):
            packages.program(HELLO.name)


def test_a_package_that_apt_does_not_hand_over_is_an_error(repository: Path) -> None:
    good(repository)
    sources = repository.parent / "sources.list"
    sources.write_text(sources.read_text().replace("copy:", "file:"))  # what is at hand already is not fetched

    with pytest.raises(packages.PackageError, match="left no package hello-testbed to unpack"):
        packages.program(HELLO.name)


def test_a_tree_has_the_package_even_where_the_machine_has_it_and_is_fetched_once(repository: Path) -> None:
    good(repository)
    root = debian.tree(HELLO.package, Progress())
    (repository / "hello.deb").unlink()

    assert (root / "usr/share/hello/words").read_text() == "hello\n"
    assert debian.tree(HELLO.package, Progress()) == root


def test_a_tree_that_cannot_be_fetched_leaves_nothing(repository: Path) -> None:
    good(repository)
    (repository / "hello.deb").unlink()

    with pytest.raises(packages.PackageError, match="hello-testbed cannot be had"):
        debian.tree(HELLO.package, Progress())
    assert not (debian.folder() / f"tree-{HELLO.package}").exists()


@pytest.mark.parametrize("name", [*PACKAGED])
def test_every_program_of_the_catalog_is_had_in_a_usable_version(name: str) -> None:
    assert packages.program(name).binary.exists()
