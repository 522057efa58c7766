"""YAML text into documents that know the line of everything in them. No files: text in, values out."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where PyYAML was built with it
_MOST_NODES = 200_000

Path = tuple[str | int, ...]


class NotYamlError(ValueError):
    """The text is not YAML that can be used.

    Attributes:
        line: Where, counted from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        """Keep the line beside the message."""
        super().__init__(message)
        self.line = line


class WrittenFloat(float):
    """A YAML float that remembers its text, because a decision is exact on decimals as they are written."""

    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML stream.

    Attributes:
        number: Counted from 1 in its stream, empty documents included.
        value: Plain values; timestamps stay text, as Kubernetes reads them.
        lines: The line, from 1, of every key and list entry by its path.
    """

    number: int
    value: Any
    lines: Mapping[Path, int] = field(repr=False)

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def documents(text: str, *, as_json: bool = False) -> list[Document]:
    """Read every document of a stream.

    Args:
        text: YAML, or JSON when `as_json`.
        as_json: Hold the text to JSON's grammar first, so that a fault is told as JSON readers tell it.

    Raises:
        NotYamlError: The text does not parse, repeats a key, contains itself, or is too large.
    """
    if as_json:
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise NotYamlError(f"not JSON: {error.msg}", error.lineno) from error
        text = text.expandtabs(1)  # a tab is white space in JSON, and refused by YAML
    loader = _loader(text)
    try:
        return list(_documents(loader))
    except yaml.MarkedYAMLError as error:
        raise NotYamlError(_words(error), _line_of(error)) from error
    except yaml.YAMLError as error:  # a character that YAML forbids; it has an offset in the text instead of a mark
        offset = getattr(error, "position", 0) or 0
        raise NotYamlError(_first_line(str(error)), text.count("\n", 0, offset) + 1) from error
    except RecursionError as error:
        raise NotYamlError("nested too deeply", 1) from error
    except ValueError as error:
        if isinstance(error, NotYamlError):
            raise
        raise NotYamlError(str(error), 1) from error  # such as an integer of more digits than Python reads


def _loader(text: str) -> Any:
    try:
        return _Loader(text)
    except yaml.YAMLError as error:
        offset = getattr(error, "position", 0) or 0
        raise NotYamlError(_first_line(str(error)), text.count("\n", 0, offset) + 1) from error


def _documents(loader: Any) -> Iterator[Document]:
    number = 0
    while loader.check_node():
        number += 1
        node = loader.get_node()
        _check(node)
        value = loader.construct_document(node)  # resolves merge keys in place, so lines are read afterwards
        lines: dict[Path, int] = {(): node.start_mark.line + 1}
        _note_lines(node, (), lines)
        yield Document(number, value, lines)


def _check(root: yaml.Node) -> None:
    """Refuse what would be read silently wrong (a repeated key) or never end (an alias inside itself)."""
    count = 0

    def visit(node: yaml.Node, around: frozenset[int]) -> None:
        nonlocal count
        count += 1
        if count > _MOST_NODES:
            raise NotYamlError("too large: aliases count as often as they are used", node.start_mark.line + 1)
        if id(node) in around:
            raise NotYamlError("an alias contains itself", node.start_mark.line + 1)
        inside = around | {id(node)}
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in seen:
                        raise NotYamlError(f'the key "{key.value}" stands here twice', key.start_mark.line + 1)
                    seen.add(key.value)
                visit(key, inside)
                visit(value, inside)
        elif isinstance(node, yaml.SequenceNode):
            for entry in node.value:
                visit(entry, inside)

    visit(root, frozenset())


def _note_lines(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            lines[here] = key.start_mark.line + 1
            _note_lines(value, here, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            here = (*path, index)
            lines[here] = entry.start_mark.line + 1
            _note_lines(entry, here, lines)


def _words(error: yaml.MarkedYAMLError) -> str:
    context = f" {error.context}" if error.context else ""
    return f"not YAML: {error.problem or 'cannot be read'}{context}"


def _line_of(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


def _first_line(text: str) -> str:
    return f"not YAML: {text.splitlines()[0] if text else 'cannot be read'}"


class _Loader(_Base):  # type: ignore[misc]  # which of PyYAML's two loaders it is, only the installation knows
    """The safe loader, with exact floats, without timestamps, and with `y` and `n` as booleans, as kubectl has them."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012 - as below

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it as a class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_float(loader: Any, node: yaml.ScalarNode) -> WrittenFloat:
    number = WrittenFloat(loader.construct_yaml_float(node))
    number.text = node.value
    return number


_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))
