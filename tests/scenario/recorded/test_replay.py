"""The replay: projection, what is taken for what really ran, and that the shortcut decides nothing otherwise."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadband.scenario.recorded import replay as replaying
from tests.scenario.recorded.histories import SPEC, Values, played

AVERAGE = [{"name": "cpu", "query": "cpu", "per": "Average"}]
TOTAL = [{"name": "cpu", "query": "cpu", "per": "Total"}]


@pytest.mark.parametrize(
    ("values", "real", "metrics", "replicas", "simulated", "recorded"),
    [
        pytest.param(
            [105, 105, 105], [4], SPEC["metrics"], [6, 6, 6], [105, 70, 70], [105, 105, 105],
            id="per Replica: 105 on 4 pods is 70 on 6, which is not above 70",
        ),
        pytest.param(
            [420, 420, 420], [4], AVERAGE, [6, 6, 6], [105, 70, 70], [105, 105, 105],
            id="Average: 420 for all is 105 on 4 pods and 70 on 6",
        ),
        pytest.param(
            [105, 60, 60], [4], TOTAL, [6, 6, 6], [105, 60, 60], [105, 60, 60],
            id="Total: the whole is the same however many share it",
        ),
        pytest.param(
            [105, 60, 60], [4, 7, 6], SPEC["metrics"], [6, 6, 6], [105, 70, 60], [105, 60, 60],
            id="somebody really scaled to 7 and 6: 60 on 7 is 70 on 6, and 60 on 6 is 60",
        ),
        pytest.param(
            [105, 60, 60], [None], SPEC["metrics"], [2, 2, 2], [105, 60, 60], [105, 60, 60],
            id="what really ran is not known: nothing is projected, and it begins with minReplicas",
        ),
        pytest.param(
            [105, None, 60], [4], SPEC["metrics"], [6, 6, 6], [105, None, 40], [105, None, 60],
            id="a gap stays a gap",
        ),
        pytest.param(
            [105, float("nan"), 60], [4], SPEC["metrics"], [6, 6, 6], [105, None, 40], [105, None, 60],
            id="no number is a gap",
        ),
    ],
)  # fmt: skip
def test_values_are_what_other_replicas_would_have_shown(
    values: Values,
    real: Sequence[int | None],
    metrics: list[Any],
    replicas: list[int],
    simulated: list[float | None],
    recorded: list[float | None],
) -> None:
    run = played(values, real=real, metrics=metrics)

    assert list(run.replicas) == replicas
    assert list(run.lines["cpu"].simulated) == simulated
    assert list(run.lines["cpu"].recorded) == recorded


def test_what_is_projected_is_marked() -> None:
    run = played([105, 150, 150], real=[4])

    assert [(each.before, each.after, each.projected) for each in run.happenings] == [(4, 6, ()), (6, 9, ("cpu",))]


def test_the_ready_replicas_are_what_the_load_was_carried_by() -> None:
    """90 on 2 ready of 4 is 45 on the 4 that the simulation has ready."""
    run = played([60, 90], real=[4], ready=[4, 2])

    assert list(run.lines["cpu"].simulated) == [60, 45]


def test_nobody_is_measured_where_no_pod_would_be() -> None:
    run = played([0, 50], real=[1, 1], minReplicas=0)

    assert list(run.replicas) == [0, 0]
    assert list(run.lines["cpu"].simulated) == [0, None]


def test_a_gap_in_what_really_ran_is_filled_and_told() -> None:
    run = played([50] * 4, real=[None, 3, None, 5])

    assert run.real == [3, 3, 3, 5]
    assert run.replicas[0] == 3
    assert any("2 of 4 instants" in note for note in run.notes)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param([None] * 21 + [50], "There is no sample of cpu before 2026-01-05 08:05:15Z", id="it keeps less"),
        pytest.param([None] * 22, "There is no sample of cpu in this span.", id="it has nothing"),
        pytest.param([None] * 20 + [50], None, id="a rate begins late"),
        pytest.param([50, None], None, id="a gap is none of this"),
    ],
)
def test_a_history_that_is_shorter_than_was_asked_for_is_told(values: Values, says: str | None) -> None:
    told = [note for note in played(values, real=[4]).notes if "no sample" in note]

    assert [note.startswith(says) for note in told] == [True] if says else told == []


def test_how_far_the_play_is_is_told_now_and_then() -> None:
    told: list[int] = []

    played([50] * 2500, real=[4], told=told.append)

    assert told == [1000, 1000, 500]


def test_it_begins_with_as_many_as_are_asked_for() -> None:
    assert played([50, 50], real=[3], start=7).replicas == [7, 7]


def test_a_dry_run_is_played_as_if_it_were_enforced() -> None:
    run = played([71, 60], real=[4], mode="DryRun")

    assert run.replicas[0] == 5
    assert replaying.DRY_RUN in run.notes


def test_a_manual_direction_proposes_and_nobody_approves() -> None:
    up = {"anyOf": [{"metric": "cpu", "above": 70}], "mode": "Manual", "approvalSeconds": 60, "limits": []}
    run = played([50, 105, 105, 50, 105], real=[4], scaleUp=up)

    assert [(each.kind, each.index, each.before, each.after) for each in run.happenings] == [
        ("proposal", 1, 4, 6),
        ("proposal", 4, 4, 6),
    ]
    assert set(run.replicas) == {4}


def test_a_policy_without_a_target_only_advises() -> None:
    run = played([50, 105], scaleTargetRef=None, minReplicas=None, maxReplicas=None)

    assert [(each.kind, each.after) for each in run.happenings] == [("proposal", None)]
    assert list(run.replicas) == []


def test_a_veto_holds_in_the_past_too() -> None:
    vetoes = [{"name": "deploying", "query": "deploying", "direction": "Up"}]
    run = played({"cpu": [105, 105, 105], "deploying": [1, 1, None]}, real=[4], vetoes=vetoes)

    assert [each.index for each in run.happenings] == [2]


def test_an_override_is_open_at_its_recorded_hour() -> None:
    overrides = [{"name": "morning", "schedule": "1 8 * * *", "durationSeconds": 60, "minReplicas": 9}]
    run = played([50] * 9, real=[4], overrides=overrides)

    assert list(run.replicas) == [4] * 4 + [9] * 5


SECONDS = st.sampled_from([0, 15, 30, 60])
STEPS = st.sampled_from(
    [
        {"type": "Proportional"},
        {"type": "Pods", "pods": 2},
        {"type": "Percent", "percent": 30},
        {"type": "Tiers", "tiers": [{"beyond": 5, "pods": 1}, {"beyond": 30, "percent": 50}]},
    ]
)
LIMITS = st.sampled_from([[], [{"type": "Pods", "value": 1, "periodSeconds": 30}]])


def direction(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "forSeconds": SECONDS,
            "cooldownSeconds": SECONDS,
            "stabilizationWindowSeconds": SECONDS,
            "step": STEPS,
            "limits": LIMITS,
            "mode": st.sampled_from(["Automatic", "Automatic", "Manual"]),
            "approvalSeconds": st.sampled_from([60, 3600]),
            **{key: st.just(value) for key, value in more.items()},
        }
    )


@settings(max_examples=120, deadline=None)
@given(
    values=st.lists(st.sampled_from([0, 5, 19, 20, 21, 50, 70, 71, 90, 140, None]), min_size=2, max_size=40),
    repeats=st.sampled_from([1, 3]),
    up=direction(anyOf=[{"metric": "cpu", "above": 70}]),
    down=direction(allOf=[{"metric": "cpu", "below": 20}]),
    guard=st.sampled_from(["None", "ProjectedBelowScaleUp"]),
    real=st.integers(0, 6),
    low=st.integers(0, 2),
    advises=st.sampled_from([False, False, False, True]),
    fallback=st.sampled_from([None, {"afterFailures": 2, "behavior": "Static", "replicas": 4}]),
)
def test_what_rests_is_what_would_have_been_held(
    values: list[int | None],
    repeats: int,
    up: dict[str, Any],
    down: dict[str, Any],
    guard: str,
    real: int,
    low: int,
    advises: bool,
    fallback: dict[str, Any] | None,
) -> None:
    """Each instant decided in full gives the same happenings, replicas and values as with the shortcut."""
    spec = {"scaleUp": up, "scaleDown": {**down, "guard": guard}, "minReplicas": low, "maxReplicas": 6}
    if advises:  # nothing can be scaled
        spec |= dict.fromkeys(("scaleTargetRef", "minReplicas", "maxReplicas"))
    history = [value for value in values for _ in range(repeats)]

    short = played(history, real=[real], fallback=fallback, **spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "rest", lambda inputs, view: None)
        full = played(history, real=[real], fallback=fallback, **spec)

    assert short == full


def test_what_holds_is_not_decided_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    decided = []
    enact = replaying.enact
    monkeypatch.setattr(
        replaying, "enact", lambda inputs, cluster: decided.append(inputs.now) or enact(inputs, cluster)
    )

    played([50] * 100 + [105] + [50] * 100, real=[4])

    assert len(decided) == 2, "the first instant, and the one that scales"


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param({"scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}], "mode": "Manual"}}, id="Manual"),
        pytest.param(dict.fromkeys(("scaleTargetRef", "minReplicas", "maxReplicas")), id="nothing to scale"),
    ],
)
def test_a_proposal_that_waits_is_not_decided_in_full(monkeypatch: pytest.MonkeyPatch, policy: dict[str, Any]) -> None:
    decided = []
    enact = replaying.enact
    monkeypatch.setattr(
        replaying, "enact", lambda inputs, cluster: decided.append(inputs.now) or enact(inputs, cluster)
    )

    run = played([50] + [105] * 500, real=[4], **policy)

    assert [each.index for each in run.happenings] == [1, 241, 481]
    assert len(decided) <= 4, "the first instant at most, and one for each hour's proposal"
