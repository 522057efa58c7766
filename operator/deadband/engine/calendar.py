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

    The schedule is followed on the wall clock of the zone: a fire in a repeated hour counts once, the first time;
    one in a skipped hour happens at the first instant after it.
    """
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    for fire in CronSim(schedule, wall + _FOLD_MARGIN, reverse=True):
        instant = _instant(fire, zone)
        if instant <= now:
            return instant
    return None


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
