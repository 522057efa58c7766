"""Findings of amounts: bounds, limits, tiers, the fallback and overrides that say what cannot come about."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.loop import LOOKED_AT, after_up, counts, just_beyond, placed, reach
from deadband.api.behavior import Direction, SelectPolicy, StepType
from deadband.api.scalingpolicy import Override, ScalingPolicySpec
from deadband.core import words
from deadband.engine.calendar import last_fire

_SEEN_FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""From here fires are looked at backwards; any day would do, for calendars go on as they went."""
_FIRES = 100
"""So many fires show the longest time between two: three months of days, eight years of months."""


def amount_findings(spec: ScalingPolicySpec) -> Iterator[Finding]:
    """Amounts that contradict each other, or that nothing ever reaches."""
    for name, direction in (("scaleUp", spec.up), ("scaleDown", spec.down)):
        if direction.enabled and spec.scale_target_ref is not None:
            yield from _limits_forbid(direction, name)
            yield from _tiers(spec, direction, name)
    if spec.scale_target_ref is not None:
        yield from _bounds(spec)
        yield from _step_above_limits(spec)
        yield from _fallback(spec)
        yield from _overrides(spec)


def _limits_forbid(direction: Direction, name: str) -> Iterator[Finding]:
    if direction.select_policy is SelectPolicy.DISABLED:
        yield Finding(
            FindingId.LIMITS_FORBID,
            Severity.WARNING,
            f"spec.{name}.selectPolicy",
            f"{name} becomes due and then moves 0 replicas: selectPolicy Disabled lets none go through.",
            f"Say {name}.mode: Disabled, or choose Max or Min.",
        )


def _tiers(spec: ScalingPolicySpec, direction: Direction, name: str) -> Iterator[Finding]:
    if direction.step.type is not StepType.TIERS:
        return
    tiers = sorted(tier.beyond for tier in direction.step.tiers or [])
    for each in placed(direction, name):
        metric, threshold = spec.metric(each.trigger.metric), each.trigger.threshold
        first = threshold + tiers[0] if each.trigger.above is not None else threshold - tiers[0]
        if tiers[0] > 0:
            yield Finding(
                FindingId.TIERS_LEAVE_A_GAP,
                Severity.INFO,
                f"spec.{name}.step.tiers",
                f"From {words.quantity(threshold, metric)} to {words.quantity(first, metric)} {metric.name} is beyond "
                f"the threshold and moves nothing: the first tier begins {words.number(tiers[0])} beyond it.",
                "Let one tier begin at 0, or move the threshold to where something is to happen.",
            )
        lost = [beyond for beyond in tiers if each.trigger.below is not None and beyond > threshold >= 0]
        if lost and metric.query is None:
            yield Finding(
                FindingId.TIER_OUT_OF_REACH,
                Severity.WARNING,
                f"spec.{name}.step.tiers",
                f"A tier {words.number(lost[0])} below {words.quantity(threshold, metric)} begins at "
                f"{words.quantity(threshold - lost[0], metric)}, and {metric.name} is never below 0.",
                f"Let every tier begin within {words.number(threshold)} of the threshold.",
            )


def _bounds(spec: ScalingPolicySpec) -> Iterator[Finding]:
    bounds = reach(spec)
    if bounds.low == bounds.high and (spec.up.enabled or spec.down.enabled):
        yield Finding(
            FindingId.BOUNDS_ARE_EQUAL,
            Severity.WARNING,
            "spec.maxReplicas",
            f"minReplicas and maxReplicas are both {bounds.high}, so no reading ever moves the target.",
            "Leave room between them.",
        )


def _step_above_limits(spec: ScalingPolicySpec) -> Iterator[Finding]:
    """A Pods step up that its limits cut wherever there is room for it."""
    up, pods = spec.up, spec.up.step.pods
    if not up.enabled or pods is None or up.select_policy is SelectPolicy.DISABLED:
        return
    readings = {trigger.metric: just_beyond(trigger) for trigger in up.triggers}
    room = [count for count in counts(spec) if count + pods <= reach(spec).high]
    given = max((after_up(spec, readings, count) - count for count in room), default=pods)
    if given < pods and len(room) < LOOKED_AT:
        yield Finding(
            FindingId.STEP_ABOVE_LIMITS,
            Severity.INFO,
            "spec.scaleUp.step.pods",
            f"A step of {pods} pods never comes about at once: the limits of scaleUp let at most {given} through.",
            f"Write {given}, or raise the limits.",
        )


def _fallback(spec: ScalingPolicySpec) -> Iterator[Finding]:
    bounds, fallback = reach(spec), spec.fallback
    if fallback is None or fallback.replicas is None or bounds.low <= fallback.replicas <= bounds.high:
        return
    held = bounds.low if fallback.replicas < bounds.low else bounds.high
    yield Finding(
        FindingId.FALLBACK_OUT_OF_BOUNDS,
        Severity.WARNING,
        "spec.fallback.replicas",
        f"The fallback asks for {fallback.replicas} replicas and gets {held}: the bounds are {bounds.low} to "
        f"{bounds.high}.",
        f"Write {held}, or move the bounds.",
    )


def _overrides(spec: ScalingPolicySpec) -> Iterator[Finding]:
    for index, override in enumerate(spec.overrides):
        field = f"spec.overrides[{index}]"
        gap = _longest_gap(override)
        if gap is not None and gap <= timedelta(seconds=override.duration_seconds):
            yield Finding(
                FindingId.OVERRIDE_ALWAYS_OPEN,
                Severity.WARNING,
                f"{field}.durationSeconds",
                f"{override.name} opens at least every {words.seconds(gap)} for {override.duration_seconds} s: it is "
                "always open, and the bounds that it replaces never hold.",
                f"Make it shorter than {words.seconds(gap)}, or write its bounds into the spec.",
            )
        yield from _override_bounds(spec, override, field)


def _override_bounds(spec: ScalingPolicySpec, override: Override, field: str) -> Iterator[Finding]:
    low = override.min_replicas if override.min_replicas is not None else spec.min_replicas
    high = override.max_replicas if override.max_replicas is not None else spec.max_replicas
    if (low, high) == (spec.min_replicas, spec.max_replicas):
        yield Finding(
            FindingId.OVERRIDE_CHANGES_NOTHING,
            Severity.WARNING,
            field,
            f"While {override.name} is open the bounds are {low} to {high}, as they are without it.",
            "Give it other bounds, or remove it.",
        )
    if low is not None and high is not None and low > high:
        named = "minReplicas" if override.min_replicas is not None else "maxReplicas"
        yield Finding(
            FindingId.OVERRIDE_RAISES_MAXIMUM,
            Severity.INFO,
            f"{field}.{named}",
            f"While {override.name} is open the minimum {low} is above the maximum {high}, which counts as {low} then.",
            "Give the override both bounds, so that what holds is said.",
        )


def _longest_gap(override: Override) -> timedelta | None:
    """Between two fires that follow each other; None when the schedule fires once or never."""
    zone = ZoneInfo(override.time_zone)
    gaps: list[timedelta] = []
    later = last_fire(override.schedule, zone, _SEEN_FROM)
    while later is not None and len(gaps) < _FIRES:
        earlier = last_fire(override.schedule, zone, later - timedelta(seconds=1))
        if earlier is None:
            break
        gaps.append(later - earlier)
        later = earlier
    return max(gaps, default=None)
