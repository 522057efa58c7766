"""The small types every kind shares: the model base, exact decimals, UTC instants."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

DECIMAL_PATTERN = r"^-?([0-9]{1,15}|[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,9}\.[0-9]{1,6}|[0-9]{1,6}\.[0-9]{1,9})$"
"""Decimals of the wire: plain notation, at most 15 digits in all, so that CEL's doubles order any two of them exactly
as the operator's fractions do. RE2 syntax."""

DISTANCE_PATTERN = DECIMAL_PATTERN.replace("-?", "", 1)
"""As DECIMAL_PATTERN, without a sign."""

LARGEST_DECIMAL = 10**15 - 1
"""The largest whole decimal, either side of 0."""

DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""RFC 1123 label, as Kubernetes names its fields. RE2 syntax."""

API_VERSION_PATTERN = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""Group and version, or the version alone for the core group, as in manifests. RE2 syntax."""


class ApiModel(BaseModel):
    """Base of everything in a spec: frozen, camelCase on the wire, unknown keys refused.

    An unknown key is refused rather than ignored: a field that a newer CRD knows and this operator does not
    would otherwise change nothing in silence. The API server prunes what the CRD does not know.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    def model_post_init(self, _context: Any, /) -> None:
        """Share the set of the fields that were given with every equal one: nobody changes it in a frozen model.

        A set of its own takes more memory than all else of a small model, and a policy is made of a hundred of them.
        """
        given = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _GIVEN.setdefault(frozenset(given), given))


_GIVEN: dict[frozenset[str], set[str]] = {}
"""Every set of given fields once; there are as many as there are ways to write a model."""


class StatusModel(ApiModel):
    """Base of everything in a status: as ApiModel, but a key that another version wrote is ignored."""

    model_config = ConfigDict(extra="ignore")


def parse_decimal(value: Any) -> Fraction:
    """Read a decimal exactly as it is written.

    Args:
        value: An int, a string such as ``"0.5"``, or a Fraction (already read).

    Raises:
        ValueError: Anything else. A YAML float is refused because the API server refuses it too
            (x-kubernetes-int-or-string) and because binary floats have no exact decimal reading.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool):
        raise ValueError("must be a number, not a boolean")  # noqa: TRY004 - pydantic reads ValueError only
    if isinstance(value, int):
        if abs(value) > LARGEST_DECIMAL:
            raise ValueError("must have at most 15 digits")
        return Fraction(value)
    if isinstance(value, str) and re.fullmatch(DECIMAL_PATTERN[1:-1], value):
        return Fraction(value)
    if isinstance(value, float):
        raise ValueError(f'must be an integer or a decimal in quotes: write "{value}"')  # noqa: TRY004 - as above
    raise ValueError('must be an integer or a decimal in quotes, such as 70 or "0.5"')


def parse_distance(value: Any) -> Fraction:
    """Read a decimal of 0 or more; as parse_decimal, but a sign is refused too ("-0" has no place in the schema)."""
    distance = parse_decimal(value)
    if distance < 0 or (isinstance(value, str) and value.startswith("-")):
        raise ValueError("must be 0 or more")
    return distance


def render_decimal(value: Fraction) -> int | str:
    """Write a decimal back in the form the API accepts: an int when whole, else a plain decimal string.

    Fractions that no finite decimal equals are rounded to nine places; parsed decimals come back exactly.
    """
    if value.denominator == 1:
        return int(value)
    scaled = round(value * 10**9)
    whole, rest = divmod(abs(scaled), 10**9)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def _int_or_string(pattern: str, minimum: int) -> WithJsonSchema:
    """The schema of a decimal: `pattern` binds the string form, the bounds the integer form."""
    return WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": pattern,
            "maxLength": 17,
            "minimum": minimum,
            "maximum": LARGEST_DECIMAL,
        }
    )


Decimal = Annotated[
    Fraction,
    BeforeValidator(parse_decimal),
    PlainSerializer(render_decimal),
    _int_or_string(DECIMAL_PATTERN, -LARGEST_DECIMAL),
]
"""A number that may be fractional; IntOrString on the wire, exact inside."""

Distance = Annotated[
    Fraction,
    BeforeValidator(parse_distance),
    PlainSerializer(render_decimal),
    _int_or_string(DISTANCE_PATTERN, 0),
]
"""A decimal of 0 or more."""


_YEARS = range(1900, 3000)
"""What an instant on the wire may lie in: no period that a spec can name leads from here out of what a date can be."""


def _read_instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError("must be an RFC 3339 time with a zone")
    if isinstance(value, str) and instant.year not in _YEARS:
        raise ValueError(f"must lie in the years {_YEARS.start} to {_YEARS.stop - 1}")
    return instant.astimezone(UTC)


def render_instant(value: datetime) -> str:
    """RFC 3339 in UTC with a ``Z``; microseconds are kept only where there are any, so that R20 holds byte for byte."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    PlainSerializer(render_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware UTC time."""

NAMED_ENTRIES: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
"""Marks a list whose entries are told apart by `name`, so that two appliers can own different entries of it."""

TYPED_ENTRIES: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
"""Marks status.conditions: at most one entry of each type."""

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL_PATTERN)]
"""A name of a list entry, unique in its list."""
