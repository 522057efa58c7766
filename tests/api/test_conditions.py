"""Conditions from one evaluation to the next: only a flip of the status is a transition."""

from datetime import UTC, datetime, timedelta

import pytest

from deadband.api.conditions import ConditionType, Reason, Said, merge

THEN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NOW = THEN + timedelta(seconds=15)
READY: Said = (ConditionType.READY, "True", Reason.OK, "fine")


@pytest.mark.parametrize(
    ("said", "generation", "since"),
    [
        pytest.param(READY, 1, THEN, id="nothing changed"),
        pytest.param((ConditionType.READY, "True", Reason.OK, "finer"), 1, THEN, id="another message is no transition"),
        pytest.param((ConditionType.READY, "True", Reason.ERROR, "fine"), 1, THEN, id="nor is another reason"),
        pytest.param(READY, 2, THEN, id="nor is another generation"),
        pytest.param((ConditionType.READY, "False", Reason.OK, "fine"), 1, NOW, id="another status is one"),
        pytest.param((ConditionType.STALLED, "True", Reason.OK, "fine"), 1, NOW, id="a new type begins now"),
    ],
)
def test_the_transition_time_moves_with_the_status_alone(said: Said, generation: int, since: datetime) -> None:
    before = merge([], [READY], generation=1, now=THEN)

    (after,) = merge(before, [said], generation=generation, now=NOW)

    assert (after.type, after.status, after.reason, after.message) == said
    assert (after.observed_generation, after.last_transition_time) == (generation, since)
    assert (after is before[0]) == (said == READY and generation == 1), "what did not change is not made again"


def test_a_type_that_is_not_said_any_more_is_dropped() -> None:
    before = merge([], [READY], generation=1, now=THEN)

    assert merge(before, [], generation=1, now=NOW) == []
