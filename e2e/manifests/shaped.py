"""Values made from a structural schema, and documents that grow by changes where the schema has a place for them.

Other than `mutants`, which puts anything anywhere, this keeps to the shape most of the time and goes to its limits, so
that long chains of accepted documents come about (the idea is Acto's: each change starts from an accepted state).
"""

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from deadband.api.crd import crds
from e2e.manifests.documents import Document
from e2e.manifests.good_policies import GOOD_POLICIES

Schema = dict[str, Any]

_TEXTS = (
    "cpu", "a", "api", "up", "0 8 * * 1-5", "* * * * *", "0 0 29 2 *", "Europe/Berlin", "UTC", "Etc/GMT+12", "apps/v1",
    "autoscaling/v2", "v1", "max(up)", "vector(1e308)", "vector(0/0)", "-1", "0", "0.5", "999999999999999",
    "-0.000000001", "Deployment", "StatefulSet", "HorizontalPodAutoscaler", "Rollout", "ü", "\U0001f680", "..", "a/b",
    "%2e%2e", "\u202e", "\t", " ", "null", "{{ .Values }}", "$(whoami)", "\"'\\", "<b>", "\u0000",
)  # fmt: skip
_TIMES = ("2026-03-01T12:00:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
          "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "2026-03-01T12:00:00.123456789Z")  # fmt: skip


def schema_of(kind: str) -> Schema:
    """The schema of a kind's whole object."""
    (found,) = (crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in crds()
                if crd["spec"]["names"]["kind"] == kind)  # fmt: skip
    return dict(found)


def shaped(schema: Schema, dice: random.Random) -> Any:
    """A value of the schema's shape; its numbers, lengths and texts are often at a limit."""
    if schema.get("x-kubernetes-int-or-string"):
        return _number(schema, dice) if dice.random() < 0.6 else _text(schema, dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    makers: dict[str, Callable[[Schema, random.Random], Any]] = {
        "object": _object, "array": _array, "string": _text, "integer": _number, "boolean": lambda _, dice: dice.random() < 0.5,  # noqa: E501
    }  # fmt: skip
    return makers[schema["type"]](schema, dice)


def chain(seed: int, accepts: Callable[[Document], bool]) -> Iterator[Document]:
    """Policies without end, each one change away from the last one that was accepted; the same for a seed.

    Args:
        seed: Of the dice.
        accepts: The verdict by which a chain goes on from a document; it begins anew now and then.
    """
    dice = random.Random(seed)
    schema = schema_of("ScalingPolicy")["properties"]["spec"]
    state: Document = copy.deepcopy(dice.choice(GOOD_POLICIES).document)
    while True:
        document = copy.deepcopy(state)
        mutate(document["spec"], schema, dice)
        yield document
        if dice.random() < 0.02:
            state = copy.deepcopy(dice.choice(GOOD_POLICIES).document)
        elif accepts(document):
            state = document


def mutate(value: Any, schema: Schema, dice: random.Random) -> None:
    """Change one place below a value: another value of the place's shape, one more, or one less."""
    holder, key, inner = dice.choice(list(_places(value, schema)))
    if isinstance(holder, list):
        if dice.random() < 0.5 or key is None:
            holder.insert(key or 0, shaped(inner, dice))
        elif dice.random() < 0.5:
            holder[key] = shaped(inner, dice)
        else:
            del holder[key]
    elif key in holder and dice.random() < 0.3:
        del holder[key]
    else:
        holder[key] = shaped(inner, dice)


def _places(value: Any, schema: Schema) -> Iterator[tuple[Any, Any, Schema]]:
    """Every (container, key, schema of what is there or may be) below a value."""
    if isinstance(value, dict):
        for key, inner in schema.get("properties", {}).items():
            yield value, key, inner
            yield from _places(value.get(key), inner)
    elif isinstance(value, list):
        yield value, None, schema["items"]
        for index, entry in enumerate(value):
            yield value, index, schema["items"]
            yield from _places(entry, schema["items"])


def _object(schema: Schema, dice: random.Random) -> Any:
    if "additionalProperties" in schema:
        return {_text({}, dice): shaped(schema["additionalProperties"], dice) for _ in range(dice.randrange(3))}
    required = schema.get("required", ())
    return {
        key: shaped(inner, dice)
        for key, inner in schema.get("properties", {}).items()
        if key in required or dice.random() < 0.3
    }


def _array(schema: Schema, dice: random.Random) -> Any:
    least, most = schema.get("minItems", 0), min(schema.get("maxItems", 20), 20)
    length = dice.choice((least, min(least + 1, most), min(least + 2, most), most))
    return [shaped(schema["items"], dice) for _ in range(length)]


def _number(schema: Schema, dice: random.Random) -> int:
    least, most = schema.get("minimum", -(2**53)), schema.get("maximum", 2**53)
    return int(dice.choice((least, most, dice.randint(least, most), *(n for n in (0, 1, 5, 70) if least <= n <= most))))


def _text(schema: Schema, dice: random.Random) -> str:
    if schema.get("format") == "date-time":
        return str(dice.choice(_TIMES))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 2000)
    candidates: list[str] = [*_TEXTS, "a" * most, "9" * min(most, 15), "ü" * most, "z" * max(least, 1)]
    sound = [text for text in candidates if least <= len(text) <= most and re.search(schema.get("pattern", ""), text)]
    return dice.choice(sound)
