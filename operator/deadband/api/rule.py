"""What a rule is, and the few shapes that rules come in; the rules themselves stand in `rules` and its parts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from deadband.api.behavior import Direction, Trigger
from deadband.api.types import ApiModel

M = TypeVar("M", bound=ApiModel)


class Broken(NamedTuple):
    """Where a rule is broken.

    Attributes:
        path: Wire path relative to the rule's model, such as ``anyOf[0].above``; empty for the model itself.
        value: What stands there, where naming it helps; empty otherwise.
    """

    path: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rule(Generic[M]):
    """One contradiction.

    Attributes:
        model: The model that can be judged alone; subclasses are judged too.
        field: Wire path relative to the model under which the API server reports; empty for the model itself.
        message: What must hold or what to do, without the path; at most one line.
        cel: True when the rule is kept; evaluated with `self` as the model's object. Empty when the structure keeps it.
        broken: Every place at which a parsed model breaks it; nothing when it is kept.
    """

    model: type[M]
    field: str
    message: str
    cel: str
    broken: Callable[[M], Iterable[Broken]]


def when(broken: bool, path: str = "", value: object = "") -> Iterator[Broken]:
    """One place, if `broken`."""
    if broken:
        yield Broken(path, str(value))


def triggers(direction: Direction | None, prefix: str = "") -> Iterator[tuple[str, Trigger]]:
    """Every trigger of a direction with its wire path; both expressions, should both be given."""
    for key, triggers in (("anyOf", direction.any_of), ("allOf", direction.all_of)) if direction else ():
        for index, trigger in enumerate(triggers or ()):
            yield f"{prefix}{key}[{index}]", trigger


def twice(entries: Iterable[Any], path: str, key: str = "name") -> Iterator[Broken]:
    """Every entry whose key an earlier entry has."""
    seen = set()
    for index, entry in enumerate(entries):
        value = getattr(entry, key)
        if value in seen:
            yield Broken(f"{path}[{index}].{key}", str(value))
        seen.add(value)


def _given(model: ApiModel, names: Iterable[str]) -> list[str]:
    return [name for name in names if getattr(model, name) is not None]


def exactly_one(model: type[M], **wire_names: str) -> Rule[M]:
    """Exactly one of the fields, given as ``attribute="wireName"``."""
    wires = tuple(wire_names.values())
    terms = ", ".join(f"has(self.{wire})" for wire in wires)
    return Rule(
        model,
        "",
        f"exactly one of {', '.join(wires[:-1])} and {wires[-1]} must be given",
        f"[{terms}].exists_one(given, given)",
        lambda it: when(len(given := _given(it, wire_names)) != 1, value=" and ".join(given) or "none"),
    )
