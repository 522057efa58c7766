"""A place in a document: typed access that notes every fault with its line instead of stopping at the first."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from deadband.scenario.document import Document, Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that makes a file unusable.

    Attributes:
        line: Counted from 1.
        field: Where in the document, such as `events[0].tick`; empty for the document itself.
        message: What is wrong and what is allowed.
    """

    line: int
    field: str
    message: str


def spelled(path: Path) -> str:
    """A path as people write it: `events[0].tick`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document, and where it stands.

    Every reading method returns None where the value does not fit, after noting why in `faults`; the reader goes on,
    so that one run tells every fault of a file.
    """

    document: Document
    value: Any
    path: Path
    faults: list[Fault]

    def fault(self, message: str, *below: str | int) -> None:
        """Note a fault here, or at `below`."""
        path = (*self.path, *below)
        self.faults.append(Fault(self.document.line(path), spelled(path), message))

    def mapping(self, known: Collection[str] | None = None) -> dict[str, "Place"] | None:
        """Read a mapping; with `known`, any other key is a fault."""
        if not isinstance(self.value, dict):
            self.fault(f"must be a mapping, not {_kind(self.value)}")
            return None
        places: dict[str, Place] = {}
        for key, value in self.value.items():
            if not isinstance(key, str):
                self.fault(f"the key {key!r} must be text: write it in quotes", str(key))
            elif known is not None and key not in known:
                self.fault(f"unknown key; known are {', '.join(known)}", key)
            else:
                places[key] = self._at(value, key)
        return places

    def entries(self) -> "Iterator[Place]":
        """Read a list, entry by entry; nothing where it is not one."""
        if not isinstance(self.value, list):
            self.fault(f"must be a list, not {_kind(self.value)}")
            return
        for index, value in enumerate(self.value):
            yield self._at(value, index)

    def integer(self, least: int, most: int) -> int | None:
        """Read a whole number in [least, most]."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.fault(f"must be a whole number, not {_kind(self.value)}")
            return None
        if not least <= self.value <= most:
            self.fault(f"must be from {least} to {most}, not {self.value}")
            return None
        return self.value

    def text(self) -> str | None:
        """Read text that is not empty."""
        if not isinstance(self.value, str):
            self.fault(f"must be text, not {_kind(self.value)}")
            return None
        if not self.value.strip():
            self.fault("must not be empty")
            return None
        return self.value

    def boolean(self) -> bool | None:
        """Read true or false."""
        if not isinstance(self.value, bool):
            self.fault(f"must be true or false, not {_kind(self.value)}")
            return None
        return self.value

    def parsed(self, parse: Callable[[str], T]) -> T | None:
        """Read text with `parse`; its ValueError is the fault."""
        text = self.text()
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.fault(str(error))
            return None

    def _at(self, value: Any, step: str | int) -> "Place":
        return Place(self.document, value, (*self.path, step), self.faults)


def _kind(value: Any) -> str:
    """What a value is, in the words of a fault."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 40 else "a text"  # noqa: PLR2004 - a line for people
    return "a list" if isinstance(value, list) else "a mapping"
