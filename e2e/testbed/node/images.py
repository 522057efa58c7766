"""Container images without a registry: archives that `ctr images import` takes.

`PAUSE` and `BURNER` are one static program (`burner/`). `OPERATOR` is Debian's Python with the pinned wheels and this
work tree's deadband, under the name and user that operator/Dockerfile and the chart give it.
"""

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.testbed.packages import debian
from e2e.testbed.tools.cache import cache_directory, locked
from e2e.testbed.tools.golang import GoError, go_binary
from e2e.testbed.tools.progress import Progress

PAUSE = "testbed.invalid/pause:1"
BURNER = "testbed.invalid/burner:1"
OPERATOR = "docker.io/library/deadband:0.1.0"
"""What the chart's default values come to."""

_REPOSITORY = Path(__file__).parents[3]
_BURNER = Path(__file__).with_name("burner")
_USER = "65532:65532"  # as in operator/Dockerfile and the chart
_PLACE = "opt/deadband"


class ImageError(RuntimeError):
    """An image cannot be made; the message ends with what the command said last."""


def prepare(progress: Progress) -> None:
    """Make what is slow and does not change with the work tree, once for all processes of this machine.

    Raises:
        ImageError, PackageError: Something cannot be fetched or built.
    """
    _burner(progress)
    _python(progress)


def archives(folder: Path) -> list[Path]:
    """Write the archives of all images into a folder.

    Raises:
        ImageError, PackageError: Something cannot be fetched or built.
    """
    progress = Progress()
    burner = folder / "burner.layer"
    _layer(burner, {"burner": _burner(progress)})
    own = folder / "operator.layer"
    with _installed_operator() as site:
        _layer(own, {_PLACE: site})
    python = ["/usr/bin/python3", "-m", "deadband"]
    environment = [f"PYTHONPATH=/{_PLACE}", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"]
    return [
        _image(folder / "pause.tar", PAUSE, [burner], {"Entrypoint": ["/burner", "pause"]}),
        _image(folder / "burner.tar", BURNER, [burner], {"Entrypoint": ["/burner"], "User": _USER}),
        _image(
            folder / "operator.tar",
            OPERATOR,
            [_python(progress), own],
            {"Entrypoint": python, "Cmd": ["run"], "User": _USER, "Env": environment},
        ),
    ]


def _burner(progress: Progress) -> Path:
    """Build the burner, keyed by its source."""
    source = b"".join(each.read_bytes() for each in sorted(_BURNER.iterdir()))
    binary = cache_directory() / "images" / f"burner-{hashlib.sha256(source).hexdigest()[:16]}"
    with locked(binary.with_suffix(".lock"), waiting=lambda: progress.line("burner: another process is building it")):
        if not binary.exists():
            unfinished = binary.with_suffix(".unfinished")
            environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
            try:
                go = go_binary(progress)
            except GoError as error:
                raise ImageError(f"the burner cannot be built: {error}") from error
            command = [str(go), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
            with progress.task("burner", "building") as task:
                code, output = task.run([*command, "-o", str(unfinished), "."], cwd=_BURNER, env=environment)
            if code != 0:
                raise ImageError(f"the burner does not build:\n{output}")
            unfinished.rename(binary)
    return binary


def _python(progress: Progress) -> Path:
    """Make the layer with Python and the pinned packages, keyed by the pins and Python's folder."""
    pins = _REPOSITORY / "requirements" / "runtime.txt"
    root = debian.tree("python3", progress)
    key = hashlib.sha256(pins.read_bytes() + str(root.stat().st_mtime_ns).encode()).hexdigest()[:16]
    layer = cache_directory() / "images" / f"python-{key}.layer"
    with locked(layer.with_suffix(".lock"), waiting=lambda: progress.line("image: another process is making it")):
        if not layer.exists():
            with (
                progress.task("image of the operator", "fetching its Python packages") as task,
                tempfile.TemporaryDirectory() as site,
            ):
                version = (root / "usr/bin/python3").readlink().name.removeprefix("python")
                command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
                command += ["--no-deps", "--only-binary=:all:", "--require-hashes", f"--python-version={version}"]
                code, output = task.run([*command, f"--target={site}", f"--requirement={pins}"])
                if code != 0:
                    raise ImageError(f"the operator's Python packages cannot be had:\n{output}")
                unfinished = layer.with_suffix(".unfinished")
                _layer(unfinished, {"": root, _PLACE: Path(site)})
                unfinished.rename(layer)
    return layer


@contextmanager
def _installed_operator() -> Iterator[Path]:
    """Give a folder with this work tree's deadband and its metadata."""
    with tempfile.TemporaryDirectory() as site:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-build-isolation", "--no-compile", f"--target={site}", str(_REPOSITORY)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ImageError(f"deadband cannot be installed into a folder:\n{done.stderr}")
        yield Path(site)


def _layer(path: Path, parts: Mapping[str, Path]) -> None:
    """Write a layer: files and folders under their names in the image, owned by root, readable by all."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, source in parts.items():
            if name and source.is_dir():
                for above in reversed(Path(name).parents[:-1]):
                    _folder(archive, str(above))
            archive.add(source, arcname=name or ".", filter=_of_root)


def _folder(archive: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    archive.addfile(entry)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry


def _image(path: Path, reference: str, layers: Sequence[Path], runs: Mapping[str, Any]) -> Path:
    """Write an archive in the form of `docker save`."""
    digests = [_digest(layer) for layer in layers]
    configuration = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": dict(runs),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    text = json.dumps(configuration).encode()
    named = f"{hashlib.sha256(text).hexdigest()}.json"
    inside = [f"{digest}.tar" for digest in digests]
    manifest = json.dumps([{"Config": named, "RepoTags": [reference], "Layers": inside}]).encode()
    with tarfile.open(path, "w") as archive:
        for name, content in ((named, text), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, layer in zip(inside, layers, strict=True):
            archive.add(layer, arcname=name)
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
