"""Reads what a scenario does to the world: its target at the start, and the events between ticks."""

from collections.abc import Mapping
from datetime import timedelta

from deadband.scenario.model import Count, Event, TargetChange
from deadband.scenario.places import Place

TARGET_KEYS = (
    "replicas",
    "ready",
    "readyAfterSeconds",
    "available",
    "rolloutInProgress",
    "paused",
    "quotaExceeded",
    "unschedulable",
    "hpa",
)
EVENT_KEYS = ("tick", "restart", "target", "manager", "spec", "annotations")
MOST_REPLICAS = 1_000_000
_LONGEST = 31_622_400


def parse_target(place: Place, *, whole: bool = False) -> TargetChange | None:
    """Read a target, or what changes of it.

    Args:
        place: The mapping.
        whole: It is the one before tick 0, so `replicas` is required.
    """
    places = place.mapping(TARGET_KEYS)
    if places is None:
        return None
    if whole and "replicas" not in place.value:
        place.fault('the key "replicas" is missing')
    low, high = _hpa(places["hpa"], whole=whole) if "hpa" in places else (None, None)
    after = places["readyAfterSeconds"].integer(0, _LONGEST) if "readyAfterSeconds" in places else None
    return TargetChange(
        replicas=places["replicas"].integer(0, MOST_REPLICAS) if "replicas" in places else None,
        ready=_count(places.get("ready")),
        ready_after=None if after is None else timedelta(seconds=after),
        available=_count(places.get("available")),
        rollout_in_progress=_flag(places.get("rolloutInProgress")),
        paused=_flag(places.get("paused")),
        quota_exceeded=_flag(places.get("quotaExceeded")),
        unschedulable=_flag(places.get("unschedulable")),
        low=low,
        high=high,
    )


def parse_events(place: Place, ticks: int) -> tuple[Event, ...]:
    """Read the events, in the order of their ticks; those of one tick in the order in which they are written."""
    events = [_event(each, ticks) for each in place.entries()]
    return tuple(sorted((event for event in events if event is not None), key=lambda event: event.tick))


def _event(place: Place, ticks: int) -> Event | None:
    places = place.mapping(EVENT_KEYS)
    if places is None:
        return None
    if "tick" not in place.value:
        place.fault('the key "tick" is missing')
    if not {"restart", "target", "spec", "annotations"} & set(place.value):
        place.fault("says a tick but not what happens: restart, target, spec or annotations")
    if "manager" in place.value and "target" not in place.value:
        place.fault("names who changes the target, but there is no target", "manager")
    tick = places["tick"].integer(0, ticks - 1) if "tick" in places else None
    event = Event(
        tick=tick or 0,
        down=_down(places["restart"]) if "restart" in places else None,
        target=parse_target(places["target"]) if "target" in places else None,
        manager=(places["manager"].text() if "manager" in places else None) or "",
        spec=_spec(places.get("spec")),
        annotations=_annotations(places["annotations"]) if "annotations" in places else None,
    )
    return None if tick is None else event


def _down(place: Place) -> timedelta | None:
    places = place.mapping(("downSeconds",))
    if places is None:
        return None
    if "downSeconds" not in places:
        if "downSeconds" not in place.value:
            place.fault('the key "downSeconds" is missing')
        return None
    seconds = places["downSeconds"].integer(0, _LONGEST)
    return None if seconds is None else timedelta(seconds=seconds)


def _spec(place: Place | None) -> Mapping[str, object] | None:
    # What the patch says is the policy's business: a fault in it is an outcome, as in the policy itself.
    return place.value if place is not None and place.mapping() is not None else None


def _annotations(place: Place) -> dict[str, str | None]:
    annotations: dict[str, str | None] = {}
    for name, value in (place.mapping() or {}).items():
        if value.value is None:
            annotations[name] = None
        elif isinstance(value.value, str):
            annotations[name] = value.value
        else:
            value.fault('must be text in quotes, such as "true", or null to remove it')
    return annotations


def _hpa(place: Place, *, whole: bool) -> tuple[int | None, int | None]:
    """Read an HPA's bounds; before tick 0 both, and the floor not above the cap."""
    places = place.mapping(("minReplicas", "maxReplicas"))
    if places is None:
        return None, None
    low, high = (
        places[key].integer(1, MOST_REPLICAS) if key in places else None for key in ("minReplicas", "maxReplicas")
    )
    if whole:
        for key in ("minReplicas", "maxReplicas"):
            if key not in place.value:
                place.fault(f'the key "{key}" is missing')
    if low is not None and high is not None and low > high:
        place.fault("minReplicas must not be greater than maxReplicas")
    return low, high


def _count(place: Place | None) -> Count | None:
    if place is None:
        return None
    if place.value == "follow":
        return "follow"
    if isinstance(place.value, str):
        place.fault(f'must be a whole number or follow, not the text "{place.value}"')
        return None
    return place.integer(0, MOST_REPLICAS)


def _flag(place: Place | None) -> bool | None:
    return None if place is None else place.boolean()
