"""Evaluations inside the band, told without being decided: a healthy fleet's mostly are, and decide nothing.

Where every metric reads inside its band, as it did when the policy was last decided in full, and nothing else of what
that rested on has changed, the decision would be the same one with other figures. Its sentences are composed when
somebody is to read them, which the budget of status writes allows for a small part of a large fleet's evaluations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import Override, PolicyMode, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus, TimerStatus
from deadband.core import words
from deadband.core.decision import Decision
from deadband.core.history import keep_points, points
from deadband.core.ready import ready_maximum
from deadband.core.triggers import Load, observe
from deadband.core.types import Inputs, NoTarget, Pause, Target


@dataclass(frozen=True, slots=True)
class Band:
    """The readings of one metric under which none of its triggers holds; both ends belong to it (R4).

    Attributes:
        low: None: no trigger compares with `below`.
        high: None: no trigger compares with `above`.
        thresholds: All that the metric is compared with; no figure is written so briefly that it reads as one.
    """

    low: Fraction | None
    high: Fraction | None
    thresholds: tuple[Fraction, ...]

    def holds(self, value: Fraction) -> bool:
        """Whether a value is inside."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Calm:
    """A decision inside the band that time alone does not change.

    Attributes:
        facts: What it rests on, beside the readings.
        bands: Of every metric.
        figures: What its words show of the readings, which move in every evaluation by less than is shown.
    """

    facts: "_Facts"
    bands: Mapping[str, Band]
    figures: tuple[str, ...]

    @classmethod
    def after(cls, inputs: Inputs, decision: Decision, status: ScalingPolicyStatus) -> "Calm | None":
        """Tell whether the evaluations that follow may pass.

        Args:
            inputs: What was decided on.
            decision: What was decided.
            status: What that left (`next_status`).

        Returns:
            None where a timer runs, a cooldown, a limit or a proposal remains, or the policy only simulates: those are
            decided in full.
        """
        if (
            decision.reason is not Reason.WITHIN_BAND
            or inputs.spec.mode is not PolicyMode.ENFORCE
            or inputs.approval is not None
            or _runs(decision.timers.up)
            or _runs(decision.timers.down)
            or status.scale_events
            or status.reverts
            or status.last_proposal is not None
        ):
            return None
        bands = _bands(inputs.spec)
        loads = _inside(inputs, bands)
        return cls(_facts(inputs), bands, _figures(inputs.spec, bands, loads)) if loads is not None else None

    def lasts(self, inputs: Inputs) -> Mapping[str, Load] | None:
        """Whether `decide` would say the same again, but for figures and R10's points.

        Args:
            inputs: Of a later evaluation; their status is what `carried` left.

        Returns:
            What was compared, by metric; None when the evaluation must be decided in full.
        """
        if (
            inputs.spec is not self.facts.spec
            or inputs.approval is not None
            or inputs.outage is not None
            or _facts(inputs) != self.facts
        ):
            return None
        return _inside(inputs, self.bands)

    def showing(self, loads: Mapping[str, Load]) -> "Calm":
        """The same after an evaluation that passed; itself where the words stay as they are.

        Args:
            loads: What `lasts` returned.
        """
        figures = _figures(self.facts.spec, self.bands, loads)
        return self if figures == self.figures else replace(self, figures=figures)


class _Facts(NamedTuple):
    spec: ScalingPolicySpec
    generation: int | None
    target: Target | NoTarget | None
    overrides: tuple[Override, ...]
    pause: Pause
    contested_by: str | None


def _facts(inputs: Inputs) -> _Facts:
    return _Facts(inputs.spec, inputs.generation, inputs.target, inputs.overrides, inputs.pause, inputs.contested_by)


def carried(inputs: Inputs) -> ScalingPolicyStatus:
    """The status after an evaluation that passed: as it was, with its own point where windows need one (R10)."""
    spec, status = inputs.spec, inputs.status
    if not (spec.up.stabilization_window_seconds or spec.down.stabilization_window_seconds):
        return status
    replicas = inputs.target.replicas if isinstance(inputs.target, Target) else 0
    wishes = keep_points(spec, points(inputs, replicas=replicas), replicas, now=inputs.now)
    return status.model_copy(update={"wishes": wishes})


def _runs(timer: TimerStatus) -> bool:
    return timer.held_since is not None or timer.unknown_since is not None


def _bands(spec: ScalingPolicySpec) -> Mapping[str, Band]:
    triggers = [trigger for direction in (spec.up, spec.down) if direction.enabled for trigger in direction.triggers]
    return {
        metric.name: Band(
            max((one.below for one in triggers if one.metric == metric.name and one.below is not None), default=None),
            min((one.above for one in triggers if one.metric == metric.name and one.above is not None), default=None),
            tuple(one.threshold for one in triggers if one.metric == metric.name),
        )
        for metric in spec.metrics
    }


def _figures(spec: ScalingPolicySpec, bands: Mapping[str, Band], loads: Mapping[str, Load]) -> tuple[str, ...]:
    """Every form in which a decision inside the band writes its readings: in a table's cell, and in a sentence."""
    return tuple(
        written
        for metric in spec.metrics
        for written in (
            words.number(loads[metric.name].low),
            words.number(loads[metric.name].low, unlike=bands[metric.name].thresholds),
        )
    )


def _inside(inputs: Inputs, bands: Mapping[str, Band]) -> Mapping[str, Load] | None:
    """What is compared, where every metric is a number inside its band; an interval is always decided in full."""
    ready = ready_maximum(inputs) or 0
    loads: dict[str, Load] = {}
    for metric in inputs.spec.metrics:
        reading = inputs.readings.get(metric.name)
        observed = observe(metric, reading, ready) if reading is not None else None
        if not isinstance(observed, Load) or not observed.exact or not bands[metric.name].holds(observed.low):
            return None
        loads[metric.name] = observed
    return loads
