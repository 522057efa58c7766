"""Findings of times: what the interval of evaluation makes of them, and what rates remember."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.loop import closes, placed
from deadband.api.behavior import Direction, SelectPolicy
from deadband.api.metrics import Per
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core import words
from deadband.queries.selections import selections

RATES = frozenset({"rate", "irate", "increase", "deriv"})
"""Functions whose value still shows what was before, for as long as their range is."""


def timing_findings(spec: ScalingPolicySpec, promql: Mapping[str, str]) -> Iterator[Finding]:
    """Times that say less than they seem to.

    Args:
        spec: The policy.
        promql: By metric name, the expression that is asked.
    """
    yield from _rate_without_cooldown(spec, promql)
    for name, direction in (("scaleUp", spec.up), ("scaleDown", spec.down)):
        if direction.enabled:
            yield from _against_interval(spec, direction, f"spec.{name}")


def _rate_without_cooldown(spec: ScalingPolicySpec, promql: Mapping[str, str]) -> Iterator[Finding]:
    """R8 with a rate: for the length of its range the reading is too high after an up, and asks again."""
    if not closes(spec):
        return
    up = spec.up
    windows = {
        each.trigger.metric: max(_windows(promql[each.trigger.metric]), default=timedelta())
        for each in placed(up, "scaleUp")
        if spec.metric(each.trigger.metric).effective_per is Per.REPLICA
    }
    metric, window = max(windows.items(), key=lambda one: one[1], default=("", timedelta()))
    quiet = timedelta(seconds=max(up.cooldown_seconds, up.stabilization_window_seconds))
    if quiet >= window or _limited_for(up, window):
        return
    again = int(window / timedelta(seconds=spec.interval_seconds))
    yield Finding(
        FindingId.RATE_WITHOUT_COOLDOWN,
        Severity.WARNING,
        "spec.scaleUp.cooldownSeconds",
        f"{metric} is a rate over {words.seconds(window)}: for so long after an up it shows load from before, and up "
        f"to {again} evaluations may scale up on it again, since the cooldown is {words.seconds(up.cooldown_seconds)}.",
        f"Set it to {int(window.total_seconds())}; a load that really grows on is still answered at once (R11).",
    )


def _windows(promql: str) -> Iterator[timedelta]:
    for each in selections(promql):
        if each.window is not None and each.function in RATES:
            yield each.window


def _limited_for(direction: Direction, window: timedelta) -> bool:
    """Whether limits let no more than one budget through in the window."""
    long = [timedelta(seconds=limit.period_seconds) >= window for limit in direction.limits]
    return bool(long) and (any(long) if direction.select_policy is SelectPolicy.MIN else all(long))


def _against_interval(spec: ScalingPolicySpec, direction: Direction, field: str) -> Iterator[Finding]:
    interval = spec.interval_seconds
    if 0 < direction.for_seconds < interval:
        yield Finding(
            FindingId.FOR_SHORTER_THAN_INTERVAL,
            Severity.INFO,
            f"{field}.forSeconds",
            f"{words.seconds(direction.for_seconds)} are over at the second evaluation, {words.seconds(interval)} "
            "after the first.",
            f"Write {interval}, which is what it comes to, or lower intervalSeconds.",
        )
    if 0 < direction.stabilization_window_seconds <= interval:
        yield Finding(
            FindingId.WINDOW_SHORTER_THAN_INTERVAL,
            Severity.WARNING,
            f"{field}.stabilizationWindowSeconds",
            f"A window of {words.seconds(direction.stabilization_window_seconds)} holds no earlier wish, since "
            f"evaluations are {words.seconds(interval)} apart: it changes nothing.",
            f"Make it longer than {words.seconds(interval)}, or leave it out.",
        )
