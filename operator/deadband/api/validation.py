"""Whole documents against models and rules: every fault at once, in plain words, by its path on the wire.

The same verdict as the API server's, for `deadband validate` and for objects that came past it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deadband.api.metricsource import MetricSource
from deadband.api.rule import Rule
from deadband.api.rules import RULES
from deadband.api.scalingpolicy import ScalingPolicy
from deadband.api.types import API_VERSION_PATTERN, DNS_LABEL_PATTERN, ApiModel

M = TypeVar("M", bound=ApiModel)

_SERVER_FIELDS = {"metadata", "status"}
"""What a document may carry beside the model: the API server's business, and the operator's own."""

_SHOWN_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        field: Path on the wire, such as ``spec.scaleUp.anyOf[0].above``; empty for the document as a whole.
        message: What is wrong with it and what to do; one line, without the path.
    """

    field: str
    message: str

    def __str__(self) -> str:
        """The path and the message; a fault of the whole document has no path."""
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidError(ValueError):
    """A document is refused; the message names every fault and its field."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


def validate_policy(document: object) -> ScalingPolicy:
    """Read a ScalingPolicy.

    Args:
        document: Anything that JSON or YAML can say; metadata and status are not looked at.

    Raises:
        InvalidError: With every fault. A fault of the whole spec is looked for only when its shape is sound.
    """
    return _validate(ScalingPolicy, document)


def validate_source(document: object) -> MetricSource:
    """Read a MetricSource; as validate_policy."""
    return _validate(MetricSource, document)


def _validate(model: type[M], document: object) -> M:
    try:
        return _read(model, _plain(document))
    except RecursionError:
        raise InvalidError([Fault("", "the document is nested too deeply")]) from None


def _read(model: type[M], plain: Any) -> M:
    if not isinstance(plain, dict):
        raise InvalidError([Fault("", f"the document must be an object, not {_kind(plain)}")])
    manifest = _without_nulls(model, {key: value for key, value in plain.items() if key not in _SERVER_FIELDS})
    try:
        parsed = _parse(model, manifest)
    except ValidationError as error:
        shapes = [Fault(_path(detail["loc"]), _in_words(detail)) for detail in error.errors(include_url=False)]
        raise InvalidError([*shapes, *_sound_parts(model, manifest, "")]) from None
    if faults := list(_contradictions(parsed, "")):
        raise InvalidError(faults)
    return parsed


def _plain(value: object) -> Any:
    """The document as kubectl sends it: whole floats of YAML are integers, and its dates the text that was written."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _without_nulls(model: type[ApiModel], plain: Any) -> Any:
    """As the API server reads it: a field that is null is absent; an unknown one stays, to be refused."""
    if not isinstance(plain, dict):
        return plain
    fields = _fields(model)
    kept = {}
    for key, value in plain.items():
        if value is None and key in fields:
            continue
        inner = fields[key].model if key in fields else None
        if inner is not None and isinstance(value, list):
            kept[key] = [_without_nulls(inner, entry) for entry in value]
        else:
            kept[key] = _without_nulls(inner, value) if inner is not None else value
    return kept


def _parse(model: type[M], plain: Any) -> M:
    """Strictly: "15" and true are not integers. Through JSON, because there a strict enum still comes as a string."""
    return model.model_validate_json(json.dumps(plain), strict=True)


def _contradictions(model: ApiModel, path: str) -> Iterator[Fault]:
    """What the rules say of a model and of all that is in it, from the outside in."""
    for rule in _rules(type(model)):
        for broken in rule.broken(model):
            remark = f" ({broken.value})" if broken.value else ""
            yield Fault(_join(path, broken.path), rule.message + remark)
    for wire, field in _fields(type(model)).items():
        value = getattr(model, field.attribute)
        if field.model is not None and value is not None:
            for entry, place in _entries(value, _join(path, wire)):
                yield from _contradictions(entry, place)


def _sound_parts(model: type[ApiModel], plain: Any, path: str) -> Iterator[Fault]:
    """Contradictions in those parts of a misshapen object that are sound by themselves."""
    for wire, field in _fields(model).items():
        value = plain.get(wire) if isinstance(plain, dict) else None
        if field.model is None or value is None:
            continue
        for entry, place in _entries(value, _join(path, wire)):
            try:
                parsed = _parse(field.model, entry)
            except ValidationError:
                yield from _sound_parts(field.model, entry, place)
            else:
                yield from _contradictions(parsed, place)


def _entries(value: Any, path: str) -> list[tuple[Any, str]]:
    return [(entry, f"{path}[{i}]") for i, entry in enumerate(value)] if isinstance(value, list) else [(value, path)]


class _Field(NamedTuple):
    """Where a field is kept, and the model that it holds, itself or in a list; None for plain values."""

    attribute: str
    model: type[ApiModel] | None


@cache
def _fields(model: type[ApiModel]) -> dict[str, _Field]:
    """A model's fields by their names on the wire; cached, as thousands of policies are read at a start."""
    return {
        field.alias or name: _Field(name, _model_in(field.annotation)) for name, field in model.model_fields.items()
    }


@cache
def _rules(model: type[ApiModel]) -> list[Rule[Any]]:
    """The rules that judge a model, those of its bases too."""
    return [rule for rule in RULES if issubclass(model, rule.model)]


def _model_in(annotation: Any) -> type[ApiModel] | None:
    """The model that a field holds, itself or in a list; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path and rest else path or rest


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path


_PATTERNS_IN_WORDS = {
    DNS_LABEL_PATTERN: "must be lower-case letters, digits and dashes, beginning and ending with a letter or digit",
    API_VERSION_PATTERN: "must be group/version, or version for the core group",
}

_WORDS = {
    "json_invalid": "the document cannot be read: {error}",
    "missing": "is required",
    "extra_forbidden": "is not a field of this object: check the spelling",
    "int_type": "must be an integer, not {kind}",
    "int_from_float": "must be an integer, not {value}",
    "string_type": "must be a string, not {kind}",
    "bool_type": "must be true or false, not {kind}",
    "list_type": "must be a list, not {kind}",
    "dict_type": "must be an object, not {kind}",
    "model_type": "must be an object, not {kind}",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "enum": "must be {expected}, not {value}",
    "literal_error": "must be {expected}, not {value}",
}


def _in_words(detail: ErrorDetails) -> str:
    """One structural error for a person who does not know pydantic."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_too_short":
        return "must not be empty" if context["min_length"] == 1 else f"must have {context['min_length']} characters"
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return f"{_PATTERNS_IN_WORDS.get(pattern, f'must match {pattern}')}, not {_shown(value)}"
    if kind in _WORDS:
        return _WORDS[kind].format(kind=_kind(value), value=_shown(value), **context)
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
