"""Find a tool's binary, or build it once for all processes of this machine."""

import os
from pathlib import Path

from e2e.testbed.tools.cache import cache_directory, locked
from e2e.testbed.tools.catalog import TOOLS, Tool
from e2e.testbed.tools.golang import GoError, go_binary
from e2e.testbed.tools.progress import Progress

_MODULES = Path(__file__).parent


class ToolError(RuntimeError):
    """A tool is unknown, missing where it was said to be, or does not build; nobody may go on without it."""


def path(name: str, progress: Progress | None = None) -> Path:
    """Return the binary of a tool of the catalog, building it when it is missing.

    Two processes never build the same tool twice, and an interrupted build leaves nothing that looks finished.
    KUBEBUILDER_ASSETS, when set, provides kube-apiserver, etcd and kubectl.

    Raises:
        ToolError: The name is not in the catalog, KUBEBUILDER_ASSETS lacks it, or the build failed.
    """
    try:
        tool = TOOLS[name]
    except KeyError:
        raise ToolError(f"no tool is named {name!r}; there are: {', '.join(TOOLS)}") from None
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and tool.in_kubebuilder_assets:
        given = Path(assets).absolute() / tool.name
        if not given.exists():
            raise ToolError(f"KUBEBUILDER_ASSETS is {assets}, but there is no {tool.name} in it")
        return given
    return _built(tool, progress or Progress())


def _built(tool: Tool, progress: Progress) -> Path:
    folder = cache_directory() / "tools" / f"{tool.name}-{tool.version}"
    binary = folder / tool.name
    if binary.exists():
        return binary
    title = f"{tool.name} {tool.version}"
    with locked(folder / "lock", waiting=lambda: progress.line(f"{title}: another process is building it")):
        if not binary.exists():
            _build(tool, binary, title, progress)
    return binary


def _build(tool: Tool, binary: Path, title: str, progress: Progress) -> None:
    try:
        go = go_binary(progress)
    except GoError as error:
        raise ToolError(f"{title} cannot be built: {error}") from error
    unfinished = binary.with_suffix(".unfinished")
    # A caller's GOFLAGS or go.work could swap in another module than the pinned one.
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    stamps = " ".join(f"-X {variable}={value}" for variable, value in tool.stamps)
    command = [str(go), "build", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += ["-tags", ",".join(tool.tags), "-ldflags", f"-s -w {stamps}".strip()]
    command += ["-o", str(unfinished), tool.package]
    with progress.task(title, "building") as task:
        code, output = task.run(command, cwd=_MODULES / tool.family, env=environment)
        if code != 0:
            raise ToolError(f"{title} does not build ({tool.package}); the last it said:\n{output}")
    unfinished.rename(binary)
