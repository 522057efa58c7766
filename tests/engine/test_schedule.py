"""The grid: when a policy is due, and that it never is twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.engine.schedule import GRACE_SECONDS, Schedule, next_on_grid, phase

INTERVALS = st.integers(min_value=5, max_value=3600)
NAMESPACES = st.uuids().map(str)
EPOCHS = st.floats(min_value=1.7e9, max_value=1.8e9)


@given(NAMESPACES, INTERVALS)
def test_a_phase_lies_on_the_grid_and_inside_the_interval(namespace: str, interval: int) -> None:
    assert phase(namespace, interval) % 5 == 0
    assert 0 <= phase(namespace, interval) < interval


@given(NAMESPACES, INTERVALS, EPOCHS)
def test_the_next_instant_is_later_by_at_most_one_interval(namespace: str, interval: int, now: float) -> None:
    following = next_on_grid(namespace, interval, after=now)

    assert 0 < following - now <= interval
    assert (following - phase(namespace, interval)) % interval == 0


def test_namespaces_are_spread_over_the_phases_of_an_interval() -> None:
    shares = [[phase(f"team-{number}", 15) for number in range(3000)].count(start) for start in (0, 5, 10)]

    assert all(900 < share < 1100 for share in shares)


def test_policies_of_one_namespace_are_due_together() -> None:
    schedule = Schedule()
    for uid in ("a", "b", "c"):
        schedule.put(uid, "leadgen", 15, now=100.0)
    list(schedule.take_due(now=100.0, offset=0.0))
    instant = schedule.next_due()
    assert instant is not None

    assert [one.uid for one in schedule.take_due(now=instant, offset=0.0)] == ["a", "b", "c"]


def test_a_new_policy_is_due_at_once_and_then_on_its_grid() -> None:
    schedule = Schedule()
    schedule.put("a", "leadgen", 15, now=100.0)

    first = [due.uid for due in schedule.take_due(now=100.0, offset=1_000_000.0)]
    following = schedule.next_due()

    assert first == ["a"]
    assert following is not None
    assert following + 1_000_000.0 - GRACE_SECONDS == pytest.approx(next_on_grid("leadgen", 15, after=1_000_100.0))


def test_the_grid_is_the_same_after_a_restart() -> None:
    before, after = Schedule(), Schedule()
    before.put("a", "leadgen", 60, now=100.0)
    after.put("a", "leadgen", 60, now=7.0)
    list(before.take_due(now=100.0, offset=1_000_000.0))
    list(after.take_due(now=7.0, offset=1_000_094.0))

    assert before.next_due() == pytest.approx((after.next_due() or 0.0) + 94.0)


def test_a_late_evaluation_counts_what_was_missed_and_happens_once() -> None:
    schedule = Schedule()
    schedule.put("a", "leadgen", 15, now=0.0)
    list(schedule.take_due(now=0.0, offset=0.0))
    due = schedule.next_due()
    assert due is not None

    late = list(schedule.take_due(now=due + 50.0, offset=0.0))

    assert [(one.uid, one.skipped, one.late_seconds) for one in late] == [("a", 3, 50.0)]
    assert list(schedule.take_due(now=due + 50.0, offset=0.0)) == []


def test_a_late_evaluation_at_the_very_instant_of_the_next_one_stands_for_both() -> None:
    schedule = Schedule()
    schedule.put("a", "leadgen", 15, now=0.0)
    list(schedule.take_due(now=0.0, offset=0.0))
    instant = next_on_grid("leadgen", 15, after=15.0)

    assert [one.uid for one in schedule.take_due(now=instant, offset=0.0)] == ["a"]
    assert schedule.next_due() == instant + 15 + GRACE_SECONDS


def test_a_policy_that_is_edited_again_and_again_is_evaluated_once_a_second() -> None:
    schedule = Schedule()
    schedule.put("a", "leadgen", 15, now=0.0)
    evaluated = []
    for tenth in range(30):
        now = tenth / 10
        evaluated += [now for _ in schedule.take_due(now=now, offset=2.0)]
        schedule.put("a", "leadgen", 15, now=now)

    assert evaluated == [0.0, 1.0, 2.0]


def test_a_dropped_policy_is_never_due_again() -> None:
    schedule = Schedule()
    schedule.put("a", "leadgen", 15, now=0.0)
    schedule.drop("a")

    assert schedule.next_due() is None
    assert list(schedule.take_due(now=100.0, offset=0.0)) == []


@given(
    NAMESPACES,
    st.integers(min_value=5, max_value=120),
    EPOCHS,
    st.lists(st.floats(min_value=0.001, max_value=40), min_size=1, max_size=60),
)
def test_no_policy_is_evaluated_twice_in_one_interval_of_its_grid(
    namespace: str, interval: int, offset: float, pauses: list[float]
) -> None:
    """However irregularly the loop comes round: every interval of the grid sees at most one evaluation."""
    schedule = Schedule()
    schedule.put("a", namespace, interval, now=0.0)
    list(schedule.take_due(now=0.0, offset=offset))
    now, slots = 0.0, []
    for pause in pauses:
        now += pause
        fired = list(schedule.take_due(now=now, offset=offset))
        slots += [(now + offset - phase(namespace, interval)) // interval] * len(fired)

    assert len(slots) == len(set(slots))


@given(NAMESPACES, st.floats(min_value=-3600, max_value=3600))
def test_a_clock_that_is_set_shifts_the_grid_and_fires_nothing_early(namespace: str, jump: float) -> None:
    schedule = Schedule()
    schedule.put("a", namespace, 15, now=0.0)
    list(schedule.take_due(now=0.0, offset=1e9))
    first = schedule.next_due() or 0.0
    list(schedule.take_due(now=first, offset=1e9 + jump))

    assert 0 < (schedule.next_due() or 0.0) - first <= 15 + GRACE_SECONDS
