"""The demo's judge: only what was really seen counts, and what nobody expected is a fault."""

from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.testbed.demo.judge import judge
from e2e.testbed.demo.observed import PolicySeen, ProposalSeen, Record, Snapshot, WorkloadSeen
from e2e.testbed.demo.story import Act, Scaling

UP = Act(title="load rises", expects=(Scaling("api", "up"),), shortest=1, longest=2)
STILL = Act(title="nothing happens", shortest=1, longest=2)
OUTAGE = Act(title="Prometheus is down", prometheus=False, shortest=1, longest=2)
DOWN_OR_UP = Act(
    title="load falls", expects=(Scaling("api", "down"),), allows=(Scaling("api", "up"),), shortest=1, longest=2
)
GOOD = {"Ready": "True", "MetricsAvailable": "True"}
BLIND = {"Ready": "True", "MetricsAvailable": "False"}


def play(act: Act, *replicas: int, explained: bool = True, conditions: dict[str, str] | None = None) -> Record:
    """Record one act in which api's replicas are seen as given, one snapshot each."""
    record = Record()
    record.begin(act.title)
    before: int | None = None
    last: tuple[int, int] | None = None
    for at, number in enumerate(replicas):
        if explained and before is not None and before != number:
            last = (before, number)
        policy = PolicySeen(target="api", sentence=f"to {number}", conditions=conditions or GOOD, last_scaling=last)
        record.see(Snapshot(float(at), {"api": WorkloadSeen(number, number)}, {"api-pods": policy}))
        before = number
    return record


@pytest.mark.parametrize(
    ("act", "replicas", "outcomes"),
    [
        pytest.param(UP, (2, 2, 5), [("api up", "api 2 → 5", True)], id="the expected scaling was seen"),
        pytest.param(UP, (2, 4, 6), [("api up", "api 2 → 4 → 6", True)], id="two steps of one way are one scaling"),
        pytest.param(UP, (2, 2, 2), [("api up", "nothing", False)], id="replicas that stay are no scaling"),
        pytest.param(UP, (5,), [("api up", "nothing", False)], id="the first look is where it starts, not a scaling"),
        pytest.param(
            UP,
            (2, 5, 4),
            [("api up", "api 2 → 5", True), ("not api down", "api 5 → 4", False)],
            id="a way back that nobody expected is a fault",
        ),
        pytest.param(UP, (5, 2), [("api up", "nothing", False), ("not api down", "api 5 → 2", False)], id="wrong way"),
        pytest.param(STILL, (2, 2), [("nothing is scaled", "nothing", True)], id="stillness was expected and kept"),
        pytest.param(STILL, (2, 3), [("nothing is scaled", "api 2 → 3", False)], id="stillness was broken"),
        pytest.param(
            DOWN_OR_UP,
            (5, 6, 3),
            [("api down", "api 6 → 3", True)],
            id="an allowed scaling is neither asked nor a fault",
        ),
    ],
)
def test_an_act_is_judged_by_the_replicas_seen(
    act: Act, replicas: tuple[int, ...], outcomes: list[tuple[str, str, bool]]
) -> None:
    verdicts = judge([act], ["api-pods"], play(act, *replicas))

    assert [(verdict.expected, verdict.seen, verdict.holds) for verdict in verdicts] == outcomes


def test_a_scaling_comes_with_its_time_and_the_sentence_of_the_status_that_records_it() -> None:
    (verdict,) = judge([UP], ["api-pods"], play(UP, 2, 2, 5))

    assert (verdict.at, verdict.sentence) == (2.0, "to 5")


def test_a_scaling_that_the_operator_does_not_own_up_to_fails() -> None:
    (verdict,) = judge([UP], ["api-pods"], play(UP, 2, 5, explained=False))

    assert (verdict.holds, verdict.seen) == (False, "api 2 → 5, but no status says so")


def test_an_act_that_was_not_reached_fails() -> None:
    verdicts = judge([UP, STILL], ["api-pods"], play(UP, 2, 5))

    assert [(verdict.act, verdict.seen, verdict.holds) for verdict in verdicts] == [
        ("load rises", "api 2 → 5", True),
        ("nothing happens", "not reached", False),
    ]


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        pytest.param(BLIND, True, id="metrics turn unavailable and the policy stays ready"),
        pytest.param(GOOD, False, id="nobody noticed the outage"),
        pytest.param({"Ready": "False", "MetricsAvailable": "False"}, False, id="an outage made the policy not ready"),
        pytest.param({"MetricsAvailable": "False"}, False, id="the policy never said whether it is ready"),
    ],
)
def test_an_outage_must_be_told_and_leave_the_policy_ready(conditions: dict[str, str], *, holds: bool) -> None:
    still, outage = judge([OUTAGE], ["api-pods"], play(OUTAGE, 2, 2, conditions=conditions))

    assert (still.holds, outage.holds) == (True, holds)


def test_a_later_status_does_not_explain_an_earlier_scaling() -> None:
    record = play(UP, 2, 5, explained=False)
    later = PolicySeen(target="api", sentence="down again", conditions=GOOD, last_scaling=(9, 8))
    record.see(Snapshot(9.0, {"api": WorkloadSeen(5, 5)}, {"api-pods": later}))

    assert not record.seen(UP.title, Scaling("api", "up"))


def test_a_status_that_comes_a_moment_after_the_scaling_still_explains_it() -> None:
    record = play(UP, 2, 5, explained=False)
    late = PolicySeen(target="api", sentence="cpu was above", conditions=GOOD, last_scaling=(2, 5))
    record.see(Snapshot(9.0, {"api": WorkloadSeen(5, 5)}, {"api-pods": late}))
    (verdict,) = judge([UP], ["api-pods"], record)

    assert (verdict.holds, verdict.at, verdict.sentence) == (True, 1.0, "cpu was above")


PROPOSAL = ProposalSeen("a1", datetime(2026, 1, 5, 8, tzinfo=UTC))
ASKED = {"proposal": PROPOSAL, "conditions": {"ActionRequired": "True"}}
SETTLED = {"conditions": {"ActionRequired": "False"}}


@pytest.mark.parametrize(
    ("expectation", "status", "alerted", "holds"),
    [
        pytest.param({"asks": ("db",)}, ASKED, True, True, id="a proposal and an alert are a question"),
        pytest.param({"asks": ("db",)}, ASKED, False, False, id="a proposal that nobody hears of is none"),
        pytest.param({"asks": ("db",)}, SETTLED, True, False, id="an alert without a proposal is none either"),
        pytest.param(
            {"approves_late": ("db",)}, {**ASKED, "refusal": "a1 expired"}, True, True, id="a refusal that is told"
        ),
        pytest.param({"approves_late": ("db",)}, ASKED, True, False, id="an approval that nobody refused"),
        pytest.param({"settles": ("db",)}, SETTLED, False, True, id="nothing is asked and no alert is left"),
        pytest.param({"settles": ("db",)}, SETTLED, True, False, id="an alert that goes on is not settled"),
        pytest.param({"settles": ("db",)}, {}, False, False, id="a policy that says nothing has not settled anything"),
    ],
)
def test_what_a_person_is_asked_is_judged_by_status_and_alertmanager(
    expectation: dict[str, Any], status: dict[str, Any], *, alerted: bool, holds: bool
) -> None:
    act = Act(title="a database", shortest=1, longest=2, **expectation)
    record = Record()
    record.begin(act.title)
    policy = PolicySeen(sentence="Asking a person to act", **status)
    record.see(Snapshot(3.0, {}, {"db": policy}, frozenset({"db"} if alerted else ())))

    still, asked = judge([act], ["db"], record)

    assert (still.holds, asked.holds, asked.at) == (True, holds, 3.0 if holds else None)
