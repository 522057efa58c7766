"""Reads what the policy remembers before tick 0: a whole status, or the shorthand of past scalings and wishes."""

from datetime import datetime, timedelta
from typing import Any, get_args

from pydantic import ValidationError

from deadband.api.status import LastWrite, ScaleEvent, ScalingPolicyStatus, Way, Wish
from deadband.api.types import StatusModel
from deadband.scenario.happenings import MOST_REPLICAS
from deadband.scenario.places import Place

_LONGEST = 31_622_400


def parse_past(state: Place | None, history: Place | None, start: datetime) -> ScalingPolicyStatus | None:
    """Read `state` and `history` into the status that the policy carries at the start.

    Args:
        state: A status as the operator writes it; nothing: an empty one.
        history: Scalings and wishes, in seconds before `start`; added to those of `state`.
        start: The time of tick 0.
    """
    status = _status(state) if state is not None else ScalingPolicyStatus()
    if history is None:
        return status
    events, wishes = _history(history, start)
    if status is None:
        return None
    events = sorted([*status.scale_events, *events], key=lambda event: event.time)
    update: dict[str, Any] = {
        "scale_events": events,
        "wishes": sorted([*status.wishes, *wishes], key=lambda wish: wish.time),
    }
    if events and (status.last_scale_time is None or status.last_scale_time < events[-1].time):
        # The operator writes these with every scaling, so a past that has one without the other never was.
        update["last_scale_time"] = events[-1].time
        update["last_scale_direction"] = Way.UP if events[-1].change > 0 else Way.DOWN
        update["last_write"] = LastWrite(replicas=events[-1].to, time=events[-1].time)
    return status.model_copy(update=update)


def _status(place: Place) -> ScalingPolicyStatus | None:
    if place.mapping() is None:
        return None
    _refuse_unknown(place, place.value, ScalingPolicyStatus, ())
    try:
        return ScalingPolicyStatus.model_validate(place.value)
    except ValidationError as error:
        for each in error.errors():
            place.fault(each["msg"], *each["loc"])
        return None


def _refuse_unknown(place: Place, written: Any, model: type[StatusModel], below: tuple[str | int, ...]) -> None:
    """A live operator skips keys that another version wrote; in a test such a key is a slip of the pen."""
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for key, value in written.items() if isinstance(written, dict) else ():
        inner = _model_in(fields.get(key))
        if key not in fields:
            place.fault(f"unknown key; known are {', '.join(fields)}", *below, str(key))
        elif inner is not None and isinstance(value, list):
            for index, each in enumerate(value):
                _refuse_unknown(place, each, inner, (*below, key, index))
        elif inner is not None:
            _refuse_unknown(place, value, inner, (*below, key))


def _model_in(annotation: Any) -> type[StatusModel] | None:
    """The model that a field holds, itself, optional or in a list; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, StatusModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _history(place: Place, start: datetime) -> tuple[list[ScaleEvent], list[Wish]]:
    events: list[ScaleEvent] = []
    wishes: list[Wish] = []
    for each in place.entries():
        places = each.mapping(("secondsAgo", "replicas", "wish"))
        if places is None:
            continue
        if "secondsAgo" not in each.value:
            each.fault('the key "secondsAgo" is missing')
        if ("replicas" in each.value) == ("wish" in each.value):
            each.fault("must have exactly one of replicas and wish")
        seconds = places["secondsAgo"].integer(0, _LONGEST) if "secondsAgo" in places else None
        change = _change(places["replicas"]) if "replicas" in places else None
        wish = places["wish"].integer(0, MOST_REPLICAS) if "wish" in places else None
        time = start - timedelta(seconds=seconds or 0)
        if change is not None:
            events.append(ScaleEvent.model_validate({"time": time, "from": change[0], "to": change[1]}))
        if wish is not None:
            wishes.append(Wish(time=time, replicas=wish))
    return events, wishes


def _change(place: Place) -> tuple[int, int] | None:
    places = place.mapping(("from", "to"))
    if places is None:
        return None
    for key in ("from", "to"):
        if key not in place.value:
            place.fault(f'the key "{key}" is missing')
    ends = [places[key].integer(0, MOST_REPLICAS) for key in ("from", "to") if key in places]
    match ends:
        case [int(before), int(after)]:
            return before, after
        case _:
            return None
