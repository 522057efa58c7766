"""The deadband manifests among the documents of files, folders and standard input."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from deadband.api import GROUP
from deadband.scenario.document import Document, NotYamlError, documents
from deadband.scenario.files import Folders
from deadband.scenario.parse import UnusableError
from deadband.scenario.places import Fault

STDIN = "-"
KINDS = ("ScalingPolicy", "MetricSource")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of deadband's, where it stands.

    Attributes:
        file: Where it was read; `-` for standard input.
        document: The YAML document that holds it.
        within: Its path in the document: empty, or an entry of a List.
        object: As written.
    """

    file: str
    document: Document
    within: tuple[str | int, ...]
    object: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """As written; empty where it is not text."""
        return _text(self.object.get("kind"))

    @property
    def name(self) -> str:
        """namespace/name, or the name alone."""
        metadata = self.object.get("metadata")
        names = metadata if isinstance(metadata, Mapping) else {}
        return "/".join(text for key in ("namespace", "name") if (text := _text(names.get(key))))

    def line(self, field: str) -> int:
        """The line of a field such as `spec.metrics[0].name`, or of the nearest thing around it."""
        return self.document.line((*self.within, *_path(field)))


def read_manifests(
    paths: tuple[str, ...], folders: Folders | None = None
) -> tuple[list[Manifest], list[UnusableError]]:
    """Read every deadband object; documents of other groups are passed over.

    Args:
        paths: Files, folders (every .yaml, .yml and .json file below), or `-` for standard input.
        folders: How folders are searched, and where skipped files are noted; None: nothing is excluded.

    Returns:
        The objects in order, and one error for each file that cannot be read.
    """
    folders = folders or Folders()
    found: list[Manifest] = []
    unusable: list[UnusableError] = []
    for path in paths:
        for file in [Path(path)] if path == STDIN else folders.manifests_under(Path(path)):
            try:
                for document in _documents(file, folders, searched=file != Path(path)):
                    found += _objects(str(file), document, (), document.value)
            except UnusableError as error:
                unusable.append(error)
    return found, unusable


def searches(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that takes folders the option for what is left out in them, as the argument `exclude`."""
    told = "In folders, leave out what matches: a name anywhere, or with a slash a path below. May be repeated."
    return click.option("--exclude", metavar="GLOB", multiple=True, help=told)(command)


def tell_skipped(folders: Folders) -> None:
    """Say on standard error how many files of folders were skipped, and why; nothing where none was."""
    count = len(folders.skipped)
    if count:
        files = "1 file" if count == 1 else f"{count} files"
        click.echo(f"{files} skipped: neither YAML nor JSON, and nothing of deadband's: {_first(folders)}", err=True)


_NAMED = 3


def _first(folders: Folders) -> str:
    names = [str(file) for file in folders.skipped[:_NAMED]]
    return ", ".join([*names, "…"] if len(folders.skipped) > _NAMED else names)


def _documents(file: Path, folders: Folders, *, searched: bool) -> list[Document]:
    if str(file) != STDIN:
        return folders.read(file, searched=searched)
    try:
        return documents(sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnusableError(file, [Fault(1, "", "is not UTF-8 text")]) from error
    except NotYamlError as error:
        raise UnusableError(file, [Fault(error.line, "", str(error))]) from error


def _objects(file: str, document: Document, within: tuple[str | int, ...], value: Any) -> Iterator[Manifest]:
    if not isinstance(value, dict):
        return
    if _text(value.get("kind")).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield from _objects(file, document, (*within, "items", index), item)
    elif _ours(value):
        yield Manifest(file, document, within, value)


def _ours(value: Mapping[str, Any]) -> bool:
    """An object of the group, whatever its version and kind; or one of its kinds that forgot the apiVersion."""
    version = value.get("apiVersion")
    if version is None:
        return value.get("kind") in KINDS
    return _text(version).split("/")[0] == GROUP


def _path(field: str) -> tuple[str | int, ...]:
    return tuple(int(part[1:-1]) if part[0] == "[" else part for part in re.findall(r"\[\d+\]|[^.\[\]]+", field))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
