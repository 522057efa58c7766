"""What the API server demands of a structural schema, and what kubectl silently leaves blank, checked without either.

Source: Kubernetes documentation, "Specifying a structural schema" and "Additional printer columns".
"""

import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_KEYWORDS = {
    "type", "description", "format", "enum", "pattern", "default", "properties", "required", "items",
    "additionalProperties", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum",
    "maximum", "anyOf", "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
}  # fmt: skip
_KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_COLUMN_KINDS = {"string": "string", "integer": "integer", "boolean": "boolean"}


def faults(schema: Schema, path: str = "") -> Iterator[str]:
    """Everything that is wrong with a schema, each as `path: fault`."""
    if unknown := set(schema) - _KEYWORDS:
        yield f"{path}: unknown or forbidden {', '.join(sorted(unknown))}"
    if schema.get("x-kubernetes-int-or-string"):
        if "type" in schema or schema.get("anyOf") != [{"type": "integer"}, {"type": "string"}]:
            yield f"{path}: an int-or-string has the pair of types in anyOf, and no type"
        return
    if "anyOf" in schema:
        yield f"{path}: anyOf"
    if schema.get("type") not in _KINDS:
        yield f"{path}: no type"
        return
    if (pattern := schema.get("pattern")) is not None:
        re.compile(pattern)
        if re.search(r"\(\?|\\[1-9]", pattern):
            yield f"{path}: RE2 knows neither look-around nor back-references"
    if "default" in schema:
        yield from _default_faults(schema["default"], schema, path)
    yield from _validation_faults(schema, path)
    yield from _children_faults(schema, path)


def _children_faults(schema: Schema, path: str) -> Iterator[str]:
    if schema.get("type") == "object":
        yield from _object_faults(schema, path)
    if schema.get("type") == "array":
        yield from _array_faults(schema, path)


def _object_faults(schema: Schema, path: str) -> Iterator[str]:
    if ("properties" in schema) == ("additionalProperties" in schema) and path != ".metadata":
        yield f"{path}: named or free keys, one of both"
    if isinstance(schema.get("additionalProperties"), bool):
        yield f"{path}: additionalProperties must be a schema"
    if missing := set(schema.get("required", ())) - set(schema.get("properties", {})):
        yield f"{path}: requires unknown {missing}"
    for key, child in schema.get("properties", {}).items():
        yield from faults(child, f"{path}.{key}")
        if "default" in child and key in schema.get("required", ()):
            yield f"{path}.{key}: both required and defaulted"


def _array_faults(schema: Schema, path: str) -> Iterator[str]:
    if schema.get("x-kubernetes-list-type") == "map":
        for key in schema["x-kubernetes-list-map-keys"]:
            if key not in schema["items"].get("required", ()):
                yield f"{path}: the key {key} must be required"
    elif schema.get("x-kubernetes-list-type") not in ("atomic", "set"):
        yield f"{path}: says not who owns its entries"
    yield from faults(schema["items"], f"{path}[]")


def _default_faults(value: Any, schema: Schema, path: str) -> Iterator[str]:
    """A default that would not be accepted itself."""
    kind = _KINDS[schema["type"]]
    if type(value) is not kind:
        yield f"{path}: the default is no {schema['type']}"
    elif kind is dict:
        for key, inner in value.items():
            yield from _default_faults(inner, schema["properties"][key], f"{path}.{key}")
    elif kind is list:
        for entry in value:
            yield from _default_faults(entry, schema["items"], f"{path}[]")


def _validation_faults(schema: Schema, path: str) -> Iterator[str]:
    for validation in schema.get("x-kubernetes-validations", ()):
        if not validation["message"] or "\n" in validation["message"] or len(validation["message"]) > 2048:
            yield f"{path}: a message is one line"
        if (field := validation.get("fieldPath")) and field.removeprefix(".") not in schema["properties"]:
            yield f"{path}: {field} is no field"


def unbounded(schema: Schema, path: str = "") -> Iterator[str]:
    """Lists, maps and strings without a bound: CEL that touches them may cost more than the API server allows."""
    bound = {"array": "maxItems", "string": "maxLength"}.get(schema.get("type", ""))
    if bound and bound not in schema and "enum" not in schema:
        yield f"{path}: no {bound}"
    if "additionalProperties" in schema and "maxProperties" not in schema:
        yield f"{path}: no maxProperties"
    for key, child in schema.get("properties", {}).items():
        yield from unbounded(child, f"{path}.{key}")
    for child in (schema.get("items"), schema.get("additionalProperties")):
        if child is not None:
            yield from unbounded(child, f"{path}[]")


def blank_columns(version: Schema) -> Iterator[str]:
    """Printer columns that would stay blank: no such field, or of another type."""
    root = version["schema"]["openAPIV3Schema"]
    for column in version["additionalPrinterColumns"]:
        if column["jsonPath"] == ".metadata.creationTimestamp" and column["type"] == "date":
            continue
        node = root
        for step in re.findall(r"\.(\w+)(?=[.\[]|$)", re.sub(r"\[\?\(.*?\)\]", "[]", column["jsonPath"])):
            node = node.get("items", node)["properties"].get(step, {})
        if node.get("type") != _COLUMN_KINDS.get(column["type"]):
            yield f"{column['name']}: {column['jsonPath']} is {node.get('type')}, not {column['type']}"
