"""R7: for-times are timestamps; unknown time stands still, dead time is unknown time."""

from datetime import timedelta

import pytest

from deadband.api.status import TimerStatus
from deadband.core.timers import advance, held
from deadband.core.types import Outage
from tests.core.builders import T0


def seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


def play(*spells: tuple[int, bool | None]) -> tuple[TimerStatus, int]:
    """Evaluate every 15 s: so many seconds of each truth; returns the timer and the seconds held at the last one."""
    timer, now = TimerStatus(), T0
    last = now
    for length, truth in spells:
        for _ in range(length // 15):
            timer, last = advance(timer, truth, now=now), now
            now += seconds(15)
    return timer, int(held(timer, now=last).total_seconds())


@pytest.mark.parametrize(
    ("spells", "expected"),
    [
        pytest.param([(15, True)], 0, id="starts at the first true evaluation"),
        pytest.param([(75, True)], 60, id="runs while true"),
        pytest.param([(60, True), (15, False), (15, True)], 0, id="one false resets"),
        pytest.param([(60, True), (60, None), (15, True)], 60, id="unknown time is not held (S09)"),
        pytest.param([(60, True), (60, None)], 60, id="it stands still while unknown"),
        pytest.param([(60, True), (600, None), (15, True)], 60, id="600 s of one spell are stood"),
        pytest.param([(60, True), (615, None), (15, True)], 0, id="more than 600 s of one spell reset"),
        pytest.param([(60, True), (630, None)], 0, id="the reset happens while still unknown"),
        pytest.param(
            [(60, True), (450, None), (15, True), (450, None), (15, True)], 75, id="each spell is counted on its own"
        ),
        pytest.param([(60, None), (15, True)], 0, id="an unknown start holds nothing"),
    ],
)
def test_a_timer_holds_known_true_time_only(spells: list[tuple[int, bool | None]], expected: int) -> None:
    assert play(*spells)[1] == expected


@pytest.mark.parametrize(
    ("dead", "truth", "held_for"),
    [
        pytest.param(0, True, 60, id="a restart without dead time is no event"),
        pytest.param(45, True, 60, id="dead time is not held"),
        pytest.param(600, True, 60, id="600 s dead are stood"),
        pytest.param(601, True, 0, id="more than 600 s dead reset"),
        pytest.param(45, False, 0, id="false after the restart resets"),
        pytest.param(45, None, 60, id="unknown after the restart goes on standing still"),
        pytest.param(601, None, 0, id="too long dead and still unknown resets"),
    ],
)
def test_exactly_the_time_without_an_operator_counts_as_unknown(dead: int, truth: bool | None, held_for: int) -> None:
    stop = T0 + seconds(60)
    back = stop + seconds(dead)

    timer = advance(TimerStatus(held_since=T0), truth, now=back, outage=Outage(stop, back))

    assert held(timer, now=back) == seconds(held_for)


def test_dead_time_inside_an_unknown_spell_belongs_to_it() -> None:
    before = TimerStatus(held_since=T0, unknown_since=T0 + seconds(60))
    back = T0 + seconds(300)

    timer = advance(before, True, now=back, outage=Outage(T0 + seconds(90), back))

    assert held(timer, now=back) == seconds(60)


def test_dead_time_and_the_unknown_time_after_it_are_one_spell() -> None:
    stop, back = T0 + seconds(60), T0 + seconds(460)
    timer = advance(TimerStatus(held_since=T0), None, now=back, outage=Outage(stop, back))

    timer = advance(timer, True, now=back + seconds(210))

    assert timer == TimerStatus(held_since=back + seconds(210))


@pytest.mark.parametrize("truth", [True, None])
def test_a_spell_that_a_clock_set_back_since_wrote_resets_the_timer(truth: bool | None) -> None:
    ahead = advance(TimerStatus(held_since=T0), None, now=T0 + seconds(660))  # really 60 s, by a clock 600 s ahead

    timer = advance(ahead, truth, now=T0 + seconds(90))

    assert held(timer, now=T0 + seconds(90)) == seconds(0)


def test_a_clock_that_jumped_back_never_holds_negative_time() -> None:
    timer = advance(TimerStatus(held_since=T0), True, now=T0 - seconds(60))

    assert held(timer, now=T0 - seconds(60)) == seconds(0)
