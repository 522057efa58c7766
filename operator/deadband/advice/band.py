"""Findings of the band between the thresholds and the steps across it: whether one scaling causes the next (R8, R9).

A load is thought of that does not change, and whose reading falls as replicas rise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.loop import (
    Placed,
    after_down,
    after_up,
    closes,
    counts,
    edges,
    falls_with_replicas,
    far_beyond,
    just_beyond,
    loads,
    placed,
    reach,
)
from deadband.api.behavior import Guard, StepType
from deadband.api.metrics import Metric
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core import words
from deadband.core.guard import raise_until_safe


@dataclass(frozen=True, slots=True)
class _Pair:
    """An upper threshold of scaleUp and a lower one of scaleDown, of one metric."""

    up: Placed
    down: Placed

    @property
    def metric(self) -> str:
        return self.up.trigger.metric

    @property
    def high(self) -> Fraction:
        return self.up.trigger.threshold

    @property
    def low(self) -> Fraction:
        return self.down.trigger.threshold


def band_findings(spec: ScalingPolicySpec) -> Iterator[Finding]:
    """Whatever of the band and the steps causes one scaling by another, or takes too much at once."""
    if not closes(spec):
        return
    yield from _down_step_wide(spec)
    if not spec.up.enabled or not spec.down.enabled:
        return
    pairs = [
        _Pair(up, down)
        for up in placed(spec.up, "scaleUp")
        for down in placed(spec.down, "scaleDown")
        if up.trigger.metric == down.trigger.metric
        and up.trigger.above is not None
        and down.trigger.below is not None
        and falls_with_replicas(spec, up.trigger.metric)
        and down.trigger.threshold > 0
    ]
    for pair in pairs:
        yield from _up_causes_down(spec, pair)
    if spec.down.guard is Guard.NONE:
        yield from _down_causes_up(spec)
        return
    for pair in pairs:
        yield from _guard_decides_down(spec, pair)


def _guard_decides_down(spec: ScalingPolicySpec, pair: _Pair) -> Iterator[Finding]:
    """R9 holds the last replica back for as long as low · n / (n - 1) is above high, which is so for small n."""
    bounds = reach(spec)
    first, last = max(2, bounds.low + 1), min(bounds.high, ceil(pair.high / (pair.high - pair.low)) - 1)
    if len(spec.up.triggers) > 1 and spec.up.any_of is None:
        return  # the other triggers of an allOf may be false, and then nothing is held
    if first > last:
        return
    metric = spec.metric(pair.metric)
    needed = _floored(pair.high * (first - 1) / first)
    low, high = words.quantity(pair.low, metric), words.quantity(pair.high, metric)
    whole = last == bounds.high
    yield Finding(
        FindingId.GUARD_DECIDES_DOWN,
        Severity.WARNING if whole else Severity.INFO,
        f"{pair.down.field}.below",
        f"At {_replicas(first)} one goes when {pair.metric} is at most {words.quantity(needed, metric)}, not as soon "
        f"as it is below {low}: {first - 1} would read just under {_at(pair.low, metric, first, first - 1)}, above "
        f"scaleUp's {high}, so R9 holds it. {_span(first, last, bounds.high)}.",
        f"Lower it to {words.quantity(needed, metric)}, where it decides by itself, or raise scaleUp's {high}.",
    )


def _down_causes_up(spec: ScalingPolicySpec) -> Iterator[Finding]:
    """Without R9, a step down that leaves the same load above a threshold of scaleUp."""
    found = []
    for up in placed(spec.up, "scaleUp"):
        if (up.trigger.above or 0) <= 0 or not falls_with_replicas(spec, up.trigger.metric):
            continue
        cause = _by_down(spec, up)
        if cause is None and spec.up.any_of is None:
            return  # an allOf stays false while one of its triggers does
        if cause is not None:
            found.append(cause)
    yield from found


def _by_down(spec: ScalingPolicySpec, up: Placed) -> Finding | None:
    """The first step down that does so to this trigger of scaleUp."""
    bound = _bound_by_down(spec, up.trigger.metric)
    lowest = {trigger.metric: far_beyond(trigger) for trigger in spec.down.triggers}
    for replicas in counts(spec):
        if bound is None:
            fewer = after_down(spec, lowest, replicas)
            if 0 < fewer < replicas:
                return _unbound(spec, up, replicas, fewer)
            continue
        for reading in edges(spec.down, bound.trigger):
            fewer = after_down(spec, {**lowest, up.trigger.metric: reading}, replicas)
            if 0 < fewer < replicas and reading * replicas / fewer > up.trigger.threshold:
                return _bounded(spec, up, reading, replicas, fewer)
    return None


def _bounded(spec: ScalingPolicySpec, up: Placed, reading: Fraction, replicas: int, fewer: int) -> Finding:
    metric = spec.metric(up.trigger.metric)
    return _unguarded(
        f"scaleDown goes from {_replicas(replicas)} to {fewer} at {words.quantity(_shown(reading), metric)}, where the "
        f"same load reads {_at(reading, metric, replicas, fewer)}: {metric.name} is above scaleUp's "
        f"{words.quantity(up.trigger.threshold, metric)} then"
    )


def _unbound(spec: ScalingPolicySpec, up: Placed, replicas: int, fewer: int) -> Finding:
    metric, threshold = spec.metric(up.trigger.metric), up.trigger.threshold
    return _unguarded(
        f"scaleDown goes from {_replicas(replicas)} to {fewer} whatever {metric.name} reads, and what read more than "
        f"{_at(threshold, metric, fewer, replicas)} before is above scaleUp's {words.quantity(threshold, metric)} then"
    )


def _unguarded(what: str) -> Finding:
    return Finding(
        FindingId.DOWN_CAUSES_UP,
        Severity.WARNING,
        "spec.scaleDown.guard",
        f"With guard None, {what}.",
        "Leave guard out, so that R9 stops such a step, or make the band wider or the step smaller.",
    )


def _bound_by_down(spec: ScalingPolicySpec, metric: str) -> Placed | None:
    """The trigger that keeps a metric below its threshold whenever scaleDown acts; None when it may read anything."""
    mine = [
        each
        for each in placed(spec.down, "scaleDown")
        if each.trigger.metric == metric and each.trigger.below is not None and each.trigger.threshold > 0
    ]
    if not mine:
        return None
    if spec.down.all_of is not None:
        return min(mine, key=lambda each: each.trigger.threshold)
    alone = len(mine) == len(spec.down.triggers)
    return max(mine, key=lambda each: each.trigger.threshold) if alone else None


def _up_causes_down(spec: ScalingPolicySpec, pair: _Pair) -> Iterator[Finding]:
    """A step up so large that the same load lands below scaleDown's threshold, and some of it goes again."""
    concerned = []
    for replicas in counts(spec):
        for reading in edges(spec.up, pair.up.trigger):
            more = after_up(spec, _true_at(spec, pair, reading), replicas)
            landed = reading * replicas / more
            if more > replicas and landed < pair.low and (left := _left(spec, pair, landed, more)) < more:
                concerned.append((replicas, reading, more, landed, left))
    if not concerned:
        return
    replicas, reading, more, landed, left = concerned[0]
    lowest = min(each[3] for each in concerned)
    metric = spec.metric(pair.metric)
    yield Finding(
        FindingId.UP_CAUSES_DOWN,
        Severity.WARNING,
        "spec.scaleUp.step",
        f"From {_replicas(replicas)} at {words.quantity(_shown(reading), metric)} a step goes to {more}, where the "
        f"same load reads {words.quantity(_shown(landed), metric, unlike=[pair.low])}: below scaleDown's "
        f"{words.quantity(pair.low, metric)}, which goes back to {left}. "
        f"{_span(replicas, concerned[-1][0], reach(spec).high)}.",
        f"Make the step smaller, or lower {pair.down.field}.below to {words.quantity(_floored(lowest), metric)}.",
    )


def _true_at(spec: ScalingPolicySpec, pair: _Pair, reading: Fraction) -> dict[str, Fraction]:
    """Readings at which the pair's trigger asks for the step, and no other trigger of scaleUp asks for more."""
    others = {trigger.metric: just_beyond(trigger) for trigger in spec.up.triggers}
    if spec.up.any_of is not None:
        others = {trigger.metric: trigger.threshold for trigger in spec.up.triggers}
    return {**others, pair.metric: reading}


def _left(spec: ScalingPolicySpec, pair: _Pair, reading: Fraction, replicas: int) -> int:
    """Where scaleDown would go from the reading, R9 included; the other metrics do not hold it."""
    readings = {trigger.metric: far_beyond(trigger) for trigger in spec.down.triggers}
    readings[pair.metric] = reading
    wish = after_down(spec, readings, replicas)
    idle = {trigger.metric: Fraction(0) for trigger in spec.up.triggers}
    observed = loads(spec, {**idle, **readings}, ready=replicas)
    return raise_until_safe(spec, observed, wish=wish, replicas=replicas)


def _down_step_wide(spec: ScalingPolicySpec) -> Iterator[Finding]:
    """More than half of the replicas in one evaluation, when little is left to do."""
    bounds, down = reach(spec), spec.down
    if not down.enabled or bounds.high < _MANY:
        return
    fewer = after_down(spec, {trigger.metric: far_beyond(trigger) for trigger in down.triggers}, bounds.high)
    if bounds.high - fewer <= (bounds.high + 1) // 2:  # limits round in favor of the step
        return
    proportional = " in proportion to the reading" if down.step.type is StepType.PROPORTIONAL else ""
    yield Finding(
        FindingId.DOWN_STEP_WIDE,
        Severity.WARNING,
        "spec.scaleDown.limits",
        f"One evaluation may go from {bounds.high} replicas to {fewer}{proportional}: its limits let "
        f"{bounds.high - fewer} of {bounds.high} go at once.",
        "Leave limits out for the default of half in 300 s, or give limits of your own.",
    )


_MANY = 4
"""With fewer replicas one pod is a large part anyway."""
_WHOLE_FROM = 10


def _at(reading: Fraction, metric: Metric, replicas: int, others: int) -> str:
    return words.quantity(_shown(reading * replicas / others), metric)


def _shown(value: Fraction) -> Fraction:
    """Without the hair that put it just beyond a threshold."""
    return Fraction(round(value * 10**6), 10**6)


def _floored(value: Fraction) -> Fraction:
    """With at most one decimal, and none from 10 on: a threshold to be written must not be rounded up."""
    return Fraction(value // 1) if value >= _WHOLE_FROM else Fraction(value * 10 // 1, 10)


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _span(first: int, last: int, high: int) -> str:
    if first == last:
        return f"So it is at {_replicas(first)} alone"
    return f"So it is from {first} to {last} replicas" + (", the most there can be" if last == high else "")
