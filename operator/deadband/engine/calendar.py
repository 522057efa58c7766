"""Calendar windows of overrides: cron expressions in IANA zones, across both changes of daylight saving time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from deadband.api.scalingpolicy import Override, ScalingPolicySpec
from deadband.api.validation import Fault

_FIELDS = 5
_FOLD_MARGIN = timedelta(hours=3)
"""No zone repeats more than this at once; a fire this far ahead on the wall may lie in the past."""


def open_overrides(spec: ScalingPolicySpec, now: datetime) -> tuple[Override, ...]:
    """The overrides whose window [fire, fire + duration) holds `now`."""
    return tuple(override for override in spec.overrides if _open(override, now))


def calendar_faults(spec: ScalingPolicySpec) -> list[Fault]:
    """Schedules that are no cron expression of five fields, and zones that the IANA database does not know."""
    faults = []
    for index, override in enumerate(spec.overrides):
        field = f"spec.overrides[{index}]"
        if error := _schedule_error(override.schedule):
            faults.append(Fault(f"{field}.schedule", f"is not a cron expression of five fields: {error}"))
        try:
            ZoneInfo(override.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            faults.append(Fault(f"{field}.timeZone", f"{override.time_zone!r} is not a zone of the IANA database"))
    return faults


def last_fire(schedule: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The latest fire at or before `now`, in UTC; None when the schedule never fired.

    A schedule of certain hours is followed on the wall clock of the zone: a fire in a repeated hour counts once, the
    first time; one in a skipped hour happens at the first instant after it. One whose hour is a wildcard or a step runs
    in real time: it fires whenever the wall clock matches, twice in a repeated hour and not at all in a skipped one, so
    hourly windows stay as far apart as they are on other days.
    """
    if _runs_in_real_time(schedule):
        return _last_match(schedule, zone, now)
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    for fire in CronSim(schedule, wall + _FOLD_MARGIN, reverse=True):
        instant = _instant(fire, zone)
        if instant <= now:
            return instant
    return None


def _runs_in_real_time(schedule: str) -> bool:
    hours = schedule.split()[1]
    return "*" in hours or "/" in hours


def _last_match(schedule: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The latest instant at or before `now` whose wall clock matches the schedule, in UTC."""
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    # Only near a change of the clock is a later instant an earlier time on the wall.
    near = (now - _FOLD_MARGIN).astimezone(zone).utcoffset() != (now + _FOLD_MARGIN).astimezone(zone).utcoffset()
    margin = _FOLD_MARGIN if near else timedelta()
    best: datetime | None = None
    for fire in CronSim(schedule, wall + margin + timedelta(seconds=1), reverse=True):
        if best is not None and fire < best.astimezone(zone).replace(tzinfo=None, fold=0) - margin:
            break
        past = [instant for instant in _matches(fire, zone) if instant <= now]
        best = max([*past, *([best] if best is not None else [])], default=None)
    return best


def _matches(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which the wall clock shows this time: one, two where it is repeated, none where it is skipped."""
    instants = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return [each for each in instants if each.astimezone(zone).replace(tzinfo=None, fold=0) == wall]


def _open(override: Override, now: datetime) -> bool:
    fire = last_fire(override.schedule, ZoneInfo(override.time_zone), now)
    return fire is not None and now < fire + timedelta(seconds=override.duration_seconds)


def _schedule_error(schedule: str) -> str:
    if len(schedule.split()) != _FIELDS:
        return f"it has {len(schedule.split())} fields"
    try:
        CronSim(schedule, datetime(2026, 1, 1))  # noqa: DTZ001 - only parsed; the wall clock has no zone
    except CronSimError as error:
        return str(error) or type(error).__name__
    return ""


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time: its first one when repeated, the end of the gap when skipped."""
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return late
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = late.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late
