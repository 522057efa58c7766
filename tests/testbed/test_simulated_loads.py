"""The offered-load functions and the arithmetic of sharing and draining, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from pydantic import TypeAdapter, ValidationError

from e2e.testbed.simulator.loads import Load
from e2e.testbed.simulator.sharing import drain, ratio_percent, share

LOAD: TypeAdapter[Load] = TypeAdapter(Load)
STEP = {"type": "step", "points": [[10, 40], [30, 90]]}
RAMP = {"type": "ramp", "start": 10, "end": 90, "durationSeconds": 80, "delaySeconds": 20}
DAY = {"type": "day", "low": 10, "high": 90, "periodSeconds": 100, "peakSeconds": 25}
SPIKE = {"type": "spike", "base": 20, "peak": 95, "atSeconds": 30, "durationSeconds": 10}
SPIKES = {**SPIKE, "everySeconds": 50}
OUTAGE = {"type": "outage", "of": 50, "atSeconds": 30, "durationSeconds": 10}


@pytest.mark.parametrize(
    ("written", "seconds", "want"),
    [
        pytest.param(7, 1e6, 7, id="a bare number is constant"),
        pytest.param(STEP, 0, 40, id="before its first point a step has the first value"),
        pytest.param(STEP, 29.9, 40, id="a step holds until the next point"),
        pytest.param(STEP, 30, 90, id="a step changes at the point"),
        pytest.param(RAMP, 20, 10, id="a ramp begins after its delay"),
        pytest.param(RAMP, 60, 50, id="half way up a ramp is the middle"),
        pytest.param(RAMP, 500, 90, id="a ramp stays at its end"),
        pytest.param(DAY, 25, 90, id="a day is highest at its peak"),
        pytest.param(DAY, 75, 10, id="a day is lowest half a period later"),
        pytest.param(DAY, 150, 50, id="a quarter period from the peak a day is in the middle"),
        pytest.param(SPIKE, 29, 20, id="before a spike is the base"),
        pytest.param(SPIKE, 30, 95, id="a spike begins at its second"),
        pytest.param(SPIKE, 40, 20, id="a spike is over after its duration"),
        pytest.param(SPIKES, 85, 95, id="a repeated spike comes again"),
        pytest.param(SPIKES, 29, 20, id="a repeated spike does not come before its first time"),
        pytest.param(OUTAGE, 35, 0, id="an outage lets nothing through"),
        pytest.param(OUTAGE, 40, 50, id="after an outage the load is as before"),
        pytest.param({**OUTAGE, "of": STEP}, 50, 90, id="an outage wraps any load"),
    ],
)
def test_a_load_has_the_value_that_its_description_promises(written: object, seconds: float, want: float) -> None:
    assert LOAD.validate_python(written).at(seconds) == pytest.approx(want)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(-1, id="a negative number"),
        pytest.param({"type": "ramp", "start": 1, "end": 2}, id="a ramp without a duration"),
        pytest.param({"type": "step", "points": [[30, 1], [30, 2]]}, id="two points at one second"),
        pytest.param({"type": "constant", "value": 1, "valeu": 2}, id="an unknown key"),
        pytest.param({"type": "wave"}, id="an unknown type"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        LOAD.validate_python(written)


def test_noise_is_the_same_for_the_same_seed_and_second_and_has_its_mean() -> None:
    noise = LOAD.validate_python({"type": "noise", "of": 50, "percent": 10})
    drawn = [noise.at(second + 0.5, "a") for second in range(1000)]
    assert drawn == [noise.at(second + 0.2, "a") for second in range(1000)]
    assert drawn != [noise.at(second, "b") for second in range(1000)]
    assert sum(drawn) / 1000 == pytest.approx(
        50, rel=0.01
    )  # the mean's deviation is 10 % / sqrt(1000), a third of this


@pytest.mark.parametrize(
    ("total", "caps", "want"),
    [
        pytest.param(3, [math.inf] * 3, [1, 1, 1], id="even without caps"),
        pytest.param(3, [0.5, math.inf, math.inf], [0.5, 1.25, 1.25], id="what one cannot take goes to the others"),
        pytest.param(3, [2, 0.5, 1], [1.5, 0.5, 1], id="caps bind one after the other, in any order"),
        pytest.param(9, [1, 2], [1, 2], id="all at their caps when there is too much"),
        pytest.param(0, [1, 2], [0, 0], id="nothing to share"),
        pytest.param(5, [], [], id="nobody to share among"),
    ],
)
def test_load_is_shared(total: float, caps: list[float], want: list[float]) -> None:
    assert share(total, caps) == pytest.approx(want)


@pytest.mark.parametrize(
    ("depth", "arrivals", "capacity", "want"),
    [
        pytest.param(100, 30, 10, (140, 10), id="grows by the difference"),
        pytest.param(100, 10, 30, (60, 30), id="shrinks by the difference"),
        pytest.param(10, 10, 30, (0, 15), id="never goes below nothing, and the throughput says what was there"),
        pytest.param(10, 5, 0, (20, 0), id="without workers only grows"),
    ],
)
def test_a_queue_drains_in_two_seconds(
    depth: float, arrivals: float, capacity: float, want: tuple[float, float]
) -> None:
    assert drain(depth, arrivals, capacity, 2) == pytest.approx(want)


def test_a_percent_of_nothing_is_absent_and_not_zero() -> None:
    assert ratio_percent(1, 0) is None
    assert ratio_percent(1, 4) == 25
