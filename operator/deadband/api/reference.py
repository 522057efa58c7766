"""docs/reference.md: every field with type, default and meaning, every rule, every reason; from the models alone."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deadband.api.meanings import MEANINGS
from deadband.api.metricsource import MetricSourceSpec, MetricSourceStatus
from deadband.api.scalingpolicy import APPROVE_ANNOTATION, PAUSED_ANNOTATION, ScalingPolicySpec
from deadband.api.schema import Schema, rules_of
from deadband.api.status import ScalingPolicyStatus
from deadband.api.types import ApiModel

_OPENING = f"""\
<!-- Generated from operator/deadband/api by `make crds`; edits are lost. -->
# Reference

Both kinds belong to `deadband.dev/v1alpha1`. Rules such as R7 are those of the decision.
A *decimal* is an integer or a decimal in quotes, `70` or `"0.5"`, of at most 15 digits. Every default stands in the
definition, so that the API server writes it into the object. What is refused is refused by the API server, by
`deadband validate` and by the operator alike.

Annotations of a ScalingPolicy: `{PAUSED_ANNOTATION}` is `"true"`, `"scale-up"` or `"scale-down"` and stops writes
(R15); `{APPROVE_ANNOTATION}` is the id of a proposal and carries it out once (R13).
"""

_KINDS: tuple[tuple[str, type[ApiModel], type[ApiModel]], ...] = (
    ("ScalingPolicy", ScalingPolicySpec, ScalingPolicyStatus),
    ("MetricSource", MetricSourceSpec, MetricSourceStatus),
)


def reference() -> str:
    """The whole page as Markdown; the same models give the same text."""
    parts, told = [_OPENING], set[str]()
    for kind, spec, status in _KINDS:
        parts.append(f"## {kind}\n")
        parts += _sections(spec, "spec", told)
        parts += _sections(status, "status", told)
    parts.append(
        "## Reasons\n\nOf decisions, policies, readings and conditions; stable, so that alerts can match them.\n"
    )
    parts.append(_table(("reason", "meaning"), ((f"`{reason}`", meaning) for reason, meaning in MEANINGS.items())))
    return "\n".join(parts)


def _sections(model: type[ApiModel], title: str, told: set[str]) -> Iterator[str]:
    """A section for the model and one for each object in it, in the order in which fields name them.

    Args:
        model: A spec or a status.
        title: The field that holds it: `spec` or `status`; what is required or defaulted matters in a spec only.
        told: Objects that have a section already; grows.
    """
    raw = model.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = raw.pop("$defs", {})
    waiting = [(model.__name__, raw)]
    while waiting:
        name, node = waiting.pop(0)
        yield f"### {f'`{title}`' if node is raw else name}\n\n{_text(node)}\n"
        heads = ("field", "type", "default", "meaning") if title == "spec" else ("field", "type", "meaning")
        yield _table(heads, _rows(node, definitions, defaults=title == "spec"))
        if rules := rules_of(name):
            yield (
                "\n".join(
                    [
                        "Rules:\n",
                        *(f"- {_code(rule.field) + ': ' if rule.field else ''}{rule.message}" for rule in rules),
                    ]
                )
                + "\n"
            )
        for inner in _objects_named_in(node, definitions):
            if inner not in told:
                told.add(inner)
                waiting.append((inner, definitions[inner]))


def _objects_named_in(node: Schema, definitions: dict[str, Schema]) -> Iterator[str]:
    """Names of the object definitions that the fields of `node` refer to."""
    for field in node["properties"].values():
        for part in (field, field.get("items", {}), *field.get("anyOf", ())):
            for reference in (part.get("$ref"), part.get("items", {}).get("$ref")):
                name = (reference or "").rsplit("/", 1)[-1]
                if definitions.get(name, {}).get("type") == "object":
                    yield name


def _rows(node: Schema, definitions: dict[str, Schema], *, defaults: bool) -> Iterator[tuple[str, ...]]:
    for name, field in node["properties"].items():
        cells: tuple[str, ...] = (_code(name), _type(field, definitions))
        if defaults:
            default = field.get("default")
            shown = "" if default in (None, []) else _code(_compact(default))
            cells = (*cells, "required" if name in node.get("required", ()) else shown)
        yield (*cells, _text(field, definitions))


def _type(field: Schema, definitions: dict[str, Schema]) -> str:
    """What may stand there, with its bounds, in a few words."""
    if "anyOf" in field:
        return _type(next(branch for branch in field["anyOf"] if branch != {"type": "null"}), definitions)
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        definition = definitions[name]
        return _type(definition, definitions) if "enum" in definition else f"[{name}](#{name.lower()})"
    if "enum" in field:
        return " · ".join(_code(value) for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "decimal, 0 or more" if field["minimum"] == 0 else "decimal"
    kind = {"array": "list", "object": "map", "integer": "integer", "string": "string", "boolean": "boolean"}
    words = "time" if field.get("format") == "date-time" else kind[field["type"]]
    if field["type"] == "array":
        words = f"list of {_type(field['items'], definitions)}"
    if field["type"] == "object":
        words = f"map of {_type(field['additionalProperties'], definitions)}"
    return words + _bounds(field)


def _bounds(field: Schema) -> str:
    """`, 1..16` where there are bounds; lengths of strings too."""
    names = {"integer": ("minimum", "maximum"), "array": ("minItems", "maxItems"), "string": ("minLength", "maxLength")}
    low, high = (field.get(name) for name in names.get(field["type"], ("minProperties", "maxProperties")))
    unit = " characters" if field["type"] == "string" else ""
    if high is None:
        return ""
    return f", {low}..{high}{unit}" if low is not None else f", at most {high}{unit}"


def _text(node: Schema, definitions: dict[str, Schema] | None = None) -> str:
    """The description on one line; that of the definition where the field has none."""
    described = node.get("description")
    if described is None and "$ref" in node and definitions is not None:
        described = definitions[node["$ref"].rsplit("/", 1)[-1]].get("description")
    return " ".join((described or "").split())


def _compact(value: Any) -> str:
    """A default in the YAML that fits on a line, without absent fields."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_compact(v)}" for key, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_compact(entry) for entry in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _code(text: Any) -> str:
    return f"`{text}`"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
