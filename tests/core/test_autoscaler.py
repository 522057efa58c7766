"""HPAs: what a move keeps of what was there, what a restore gives back, and how the decision speaks of bounds."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.conditions import Reason
from deadband.api.originals import MovedBound, OriginalBounds
from deadband.api.scalingpolicy import Bound, ScaleTargetRef, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.core.autoscaler import Autoscaler, Rewrite, moved, parts, restored, target_of
from deadband.core.bounds import bounds_in_force
from deadband.core.decide import decide
from deadband.core.recover import recover
from deadband.core.types import Target
from tests.core.builders import ERROR, T0, down, inputs, spec, status, target, up

MIN, MAX, BOTH = Bound.MIN_REPLICAS, Bound.MAX_REPLICAS, Bound.BOTH
HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"}


def hpa(low: int, high: int, originals: OriginalBounds | None = None, **changes: Any) -> Autoscaler:
    scales = ScaleTargetRef(api_version="apps/v1", kind="Deployment", name="api")
    return Autoscaler(scales=scales, low=low, high=high, originals=originals, **changes)


def kept(low: tuple[int, int] | None = None, high: tuple[int, int] | None = None, uid: str = "u") -> OriginalBounds:
    """An annotation: (original, written) of each bound."""
    bounds = [MovedBound(original=one[0], written=one[1]) if one else None for one in (low, high)]
    return OriginalBounds(policy="p", uid=uid, min_replicas=bounds[0], max_replicas=bounds[1])


def policy(bound: Bound, **changes: Any) -> ScalingPolicySpec:
    return spec(**{"scaleTargetRef": HPA, "bound": bound, "minReplicas": 2, "maxReplicas": 20, **changes})


@pytest.mark.parametrize(
    ("before", "moves", "to", "expected"),
    [
        pytest.param(hpa(2, 10), MIN, 5, (5, 10, kept(low=(2, 5))), id="the first move keeps what is there"),
        pytest.param(
            hpa(5, 10, kept(low=(2, 5))), MIN, 6, (6, 10, kept(low=(2, 6))), id="the next one keeps the original"
        ),
        pytest.param(
            hpa(3, 10, kept(low=(2, 5))), MIN, 6, (6, 10, kept(low=(3, 6))), id="what somebody changed is the new one"
        ),
        pytest.param(hpa(2, 10), MAX, 5, (2, 5, kept(high=(10, 5))), id="the cap"),
        pytest.param(hpa(2, 10), BOTH, 6, (6, 6, kept((2, 6), (10, 6))), id="both"),
        pytest.param(
            hpa(6, 12, kept((2, 6), (10, 6))),
            BOTH,
            7,
            (7, 7, kept((2, 7), (12, 7))),
            id="one of both was changed by somebody",
        ),
        pytest.param(
            hpa(5, 10, kept(low=(2, 5), uid="another")),
            MIN,
            6,
            (6, 10, kept(low=(2, 6))),
            id="a policy made anew takes over the original of the one before it",
        ),
        pytest.param(
            hpa(2, 5, kept(high=(10, 5))),
            MIN,
            3,
            (3, 5, kept((2, 3), (10, 5))),
            id="a bound that it moved before waits for its restore",
        ),
    ],
)
def test_a_move_keeps_what_was_there_before(
    before: Autoscaler, moves: Bound, to: int, expected: tuple[int, int, OriginalBounds]
) -> None:
    low, high, originals = expected
    assert moved(before, moves, to, policy="p", uid="u") == Rewrite(low=low, high=high, originals=originals)


@pytest.mark.parametrize(
    ("before", "still", "expected"),
    [
        pytest.param(hpa(5, 10), set(), None, id="nothing was moved"),
        pytest.param(hpa(5, 10, kept(low=(2, 5))), {MIN}, None, id="the bound is still moved"),
        pytest.param(hpa(5, 10, kept(low=(2, 5))), set(), (2, 10, None), id="the floor goes back"),
        pytest.param(hpa(2, 5, kept(high=(10, 5))), set(), (2, 10, None), id="the cap goes back"),
        pytest.param(hpa(6, 6, kept((2, 6), (10, 6))), set(), (2, 10, None), id="both go back"),
        pytest.param(hpa(4, 10, kept(low=(2, 5))), set(), (4, 10, None), id="what somebody changed since stays"),
        pytest.param(
            hpa(3, 5, kept((2, 3), (10, 5))), {MIN}, (3, 10, kept(low=(2, 3))), id="the bound that is moved no more"
        ),
        pytest.param(hpa(3, 5, kept(low=(8, 3))), set(), (5, 5, None), id="a floor stops at a cap that was lowered"),
        pytest.param(hpa(6, 9, kept(high=(3, 9))), set(), (6, 6, None), id="a cap stops at a floor that was raised"),
        pytest.param(
            hpa(3, 5, kept((8, 3), (6, 5))), set(), (6, 6, None), id="of originals that cross, the cap is honored"
        ),
    ],
)
def test_a_restore_gives_back_what_is_still_ours(
    before: Autoscaler, still: set[Bound], expected: tuple[int, int, OriginalBounds | None] | None
) -> None:
    rewrite = restored(before, kept=still)

    assert (rewrite and (rewrite.low, rewrite.high, rewrite.originals)) == expected


BOUNDS = st.integers(1, 20)
REMEMBERED = st.one_of(st.none(), st.tuples(BOUNDS, BOUNDS))


@given(
    bounds=st.tuples(BOUNDS, BOUNDS),
    low=REMEMBERED,
    high=REMEMBERED,
    still=st.sets(st.sampled_from([MIN, MAX])),
)
def test_no_restore_puts_the_floor_above_the_cap(
    bounds: tuple[int, int], low: tuple[int, int] | None, high: tuple[int, int] | None, still: set[Bound]
) -> None:
    rewrite = restored(hpa(min(bounds), max(bounds), kept(low, high)), kept=still)

    assert rewrite is None or 1 <= rewrite.low <= rewrite.high


@given(
    bounds=st.tuples(BOUNDS, BOUNDS),
    own=st.tuples(BOUNDS, BOUNDS),
    pods=st.integers(0, 25),
    cpu=st.one_of(st.just(ERROR), st.integers(0, 200)),
    moves=st.sampled_from(Bound),
)
def test_no_decision_puts_the_floor_above_the_cap_or_below_1(
    bounds: tuple[int, int], own: tuple[int, int], pods: int, cpu: Any, moves: Bound
) -> None:
    autoscaler = hpa(min(bounds), max(bounds))
    rules = policy(moves, minReplicas=min(own), maxReplicas=max(own))

    decision = decide(inputs(rules, target_of(autoscaler, target(pods), moves), cpu))

    if decision.write is not None:
        rewrite = moved(autoscaler, moves, decision.write, policy="p", uid="u")
        assert 1 <= rewrite.low <= rewrite.high
        assert (rewrite.low, rewrite.high) != (autoscaler.low, autoscaler.high)


@given(bounds=st.tuples(BOUNDS, BOUNDS), to=BOUNDS, moves=st.sampled_from(Bound))
def test_a_restore_undoes_a_move(bounds: tuple[int, int], to: int, moves: Bound) -> None:
    low, high = min(bounds), max(bounds)
    rewrite = moved(hpa(low, high), moves, to, policy="p", uid="u")

    back = restored(hpa(rewrite.low, rewrite.high, rewrite.originals), kept=())

    assert back is not None
    if rewrite.low <= rewrite.high:
        assert (back.low, back.high, back.originals) == (low, high, None)


@pytest.mark.parametrize(
    ("bound", "replicas", "floor", "cap", "loose"),
    [
        pytest.param(MIN, 2, None, 10, False, id="the floor moves under the cap"),
        pytest.param(MAX, 10, 2, None, False, id="the cap moves over the floor"),
        pytest.param(BOTH, 2, None, None, True, id="both move, the floor is n while they differ"),
    ],
)
def test_n_is_the_bound_that_moves_and_the_rest_the_workload_s(
    bound: Bound, replicas: int, floor: int | None, cap: int | None, loose: bool
) -> None:
    seen = target_of(hpa(2, 10), target(6, ready=5, available=4, rollout_in_progress=True), bound)

    assert (seen.replicas, seen.pods, seen.ready, seen.available, seen.rollout_in_progress) == (replicas, 6, 5, 4, True)
    assert seen.autoscaled is not None
    assert (seen.autoscaled.floor, seen.autoscaled.cap, seen.autoscaled.loose) == (floor, cap, loose)


@pytest.mark.parametrize(
    ("bound", "own", "write"),
    [
        pytest.param(MIN, {"own_low": T0}, T0, id="the floor"),
        pytest.param(MIN, {"own_high": T0}, None, id="the other bound says nothing of the floor"),
        pytest.param(MAX, {"own_high": T0}, T0, id="the cap"),
        pytest.param(
            BOTH, {"own_low": T0, "own_high": T0 + timedelta(seconds=5)}, T0 + timedelta(seconds=5), id="both"
        ),
        pytest.param(BOTH, {"own_low": T0}, None, id="one of both is somebody else's"),
    ],
)
def test_our_last_write_is_that_of_what_moves(bound: Bound, own: dict[str, Any], write: Any) -> None:
    assert target_of(hpa(2, 10, **own), target(3), bound).own_write == write


@pytest.mark.parametrize(
    ("bound", "writers", "writer"),
    [
        pytest.param(MIN, {"low_writer": "helm"}, "helm", id="the floor's"),
        pytest.param(MAX, {"low_writer": "helm"}, None, id="not the other bound's"),
        pytest.param(MAX, {"high_writer": "helm"}, "helm", id="the cap's"),
        pytest.param(BOTH, {"low_writer": "helm", "high_writer": "helm"}, "helm", id="both"),
        pytest.param(MIN, {}, None, id="never the workload's: there the HPA writes"),
    ],
)
def test_who_set_what_moves_is_named(bound: Bound, writers: dict[str, str], writer: str | None) -> None:
    workload = target(3, writer="kube-controller-manager")

    assert target_of(hpa(2, 10, **writers), workload, bound).writer == writer


def test_a_move_that_the_status_does_not_know_is_entered_with_its_own_time() -> None:
    wrote = T0 - timedelta(seconds=20)
    seen = target_of(hpa(5, 10, own_low=wrote), target(5), MIN)

    recovered = recover(ScalingPolicyStatus(current_replicas=2), seen)

    assert [(one.from_, one.to, one.time) for one in recovered.scale_events] == [(2, 5, wrote)]


@pytest.mark.parametrize(
    ("bound", "own", "bounds", "expected"),
    [
        pytest.param(MIN, (2, 20), (2, 10), (2, 10, "the policy's minReplicas", "the HPA's maxReplicas"), id="cut"),
        pytest.param(
            MIN, (2, 5), (2, 10), (2, 5, "the policy's minReplicas", "the policy's maxReplicas"), id="the policy's own"
        ),
        pytest.param(
            MIN,
            (12, 20),
            (2, 10),
            (10, 10, "the policy's minReplicas under the HPA's maxReplicas", "the HPA's maxReplicas"),
            id="a floor above the cap",
        ),
        pytest.param(MAX, (2, 20), (3, 10), (3, 20, "the HPA's minReplicas", "the policy's maxReplicas"), id="raised"),
        pytest.param(
            MAX,
            (2, 6),
            (8, 10),
            (8, 8, "the HPA's minReplicas", "the policy's maxReplicas over the HPA's minReplicas"),
            id="a cap below the floor",
        ),
        pytest.param(
            BOTH, (2, 20), (3, 10), (2, 20, "the policy's minReplicas", "the policy's maxReplicas"), id="both move"
        ),
    ],
)
def test_the_hpa_s_other_bound_frames_the_policy_s(
    bound: Bound, own: tuple[int, int], bounds: tuple[int, int], expected: tuple[int, int, str, str]
) -> None:
    rules = policy(bound, minReplicas=own[0], maxReplicas=own[1])
    found = bounds_in_force(inputs(rules, target_of(hpa(*bounds), target(5), bound)))

    assert (found.low, found.high, found.low_is, found.high_is) == expected


def sentence(rules: ScalingPolicySpec, seen: Target, cpu: Any = 45, **changes: Any) -> str:
    return decide(inputs(rules, seen, cpu, **changes)).sentence


@pytest.mark.parametrize(
    ("rules", "bounds", "pods", "cpu", "said"),
    [
        pytest.param(
            policy(MIN), (3, 10), 3, 80, "Raising minReplicas of HPA web from 3 to 4: cpu 80 is above 70.", id="up"
        ),
        pytest.param(
            policy(MAX), (2, 9), 3, 10, "Lowering maxReplicas of HPA web from 9 to 8: cpu 10 is below 20.", id="down"
        ),
        pytest.param(
            policy(BOTH), (4, 4), 4, 80, "Moving both bounds of HPA web from 4 to 5: cpu 80 is above 70.", id="both"
        ),
        pytest.param(
            policy(BOTH),
            (2, 9),
            5,
            45,
            "Moving both bounds of HPA web from 2 to 5: its minReplicas and maxReplicas differ, and its workload has 5 "
            "replicas.",
            id="a pin",
        ),
        pytest.param(
            policy(BOTH, minReplicas=4),
            (2, 9),
            2,
            45,
            "Moving both bounds of HPA web from 2 to 4: its minReplicas and maxReplicas differ, and its workload has 2 "
            "replicas, while the policy's minReplicas is 4.",
            id="a pin at the policy's bound",
        ),
        pytest.param(
            policy(MIN, mode="DryRun"),
            (3, 10),
            3,
            80,
            "Would raise minReplicas of HPA web from 3 to 4: cpu 80 is above 70.",
            id="a dry run",
        ),
        pytest.param(
            policy(MIN),
            (3, 10),
            3,
            45,
            "Holding minReplicas of HPA web at 3: cpu 45 is not above 70 and not below 20.",
            id="in the band",
        ),
        pytest.param(
            policy(MIN),
            (3, 3),
            3,
            80,
            "Holding minReplicas of HPA web at 3: cpu 80 is above 70, but the HPA's maxReplicas is 3.",
            id="at the cap",
        ),
        pytest.param(
            policy(MIN),
            (1, 10),
            3,
            45,
            "Raising minReplicas of HPA web from 1 to 2: 1 is below the policy's minReplicas 2.",
            id="out of bounds",
        ),
        pytest.param(
            policy(MIN),
            (3, 10),
            0,
            45,
            "Holding minReplicas of HPA web at 3: the HPA's workload was switched off (0 replicas while the HPA's "
            "minReplicas is 3).",
            id="switched off",
        ),
    ],
)
def test_the_sentence_says_which_bound(
    rules: ScalingPolicySpec, bounds: tuple[int, int], pods: int, cpu: int, said: str
) -> None:
    assert rules.moves is not None
    assert sentence(rules, target_of(hpa(*bounds), target(pods), rules.moves), cpu) == said


def test_a_contested_pin_leaves_both_bounds_and_says_so() -> None:
    seen = target_of(hpa(2, 9), target(5), BOTH)

    said = sentence(policy(BOTH), seen, contested_by="ScaledObject web")

    assert said.startswith("Leaving both bounds of HPA web as they are: ")


def test_a_proposal_says_which_bound() -> None:
    rules = policy(MIN, scaleUp=up(mode="Manual"))
    decision = decide(inputs(rules, target_of(hpa(3, 10), target(3), MIN), 80))

    assert decision.proposal is not None
    assert decision.proposal.text == "Raise minReplicas of HPA web from 3 to 4: cpu 80 is above 70."


def test_more_pods_than_the_floor_count_as_ready() -> None:
    rules = policy(MIN, scaleUp=up(step={"type": "Proportional"}))

    decision = decide(inputs(rules, target_of(hpa(2, 20), target(6), MIN), 84))

    assert decision.write == 8, "ceil(6 · 84 / 70)"


def test_a_dry_run_pins_its_shadow_once_and_moves_on_from_there() -> None:
    rules = policy(BOTH, mode="DryRun", scaleDown=down())
    seen = target_of(hpa(2, 9), target(5), BOTH)
    shadowed = status(current_replicas=2, shadow_replicas=5)

    assert decide(inputs(rules, seen, 45)).desired == 5
    assert decide(inputs(rules, seen, 80, status=shadowed)).desired == 6


def test_a_switched_off_workload_is_told_in_the_condition() -> None:
    decision = decide(inputs(policy(MIN), target_of(hpa(2, 9), target(0), MIN), 45))

    assert (decision.reason, decision.write) == (Reason.SCALING_DISABLED, None)


def test_both_are_two_single_bounds() -> None:
    assert parts(BOTH) == {MIN, MAX}
    assert parts(MIN) == {MIN}
