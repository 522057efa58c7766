"""Evaluations that pass: what is not decided would have been decided the same."""

from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.core.calm import Band, Calm, carried
from deadband.core.decide import decide
from deadband.core.status import Change, change, next_status
from deadband.core.types import Inputs, NoTarget, Pause, Reading, Sample
from tests.core.builders import EMPTY, T0, TICK, down, event, inputs, reading, spec, status, target, up
from tests.core.test_properties import policies, readings

pytestmark = pytest.mark.timeout(300)

BAND = spec()
NEAR = spec(scaleUp=up(anyOf=[{"metric": "cpu", "above": 72}]))
"""72, so that 71.5 is shown as 72 in the table and with a digit more in the sentence."""


def after(policy: ScalingPolicySpec = BAND, cpu: Any = 50, **changes: Any) -> tuple[Calm | None, Inputs]:
    """What is known after one decision, and the inputs of the next evaluation, in which nothing differs."""
    first = inputs(policy, 4, cpu, **changes)
    decision = decide(first)
    left = next_status(first, decision)
    return Calm.after(first, decision, left), replace(first, status=left, now=T0 + TICK)


def test_other_figures_inside_the_band_pass() -> None:
    calm, following = after()

    assert calm is not None
    loads = calm.lasts(replace(following, readings={"cpu": reading(51)}))
    assert loads is not None
    assert loads["cpu"].high == Fraction(51)


@pytest.mark.parametrize(
    ("before", "cpu", "same"),
    [
        pytest.param(50, Fraction(500001, 10000), True, id="a digit that nobody is shown"),
        pytest.param(50, Fraction(504, 10), True, id="still rounded to 50"),
        pytest.param(50, 51, False, id="another number"),
        pytest.param(70, Fraction(69999, 1000), False, id="beside a threshold the sentence shows more digits"),
        pytest.param(Fraction(69996, 1000), Fraction(699964, 10000), True, id="but not all of them"),
        pytest.param(
            Fraction(714999, 10000), Fraction(715001, 10000), False, id="rounded to the threshold in the table"
        ),
    ],
)
def test_words_stay_as_they_are_while_their_figures_do(before: Any, cpu: Any, same: bool) -> None:
    calm, following = after(NEAR if before > 70 else BAND, before)

    assert calm is not None
    loads = calm.lasts(replace(following, readings={"cpu": reading(cpu)}))
    assert loads is not None
    assert (calm.showing(loads) is calm) is same


@pytest.mark.parametrize(
    ("low", "high", "inside"), [(20, 70, True), (None, 70, True), (21, 70, False), (20, 69, False)]
)
def test_both_thresholds_belong_to_the_band(low: int | None, high: int, inside: bool) -> None:
    band = Band(None if low is None else Fraction(low), Fraction(high), ())

    assert all(band.holds(Fraction(value)) for value in (20, 70)) is inside


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"readings": {"cpu": reading(71)}}, id="a threshold is crossed"),
        pytest.param({"readings": {"cpu": reading(19)}}, id="the other one is"),
        pytest.param({"readings": {"cpu": EMPTY}}, id="the metric is absent"),
        pytest.param({"readings": {}}, id="the metric was not read"),
        pytest.param({"target": target(5)}, id="somebody scaled"),
        pytest.param({"target": target(4, ready=3)}, id="a pod is not ready"),
        pytest.param({"target": NoTarget(Reason.TARGET_NOT_FOUND, "gone")}, id="the target is gone"),
        pytest.param({"pause": Pause.UP}, id="the policy is paused"),
        pytest.param({"approval": "x"}, id="somebody approves something"),
        pytest.param({"contested_by": "ScalingPolicy web"}, id="the target is contested"),
        pytest.param({"generation": 2}, id="the spec was edited"),
        pytest.param({"spec": spec()}, id="the spec was read anew"),
    ],
)
def test_whatever_else_has_changed_is_decided_in_full(changes: dict[str, Any]) -> None:
    calm, following = after()

    assert calm is not None
    assert calm.lasts(following) is not None
    assert calm.lasts(replace(following, **changes)) is None


@pytest.mark.parametrize(
    ("policy", "cpu", "changes"),
    [
        pytest.param(BAND, 71, {}, id="it scaled"),
        pytest.param(spec(scaleUp=up(forSeconds=60)), 71, {}, id="a timer runs"),
        pytest.param(spec(scaleDown=down(forSeconds=60)), EMPTY, {}, id="nothing is known"),
        pytest.param(BAND, 50, {"status": status(event(60, 3, 4), current_replicas=4)}, id="a limit may remember"),
        pytest.param(spec(mode="DryRun"), 50, {}, id="it only simulates"),
        pytest.param(
            spec(scaleDown=down(allOf=[{"metric": "cpu", "below": 60}, {"metric": "cpu", "below": 20}])),
            50,
            {},
            id="a threshold is crossed that decides nothing alone",
        ),
    ],
)
def test_only_a_decision_inside_the_band_that_time_does_not_change_lets_others_pass(
    policy: ScalingPolicySpec, cpu: Any, changes: dict[str, Any]
) -> None:
    calm, _ = after(policy, cpu, **changes)

    assert calm is None


inside = st.integers(460, 500).map(lambda value: Sample(Fraction(value, 10)))


@st.composite
def ticks(draw: st.DrawFn) -> dict[str, Any]:
    rare = draw(st.integers(0, 9)) == 0
    return {
        "readings": {name: draw(readings if rare else inside) for name in ("cpu", "memory")},
        "unready": draw(st.integers(0, 2)) if rare else 0,
        "pause": draw(st.sampled_from(Pause)) if rare else Pause.NOTHING,
        "approval": draw(st.sampled_from([None, "x"])) if rare else None,
        "contested_by": draw(st.sampled_from([None, "ScalingPolicy web"])) if rare else None,
        "seconds": draw(st.sampled_from([5, 15, 15, 15, 400, 4000])),
        "composed": draw(st.booleans()),
    }


@dataclass
class Twin:
    """One policy decided in full at every evaluation, beside the same policy whose evaluations pass where they may."""

    policy: ScalingPolicySpec
    replicas: int
    full: ScalingPolicyStatus
    short: ScalingPolicyStatus
    calm: Calm | None = None

    def step(self, tick: dict[str, Any], now: Any) -> None:
        known: dict[str, Reading] = {metric.name: tick["readings"][metric.name] for metric in self.policy.metrics}
        facts = {name: tick[name] for name in ("pause", "approval", "contested_by")}
        workload = target(self.replicas, ready=max(0, self.replicas - tick["unready"]))
        full = inputs(self.policy, workload, status=self.full, now=now, readings=known, **facts)
        decision = decide(full)
        before, self.full = self.full, next_status(full, decision)
        short = replace(full, status=self.short)
        loads = self.calm.lasts(short) if self.calm is not None else None
        if self.calm is not None and loads is not None:
            note("passed")
            assert decision.write is None
            assert change(before, self.full) is not Change.MEANING
            self.short = carried(short)
            composed = replace(short, status=self.short)
            assert next_status(composed, decide(composed)) == self.full
            showing = self.calm.showing(loads)
            if showing is self.calm:
                note("nothing else to show")
                assert change(self.short, self.full) is Change.NONE
            if tick["composed"]:
                self.short, self.calm = self.full, showing
        else:
            mine = decide(short)
            assert (mine.write, mine.reason, mine.sentence) == (decision.write, decision.reason, decision.sentence)
            self.short = next_status(short, mine)
            assert self.short == self.full
            self.calm = Calm.after(short, mine, self.short)
        if decision.write is not None:
            self.replicas = decision.write


@given(policies(), st.integers(0, 60), st.lists(ticks(), min_size=2, max_size=25))
def test_what_passes_would_have_been_decided_the_same(
    policy: ScalingPolicySpec, replicas: int, timeline: list[dict[str, Any]]
) -> None:
    twin, now = Twin(policy, replicas, status(), status()), T0
    for tick in timeline:
        twin.step(tick, now)
        now += timedelta(seconds=tick["seconds"])
