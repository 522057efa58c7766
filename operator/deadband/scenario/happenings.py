"""Reads what a scenario does to the world: its target at the start, and the events between ticks."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from deadband.scenario.model import Count, Event, TargetChange
from deadband.scenario.places import Place

TARGET_KEYS = (
    "replicas",
    "ready",
    "readyAfterSeconds",
    "available",
    "rolloutInProgress",
    "rolloutFailed",
    "paused",
    "quotaExceeded",
    "unschedulable",
    "hpa",
)
"""What a target is at the start, and what an event may change of it."""

EVENT_KEYS = ("tick", "restart", "target", "manager", "releases", "spec", "annotations")
MOST_REPLICAS = 1_000_000
_LONGEST = 31_622_400


def parse_start(place: Place) -> TargetChange | None:
    """Read the target before tick 0, of which `replicas` is required."""
    places = place.mapping((*TARGET_KEYS, "manager"))
    if places is None:
        return None
    if "replicas" not in place.value:
        place.fault('the key "replicas" is missing')
    manager = places["manager"].text() if "manager" in places else None
    return replace(_target(places, whole=True), manager=manager or "")


def _changed(place: Place) -> TargetChange | None:
    """Read what an event changes of the target."""
    places = place.mapping((*TARGET_KEYS, "newTemplate"))
    if places is None:
        return None
    return replace(_target(places, whole=False), new_template=bool(_flag(places.get("newTemplate"))))


def _target(places: Mapping[str, Place], *, whole: bool) -> TargetChange:
    low, high = _hpa(places["hpa"], whole=whole) if "hpa" in places else (None, None)
    after = places["readyAfterSeconds"].integer(0, _LONGEST) if "readyAfterSeconds" in places else None
    return TargetChange(
        replicas=places["replicas"].integer(0, MOST_REPLICAS) if "replicas" in places else None,
        ready=_count(places.get("ready")),
        ready_after=None if after is None else timedelta(seconds=after),
        available=_count(places.get("available")),
        rollout_in_progress=_flag(places.get("rolloutInProgress")),
        rollout_failed=_flag(places.get("rolloutFailed")),
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
    if not {"restart", "target", "releases", "spec", "annotations"} & set(place.value):
        place.fault("says a tick but not what happens: restart, target, releases, spec or annotations")
    if "manager" in place.value and not {"target", "releases"} & set(place.value):
        place.fault("names who changes the target, but there is no target", "manager")
    if "releases" in place.value and "manager" not in place.value:
        place.fault("does not say which manager lets go of the replicas", "releases")
    tick = places["tick"].integer(0, ticks - 1) if "tick" in places else None
    event = Event(
        tick=tick or 0,
        down=_down(places["restart"]) if "restart" in places else None,
        target=_changed(places["target"]) if "target" in places else None,
        manager=(places["manager"].text() if "manager" in places else None) or "",
        releases=bool(_flag(places.get("releases"))),
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
        places[key].integer(least, MOST_REPLICAS) if key in places else None
        for key, least in (("minReplicas", 0), ("maxReplicas", 1))
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
