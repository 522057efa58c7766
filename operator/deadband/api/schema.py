"""pydantic's JSON schema into a structural schema of apiextensions.k8s.io/v1; refuses what has no structural form.

Pure. Source: Kubernetes documentation, "Specifying a structural schema"; the CEL of the rules is added on the way.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from deadband.api.rule import Rule
from deadband.api.rules import RULES
from deadband.api.types import ApiModel

Schema = dict[str, Any]

_DROPPED = {"title", "additionalProperties"}
"""Noise, and `additionalProperties: false`, which pruning and strict field validation stand for."""
_COPIED = {
    "type", "description", "enum", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "minimum", "maximum", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-int-or-string",
}  # fmt: skip
_TRANSFORMED = {"default", "properties", "required", "items", "const"}
_INT32 = 2**31


class UnstructuredError(TypeError):
    """A model says something that a structural schema cannot say; the message names where."""


def structural(model: type[ApiModel], *, defaults: bool = True) -> Schema:
    """Write a model as a structural schema with its rules.

    Args:
        model: The spec or the status of a kind.
        defaults: False leaves defaults out, as in a status, which only the operator fills.

    Raises:
        UnstructuredError: A construct without structural form: unions, tuples, recursion, look-around, …
    """
    raw = model.model_json_schema(by_alias=True)
    return _Writer(raw.pop("$defs", {}), defaults=defaults).write(raw, path=model.__name__, within=(model.__name__,))


def rules_of(name: str) -> list[Rule[Any]]:
    """The rules of the model with that class name, in the order of the table."""
    return [rule for rule in RULES if name in {model.__name__ for model in (rule.model, *rule.model.__subclasses__())}]


class _Writer:
    """Carries the definitions of one schema through the recursion."""

    def __init__(self, definitions: Mapping[str, Schema], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def write(self, node: Schema, *, path: str, within: tuple[str, ...]) -> Schema:
        """One node; `within` are the names of the models it stands in, for recursion and for rules."""
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            if name in within:
                raise UnstructuredError(f"{path}: {name} contains itself")
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            return self.write({**self._definitions[name], **siblings}, path=path, within=(*within, name))
        if "anyOf" in node:
            return self._optional(node, path=path, within=within)
        if unknown := set(node) - _DROPPED - _COPIED - _TRANSFORMED:
            raise UnstructuredError(f"{path}: no structural form for {', '.join(sorted(unknown))}")
        if "type" not in node and "const" not in node and "x-kubernetes-int-or-string" not in node:
            raise UnstructuredError(f"{path}: has no type")
        return self._finish({key: value for key, value in node.items() if key in _COPIED}, node, path, within)

    def _optional(self, node: Schema, *, path: str, within: tuple[str, ...]) -> Schema:
        """`X | None` is X, not required; every other union is refused."""
        branches = [branch for branch in node["anyOf"] if branch != {"type": "null"}]
        if len(branches) != 1:
            raise UnstructuredError(f"{path}: a union has no structural form")
        siblings = {key: value for key, value in node.items() if key != "anyOf" and (key, value) != ("default", None)}
        return self.write({**branches[0], **siblings}, path=path, within=within)

    def _finish(self, made: Schema, node: Schema, path: str, within: tuple[str, ...]) -> Schema:
        if "description" in made:
            made["description"] = " ".join(made["description"].split())
        if (pattern := made.get("pattern")) and "(?" in pattern:
            raise UnstructuredError(f"{path}: pattern {pattern} is not RE2")
        if "const" in node:
            made |= {"type": "string", "enum": [node["const"]]}
        if node.get("type") == "integer":
            made["format"] = "int32" if node.get("maximum", _INT32) < _INT32 else "int64"
        if node.get("x-kubernetes-int-or-string"):
            made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        if node.get("type") == "array":
            made["items"] = self.write(node["items"], path=f"{path}[]", within=within)
            made.setdefault("x-kubernetes-list-type", "atomic")
        if node.get("type") == "object":
            made |= self._object(node, path, within)
        if self._defaults and node.get("default") not in (None, []):
            made["default"] = _without_nulls(node["default"])
        return made

    def _object(self, node: Schema, path: str, within: tuple[str, ...]) -> Schema:
        values = node.get("additionalProperties")
        if isinstance(values, dict):
            if "properties" in node:
                raise UnstructuredError(f"{path}: named and free keys exclude each other")
            return {"additionalProperties": self.write(values, path=f"{path}{{}}", within=within)}
        if "properties" not in node:
            raise UnstructuredError(f"{path}: an object without fields would be pruned")
        made: Schema = {
            "properties": {
                key: self.write(child, path=f"{path}.{key}", within=within) for key, child in node["properties"].items()
            }
        }
        if required := [key for key in node.get("required", []) if "default" not in node["properties"][key]]:
            made["required"] = required
        if validations := list(_validations(rules_of(within[-1]))):
            made["x-kubernetes-validations"] = validations
        return made


def _validations(rules: Iterable[Rule[Any]]) -> Iterable[Schema]:
    for rule in rules:
        if not rule.cel:
            continue
        validation = {"rule": rule.cel, "message": rule.message}
        if rule.field:
            validation["fieldPath"] = f".{rule.field}"
        yield validation


def _without_nulls(value: Any) -> Any:
    """A default without the absent fields that pydantic spells as null; the API server refuses null there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
