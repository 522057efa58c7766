"""Override windows on the wall clock, across both changes of daylight saving time."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.scalingpolicy import Override
from deadband.engine.calendar import calendar_faults, last_fire, open_overrides
from tests.core.builders import spec

BERLIN = {"timeZone": "Europe/Berlin"}


def override(schedule: str, **changes: Any) -> dict[str, Any]:
    return {"name": "window", "schedule": schedule, "durationSeconds": 3600, "minReplicas": 5, **changes}


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        pytest.param(override("0 8 * * 1-5"), "2026-01-05T07:59:59+00:00", False, id="a second before the fire"),
        pytest.param(override("0 8 * * 1-5"), "2026-01-05T08:00:00+00:00", True, id="the fire itself is inside"),
        pytest.param(override("0 8 * * 1-5"), "2026-01-05T08:59:59+00:00", True, id="the last second"),
        pytest.param(override("0 8 * * 1-5"), "2026-01-05T09:00:00+00:00", False, id="fire + duration is outside"),
        pytest.param(override("0 8 * * 1-5"), "2026-01-04T08:30:00+00:00", False, id="not on a Sunday"),
        pytest.param(
            override("0 8 * * 1-5", **BERLIN), "2026-01-05T07:30:00+00:00", True, id="08:30 in Berlin in winter"
        ),
        pytest.param(
            override("0 8 * * *", **BERLIN), "2026-07-06T06:30:00+00:00", True, id="08:30 in Berlin in summer"
        ),
        pytest.param(
            override("30 2 * * *", **BERLIN), "2026-03-29T00:59:59+00:00", False, id="before the skipped hour"
        ),
        pytest.param(
            override("30 2 * * *", **BERLIN), "2026-03-29T01:00:00+00:00", True, id="skipped: opens right after"
        ),
        pytest.param(override("30 2 * * *", **BERLIN), "2026-03-29T02:00:00+00:00", False, id="and lasts its duration"),
        pytest.param(
            override("30 2 * * *", **BERLIN), "2026-10-25T00:30:00+00:00", True, id="repeated: the first time"
        ),
        pytest.param(
            override("30 2 * * *", **BERLIN), "2026-10-25T01:30:00+00:00", False, id="repeated: not the second"
        ),
        pytest.param(
            override("0 0 24 12 *", durationSeconds=3 * 86400), "2026-12-26T23:59:59+00:00", True, id="days long"
        ),
        pytest.param(override("0 0 29 2 *"), "2026-03-01T00:10:00+00:00", False, id="a leap day that is years ago"),
    ],
)
def test_a_window_is_open_from_its_fire_for_its_duration(window: dict[str, Any], now: str, is_open: bool) -> None:
    policy = spec(overrides=[window])

    assert open_overrides(policy, datetime.fromisoformat(now)) == (tuple(policy.overrides) if is_open else ())


@pytest.mark.parametrize(
    ("schedule", "now", "fire"),
    [
        pytest.param("30 * * * *", "2026-10-25T00:59:00+00:00", "2026-10-25T00:30:00+00:00", id="02:30, summer time"),
        pytest.param("30 * * * *", "2026-10-25T01:29:59+00:00", "2026-10-25T00:30:00+00:00", id="still that one"),
        pytest.param("30 * * * *", "2026-10-25T01:30:00+00:00", "2026-10-25T01:30:00+00:00", id="02:30 a second time"),
        pytest.param("30 * * * *", "2026-10-25T02:30:00+00:00", "2026-10-25T02:30:00+00:00", id="03:30, an hour later"),
        pytest.param("30 * * * *", "2026-03-29T01:29:00+00:00", "2026-03-29T00:30:00+00:00", id="02:30 is skipped"),
        pytest.param("30 * * * *", "2026-03-29T01:30:00+00:00", "2026-03-29T01:30:00+00:00", id="03:30, an hour later"),
        pytest.param("0 */2 * * *", "2026-10-25T01:10:00+00:00", "2026-10-25T01:00:00+00:00", id="a step, repeated"),
        pytest.param("0 */2 * * *", "2026-03-29T01:10:00+00:00", "2026-03-28T23:00:00+00:00", id="a step, skipped"),
        pytest.param("0 0-6/2 * * *", "2026-10-25T01:10:00+00:00", "2026-10-25T01:00:00+00:00", id="a step of a range"),
        pytest.param("0 0-6 * * *", "2026-10-25T01:10:00+00:00", "2026-10-25T00:00:00+00:00", id="a plain range: once"),
    ],
)
def test_a_schedule_whose_hour_is_a_wildcard_or_a_step_runs_in_real_time(schedule: str, now: str, fire: str) -> None:
    last = last_fire(schedule, ZoneInfo("Europe/Berlin"), datetime.fromisoformat(now))

    assert last == datetime.fromisoformat(fire)


def test_an_hourly_window_of_an_hour_is_always_open() -> None:
    policy = spec(overrides=[override("0 * * * *", **BERLIN)])
    start = datetime.fromisoformat("2026-10-24T22:00:00+00:00")

    assert all(open_overrides(policy, start + timedelta(minutes=each)) for each in range(6 * 60))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"schedule": "0 8 * *"}, "spec.overrides[0].schedule", id="four fields"),
        pytest.param({"schedule": "0 25 * * *"}, "spec.overrides[0].schedule", id="hour 25"),
        pytest.param({"schedule": "* * * * * *"}, "spec.overrides[0].schedule", id="seconds are no field"),
        pytest.param(
            {"schedule": "0 8 * * *", "timeZone": "Europe/Atlantis"}, "spec.overrides[0].timeZone", id="no such zone"
        ),
        pytest.param(
            {"schedule": "0 8 * * *", "timeZone": "../etc/passwd"}, "spec.overrides[0].timeZone", id="no path"
        ),
    ],
)
def test_what_no_calendar_understands_is_a_fault_with_its_field(changes: dict[str, Any], field: str) -> None:
    policy = spec().model_copy(
        update={"overrides": [Override.model_validate(override(**{"schedule": "0 8 * * *", **changes}))]}
    )

    assert [fault.field for fault in calendar_faults(policy)] == [field]


ZONES = {
    "Europe/Berlin": "2026-03-29",
    "America/New_York": "2026-11-01",
    "America/Santiago": "2026-04-04",  # falls back at midnight, into the day before
    "Africa/Cairo": "2026-04-24",  # skips the midnight itself
    "Australia/Lord_Howe": "2026-04-05",  # half an hour
    "Asia/Kolkata": "2026-06-01",  # never, and no whole hours
    "Pacific/Apia": "2011-12-30",  # skipped a whole day
}
"""Zones with a day on which their clocks do something."""


def walked_fires(minutes: set[int], hours: set[int], zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Every fire in (start, end], by watching the wall clock of a zone minute by minute.

    A minute that the clock shows twice counts once, the first time; one that it jumps over counts when it has jumped.
    """
    fires: list[datetime] = []
    now = start
    shown = now.astimezone(zone).replace(tzinfo=None)
    while now < end:
        now += timedelta(minutes=1)
        wall = now.astimezone(zone).replace(tzinfo=None)
        while shown < wall:
            shown += timedelta(minutes=1)
            if shown.minute in minutes and shown.hour in hours and fires[-1:] != [now]:
                fires.append(now)
    return fires


@given(
    zone=st.sampled_from(sorted(ZONES)),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
    into=st.integers(0, 3 * 24 * 60),
)
def test_a_schedule_fires_when_the_wall_clock_shows_its_minute_or_jumps_over_it(
    zone: str, minutes: set[int], hours: set[int], into: int
) -> None:
    """Three days around a change of the clock; `last_fire` computes what `walked_fires` waits for."""
    where = ZoneInfo(zone)
    start = datetime.fromisoformat(f"{ZONES[zone]}T00:00:00+00:00") - timedelta(days=2)
    now = start + timedelta(days=1, minutes=into)
    schedule = f"{','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))} * * *"

    fires = walked_fires(minutes, hours, where, start, now)

    assert last_fire(schedule, where, now) == fires[-1]


@given(
    zone=st.sampled_from(sorted(ZONES)),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    step=st.integers(1, 6),
    into=st.integers(0, 3 * 24 * 60),
)
def test_a_stepped_schedule_fires_whenever_the_wall_clock_shows_its_minute(
    zone: str, minutes: set[int], step: int, into: int
) -> None:
    where = ZoneInfo(zone)
    now = datetime.fromisoformat(f"{ZONES[zone]}T00:00:00+00:00") + timedelta(minutes=into - 24 * 60)
    shown = (now - timedelta(minutes=each) for each in range(3 * 24 * 60))
    walls = ((instant, instant.astimezone(where)) for instant in shown)
    expected = next(instant for instant, wall in walls if wall.minute in minutes and wall.hour % step == 0)

    assert last_fire(f"{','.join(map(str, sorted(minutes)))} */{step} * * *", where, now) == expected
