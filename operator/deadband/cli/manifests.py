"""The deadband manifests among the documents of files, folders and standard input."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deadband.api import GROUP
from deadband.scenario.document import Document, NotYamlError, documents
from deadband.scenario.files import manifests_under, read_documents
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


def read_manifests(paths: tuple[str, ...]) -> tuple[list[Manifest], list[UnusableError]]:
    """Read every deadband object; documents of other groups are passed over.

    Args:
        paths: Files, folders (every .yaml, .yml and .json file below), or `-` for standard input.

    Returns:
        The objects in order, and one error for each file that cannot be read.
    """
    found: list[Manifest] = []
    unusable: list[UnusableError] = []
    for path in paths:
        for file in [Path(path)] if path == STDIN else manifests_under(Path(path)):
            try:
                for document in _documents(file):
                    found += _objects(str(file), document, (), document.value)
            except UnusableError as error:
                unusable.append(error)
    return found, unusable


def _documents(file: Path) -> list[Document]:
    if str(file) != STDIN:
        return read_documents(file)
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
