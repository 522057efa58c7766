"""Evaluations that change nothing: while a proposal waits, only what leaves it as it is may be told in short (R13).

That what rests is what would have been decided is held by histories in tests/scenario/recorded/test_replay.py; here
is what they do not go through: somebody edits the spec, annotates the policy, or contests the target.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deadband.core.decide import decide
from deadband.core.rest import rest
from deadband.core.status import next_status
from deadband.core.types import Inputs, Pause
from deadband.core.view import look
from tests.core.builders import EMPTY, T0, TICK, inputs, reading, spec, status, target, up

MANUAL = up(mode="Manual", approvalSeconds=600)


def waiting(**changes: Any) -> Inputs:
    """The evaluation after the one that proposed 4 to 5: everything as before, but for what is given."""
    before = inputs(spec(scaleUp=MANUAL), 4, 80, status=status())
    proposed = next_status(before, decide(before))
    assert proposed.proposal is not None
    return replace(before, **{"status": proposed, "now": T0 + TICK, **changes})


def test_a_proposal_that_stays_rests() -> None:
    now = waiting()

    resting = rest(now, look(now))

    assert resting is not None
    assert resting.proposal == decide(now).proposal == now.status.proposal


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"spec": spec(scaleUp=up())}, id="the direction acts by itself now"),
        pytest.param({"approval": "x"}, id="somebody approves"),
        pytest.param({"pause": Pause.UP}, id="the policy is paused"),
        pytest.param({"contested_by": "another policy"}, id="the target is contested"),
        pytest.param({"now": T0 + timedelta(seconds=600)}, id="it expires"),
        pytest.param({"target": target(5)}, id="somebody scaled"),
        pytest.param({"readings": {"cpu": reading(50)}}, id="it is due no more"),
        pytest.param({"readings": {"cpu": EMPTY}}, id="it is unknown whether it is due"),
        pytest.param(
            {"spec": spec(scaleUp=up(mode="Manual", stabilizationWindowSeconds=60))}, id="wishes are remembered"
        ),
    ],
)
def test_what_may_end_a_proposal_is_decided_in_full(changes: dict[str, Any]) -> None:
    now = waiting(**changes)

    assert rest(now, look(now)) is None


def test_a_target_that_is_switched_off_ends_its_proposal() -> None:
    now = waiting(target=target(0))
    now = replace(now, status=now.status.model_copy(update={"current_replicas": 0}))

    assert rest(now, look(now)) is None
