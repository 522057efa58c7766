"""Documents into scenarios, strictly: unknown keys, wrong types and wrong lengths are faults, each with its line."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deadband.api.scalingpolicy import AUTOSCALER_KIND
from deadband.api.status import ScalingPolicyStatus
from deadband.core.types import Interval, Reading
from deadband.scenario.document import Document, WrittenFloat
from deadband.scenario.expectation import parse_expect
from deadband.scenario.happenings import parse_events, parse_start
from deadband.scenario.model import Event, Scenario, TargetChange
from deadband.scenario.past import parse_past
from deadband.scenario.places import Fault, Place
from deadband.scenario.refusal import refusal
from deadband.scenario.series import MOST_TICKS, WORDS, entry, expand, interval

KEYS = (
    "name", "policy", "start", "tickSeconds", "ticks", "target", "state", "history", "series", "events", "expect",
)  # fmt: skip
"""The keys of a scenario, in the order in which they are documented."""

DEFAULT_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
DEFAULT_TICK = 15
_LONGEST_TICK = 86_400

PolicyReader = Callable[[str, str | None], Mapping[str, Any]]
"""Gives the manifest in a file (relative to the scenario's), by name; ValueError says why it cannot."""


class UnusableError(ValueError):
    """A file that cannot be played.

    Attributes:
        file: Which one.
        faults: Every fault, in the order of lines.
    """

    def __init__(self, file: Path, faults: list[Fault]) -> None:
        """Sort the faults as a reader meets them."""
        super().__init__(f"{file}: {len(faults)} faults")
        self.file = file
        self.faults = sorted(faults)


def parse_scenario(document: Document, file: Path, read_policy: PolicyReader) -> Scenario:
    """Read one document as a scenario.

    Args:
        document: What is read.
        file: Where it stands.
        read_policy: Reads the manifest that `policy: {file, name}` points to.

    Raises:
        UnusableError: With every fault of the document. A fault inside the policy is none: it is an outcome.
    """
    faults: list[Fault] = []
    scenario = _scenario(Place(document, document.value, (), faults), file, read_policy)
    if faults or scenario is None:
        raise UnusableError(file, faults)
    return scenario


def _scenario(root: Place, file: Path, read_policy: PolicyReader) -> Scenario | None:
    places = root.mapping(KEYS)
    if places is None:
        return None
    for key in ("name", "policy"):
        if key not in root.value:
            root.fault(f'the key "{key}" is missing')
    name = places["name"].text() if "name" in places else None
    policy = _policy(places["policy"], read_policy) if "policy" in places else None
    start = places["start"].parsed(_instant) if "start" in places else DEFAULT_START
    tick = places["tickSeconds"].integer(1, _LONGEST_TICK) if "tickSeconds" in places else _interval(policy)
    series = _series(places["series"]) if "series" in places else {}
    longest = max((len(readings) for readings in series.values()), default=1)
    ticks = places["ticks"].integer(1, MOST_TICKS) if "ticks" in places else longest
    target = parse_start(places["target"]) if "target" in places else None
    state = parse_past(places.get("state"), places.get("history"), start or DEFAULT_START)
    events = parse_events(places["events"], ticks or MOST_TICKS) if "events" in places else ()
    expect = parse_expect(places.get("expect"), ticks)
    if policy is not None and expect is not None and not expect.invalid:
        _fit(root, places, policy, events, target, series)
    if name is None or policy is None or start is None or tick is None or ticks is None or expect is None:
        return None  # each of them has been noted as a fault
    return Scenario(
        file=file,
        line=root.document.line(()),
        name=name,
        policy=policy,
        start=start,
        tick=timedelta(seconds=tick),
        ticks=ticks,
        target=target,
        state=state or ScalingPolicyStatus(),
        series=series,
        events=events,
        expect=expect,
    )


def _policy(place: Place, read_policy: PolicyReader) -> Mapping[str, Any] | None:
    if not isinstance(place.value, dict) or "file" not in place.value:
        return place.value if place.mapping() is not None else None
    places = place.mapping(("file", "name")) or {}
    file = places["file"].text() if "file" in places else None
    name = places["name"].text() if "name" in places else None
    if file is None or (name is None and "name" in place.value):
        return None
    try:
        return read_policy(file, name)
    except ValueError as error:
        place.fault(str(error), "file")
        return None


def _interval(policy: Mapping[str, Any] | None) -> int:
    """The policy's own period, or the default where the policy is not readable so far."""
    seconds = _mapping(_mapping(policy).get("spec")).get("intervalSeconds")
    return seconds if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0 else DEFAULT_TICK


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(f'must be a time with a zone, such as 2026-01-05T08:00:00Z, not "{text}"')
    return instant.astimezone(UTC)


def _series(place: Place) -> dict[str, tuple[Reading, ...]]:
    series: dict[str, tuple[Reading, ...]] = {}
    for name, values in (place.mapping() or {}).items():
        readings = _readings(values)
        if readings:
            series[name] = readings
        elif readings is not None:
            values.fault("must have at least one entry")
    return series


def _readings(place: Place) -> tuple[Reading, ...] | None:
    if not isinstance(place.value, list):
        # promtool's notation; a single number is one such entry that needs no quotes
        text = _written(place.value)
        if text is None:
            place.fault('must be a list with one entry per tick, or text such as "60 71x3"')
            return None
        try:
            return tuple(expand(text))
        except ValueError as error:
            place.fault(str(error))
            return None
    readings = [_reading(each) for each in place.entries()]
    known = tuple(reading for reading in readings if reading is not None)
    return known if len(known) == len(readings) else None


def _reading(place: Place) -> Reading | None:
    ends = [_written(end) for end in place.value] if isinstance(place.value, list) else [_written(place.value)]
    try:
        match ends:
            case [str(text)] if not isinstance(place.value, list):
                return entry(text)
            case [str(low), str(high)]:
                return interval(low, high)
            case _:
                place.fault(f"must be a number, an interval [low, high], or one of {', '.join(WORDS)}")
                return None
    except ValueError as error:
        place.fault(str(error))
        return None


def _written(value: Any) -> str | None:
    match value:
        case WrittenFloat():
            return value.text.replace("_", "")
        case bool():
            return None
        case int():
            return str(value)
        case str():
            return value
        case _:
            return None


def _fit(
    root: Place, places: Mapping[str, Place], policy: Mapping[str, Any], events: tuple[Event, ...],
    target: TargetChange | None, series: Mapping[str, tuple[Reading, ...]],
) -> None:  # fmt: skip
    """Hold the scenario against its policy: names and intervals of series, a target for a policy that has one."""
    if refusal(policy):
        return  # its faults are an outcome, and what it names means nothing
    specs = [_mapping(policy.get("spec")), *(event.spec for event in events if event.spec is not None)]
    names = {name for spec in specs for key in ("metrics", "vetoes") for name in _names(spec.get(key))}
    for name in _mapping(places["series"].value) if "series" in places else ():
        if name not in names:
            places["series"].fault(f"the policy has no metric or veto of this name; it has {', '.join(sorted(names))}",
                                   name)  # fmt: skip
    measured = {name for spec in specs for name in _names(spec.get("metrics"), with_key="resource")}
    for name in names - measured:
        for index, reading in enumerate(series.get(name, ())):
            if isinstance(reading, Interval):
                places["series"].fault("only a `resource` metric can read an interval", name, index)
    if target is None and "target" not in places and any("scaleTargetRef" in spec for spec in specs):
        root.fault('the key "target" is missing: the policy scales something, so say how many replicas it has')
    kinds = {_mapping(spec.get("scaleTargetRef")).get("kind") for spec in specs}
    described = "target" in places and "hpa" in _mapping(places["target"].value)
    if described and AUTOSCALER_KIND not in kinds:
        places["target"].fault(f"only a policy whose target is a {AUTOSCALER_KIND} has this", "hpa")
    if AUTOSCALER_KIND in kinds and "target" in places and not described:
        places["target"].fault('the key "hpa" is missing: the policy moves its bounds, so say what they are')


def _names(entries: Any, *, with_key: str = "name") -> list[str]:
    """The names in a list of mappings, of those that have the key."""
    found = [_mapping(each) for each in entries] if isinstance(entries, list) else []
    return [each["name"] for each in found if isinstance(each.get("name"), str) and with_key in each]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
