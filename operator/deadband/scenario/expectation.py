"""Reads what a scenario expects: lists with one entry per tick, where `_` matches anything."""

from collections.abc import Callable
from typing import TypeVar

from deadband.api.conditions import ConditionStatus, ConditionType, Reason
from deadband.scenario.model import ANYTHING, Anything, Expect
from deadband.scenario.places import Place

EXPECT_KEYS = ("replicas", "desired", "reason", "conditions", "message", "writes", "invalid")
_MOST = 1_000_000
_STATUSES: dict[str, ConditionStatus] = {"True": "True", "False": "False", "Unknown": "Unknown"}

T = TypeVar("T")


def parse_expect(place: Place | None, ticks: int | None) -> Expect | None:
    """Read the expectations.

    Args:
        place: The mapping; nothing, or an empty one, only plays the time line.
        ticks: How long the lists must be; None where that is itself at fault.
    """
    if place is None or place.value is None:
        return Expect()
    places = place.mapping(EXPECT_KEYS)
    if places is None:
        return None
    invalid = places["invalid"].boolean() if "invalid" in places else False
    if invalid:
        ticks = None  # nothing is played, so no list has a length to have
    writes = places["writes"].integer(0, _MOST) if "writes" in places else None
    return Expect(
        replicas=_each(places.get("replicas"), ticks, _replicas),
        desired=_each(places.get("desired"), ticks, _replicas),
        reason=_each(places.get("reason"), ticks, _reason),
        conditions=_conditions(places["conditions"], ticks) if "conditions" in places else {},
        message=_each(places.get("message"), ticks, _text),
        writes=writes,
        invalid=bool(invalid),
    )


def _each(place: Place | None, ticks: int | None, read: Callable[[Place], T]) -> tuple[T | Anything, ...] | None:
    if place is None:
        return None
    entries = list(place.entries())
    if isinstance(place.value, list) and ticks is not None and len(entries) != ticks:
        place.fault(f"has {len(entries)} entries for {ticks} ticks")
    return tuple(ANYTHING if entry.value == "_" else read(entry) for entry in entries)


def _replicas(place: Place) -> int | None:
    return None if place.value is None else place.integer(0, _MOST)


def _text(place: Place) -> str:
    return place.text() or ""


def _reason(place: Place) -> Reason:
    try:
        return Reason(place.value)
    except ValueError:
        place.fault(f"is no reason of a decision: {place.value!r}")
        return Reason.OK


def _conditions(place: Place, ticks: int | None) -> dict[ConditionType, tuple[ConditionStatus | Anything, ...]]:
    conditions = {}
    for name, values in (place.mapping(tuple(ConditionType)) or {}).items():
        statuses = _each(values, ticks, _status)
        if statuses is not None:
            conditions[ConditionType(name)] = statuses
    return conditions


def _status(place: Place) -> ConditionStatus:
    if isinstance(place.value, str) and place.value in _STATUSES:
        return _STATUSES[place.value]
    place.fault('must be "True", "False" or "Unknown" in quotes, or _')
    return "Unknown"
