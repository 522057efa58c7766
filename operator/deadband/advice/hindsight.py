"""Findings of what Prometheus recorded: readings that never came, thresholds that nothing reaches, slow samples."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from math import ceil

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.loop import Placed, placed
from deadband.advice.past import DAY, HOUR, Past, Sampling, Seen
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core import words
from deadband.queries.sampling import INTERVALS_IN_A_LOOKBACK

_ANOTHER_UNIT = 10
"""A threshold so many times beyond everything that was read is likely to be in another unit."""
_SCRAPES = {"rate": 4, "increase": 4, "deriv": 3}
"""Samples that the range of a function should hold: one scrape may be lost, and two are still there at every instant.
Recipes use deriv() on the kubelet's samples, whose own times lie a little farther apart than the scrapes."""
_HELD_OFTEN = Fraction(1, 10)
_HELD_MOSTLY = Fraction(9, 10)


def hindsight_findings(spec: ScalingPolicySpec, past: Past) -> Iterator[Finding]:
    """Whatever the past shows of a policy's metrics, vetoes and bounds."""
    for index, metric in enumerate(spec.metrics):
        seen = past.metrics[metric.name]
        if not seen.known_last_day and not seen.answered_last_day and metric.name not in past.unasked:
            yield _no_value(past, seen, f"spec.metrics[{index}]", metric.name)
        yield from _sampling(spec, past, f"spec.metrics[{index}]", metric.name)
    for name, direction in (("scaleUp", spec.up), ("scaleDown", spec.down)):
        for each in placed(direction, name):
            yield from _never_seen(spec, past, each, name)
            yield from _for_shorter(spec, past, each, name)
    yield from _vetoes(spec, past)
    yield from _held(spec, past)


def _no_value(past: Past, seen: Seen, field: str, name: str) -> Finding:
    reason, count = seen.absences.most_common(1)[0]
    return Finding(
        FindingId.NO_VALUE_IN_A_DAY,
        Severity.ERROR,
        field,
        f"{name} had a value at 0 of {past.day} instants of the last day ({reason} at {count} of them): scaleDown "
        "cannot act on what is not known.",
        "Correct what is asked for, or say with onNoData what an empty answer stands for.",
    )


def _never_seen(spec: ScalingPolicySpec, past: Past, each: Placed, name: str) -> Iterator[Finding]:
    """A threshold that no reading crossed, or that every reading did; less than a day of readings tells neither."""
    metric, seen, threshold = (
        spec.metric(each.trigger.metric),
        past.metrics[each.trigger.metric],
        each.trigger.threshold,
    )
    if seen.lowest is None or seen.highest is None or seen.known * past.grid.step < DAY.total_seconds():
        return
    above = each.trigger.above is not None
    nearest, farthest = (seen.highest, seen.lowest) if above else (seen.lowest, seen.highest)
    never = nearest <= threshold if above else nearest >= threshold
    always = farthest > threshold if above else farthest < threshold
    if not never and not (always and name == "scaleUp"):
        return
    low, high = words.quantity(seen.lowest, metric), words.quantity(seen.highest, metric)
    was = f"read {low} to {high} in {_span(past)} ({seen.known} of {past.grid.count} instants)"
    beyond = f"{'above' if above else 'below'} {words.quantity(threshold, metric)}"
    yield Finding(
        FindingId.THRESHOLD_NEVER_SEEN,
        Severity.WARNING if always or name == "scaleDown" or _another_unit(threshold, nearest) else Severity.INFO,
        f"{each.field}.{'above' if above else 'below'}",
        f"{metric.name} {was}: it was {'always' if always else 'never'} {beyond}.",
        "Compare the threshold with what is read: the unit, the metric, and whether that is what you want.",
    )


def _another_unit(threshold: Fraction, nearest: Fraction) -> bool:
    return nearest != 0 and not Fraction(1, _ANOTHER_UNIT) < threshold / nearest < _ANOTHER_UNIT


def _for_shorter(spec: ScalingPolicySpec, past: Past, each: Placed, name: str) -> Iterator[Finding]:
    direction = spec.up if name == "scaleUp" else spec.down
    intervals = [one.interval for one in past.sampling.get(each.trigger.metric, ())]
    if not intervals or not direction.for_seconds:
        return
    held = ceil(direction.for_seconds / spec.interval_seconds) * spec.interval_seconds
    between = min(intervals)  # the whole expression changes as often as its fastest series
    if timedelta(seconds=held) >= between:
        return
    yield Finding(
        FindingId.FOR_SHORTER_THAN_SCRAPE,
        Severity.WARNING,
        f"spec.{name}.forSeconds",
        f"A sample of {each.trigger.metric} comes every {_seconds(between)}, and "
        f"{words.seconds(direction.for_seconds)} are over before the second one: a single sample decides.",
        f"Make it {2 * ceil(between.total_seconds())} or longer, or scrape more often.",
    )


def _sampling(spec: ScalingPolicySpec, past: Past, field: str, name: str) -> Iterator[Finding]:
    recipe = spec.metric(name).query is None
    for one in past.sampling.get(name, ()):
        if one.window is not None and one.function in _SCRAPES:
            yield from _window(one, field, name, recipe=recipe)
        stale = past.stale_after.get(name)
        if one.window is None and stale is not None and stale < INTERVALS_IN_A_LOOKBACK * one.interval:
            yield _stale(one.interval, stale, field, name)


def _stale(interval: timedelta, stale: timedelta, field: str, name: str) -> Finding:
    # The lookback is open on the left: a sample exactly as old is not found any more.
    never = stale <= interval
    when = "between two of them it reads Empty" if never else "when one is late, it reads Empty or a sum too low"
    return Finding(
        FindingId.STALE_BEFORE_NEXT_SCRAPE,
        Severity.ERROR if never else Severity.WARNING,
        field,
        f"A sample of {name} comes every {_seconds(interval)} and is stale after {_seconds(stale)}: {when}.",
        f"Give it a MetricSource with staleAfterSeconds {ceil(INTERVALS_IN_A_LOOKBACK * interval.total_seconds())} "
        "or more.",
    )


def _window(one: Sampling, field: str, name: str, *, recipe: bool) -> Iterator[Finding]:
    assert one.window is not None, "asked only for a range"
    if one.window >= _SCRAPES[one.function] * one.interval:
        return
    never = one.window < 2 * one.interval
    needed = _SCRAPES[one.function] * ceil(one.interval.total_seconds())
    where = "rateWindowSeconds of the MetricSource" if recipe else "the range in the query"
    yield Finding(
        FindingId.RATE_WINDOW_TOO_SHORT,
        Severity.ERROR if never else Severity.WARNING,
        field,
        f"{name} is a rate over {_seconds(one.window)} of samples that come every {_seconds(one.interval)}: "
        + (
            "often there are no two of them, and it reads Empty."
            if never
            else f"it takes {_SCRAPES[one.function]} to outlast one that is missed."
        ),
        f"Make {where} {needed} s or longer.",
    )


def _vetoes(spec: ScalingPolicySpec, past: Past) -> Iterator[Finding]:
    for index, veto in enumerate(spec.vetoes):
        if veto.name not in past.unreadable:
            continue
        absent = past.unreadable[veto.name]
        detail = f": {absent.message}" if absent.message else ""
        yield Finding(
            FindingId.VETO_CANNOT_BE_READ,
            Severity.ERROR,
            f"spec.vetoes[{index}].query",
            f"The veto {veto.name} cannot be read now ({absent.reason}{detail}), which stops what it is for; it did at "
            f"{past.stopped[veto.name]} of {past.grid.count} instants in {_span(past)}.",
            "Make the query yield one series, and nothing or 0 where it is not to stop anything.",
        )


def _held(spec: ScalingPolicySpec, past: Past) -> Iterator[Finding]:
    if not past.recorded:
        return
    above, below = (Fraction(count, past.recorded) for count in (past.held_at_maximum, past.held_at_minimum))
    if above >= _HELD_OFTEN:
        yield Finding(
            FindingId.MAXIMUM_HOLDS_UP,
            Severity.WARNING,
            "spec.maxReplicas",
            f"In {_span(past)} scaleUp was true with {spec.max_replicas} replicas or more for {_percent(above)} of the "
            "time, and nothing could be added.",
            "Raise maxReplicas if the load is to be carried, or give each replica more.",
        )
    if below >= _HELD_MOSTLY and spec.min_replicas:
        yield Finding(
            FindingId.MINIMUM_HOLDS_DOWN,
            Severity.INFO,
            "spec.minReplicas",
            f"In {_span(past)} scaleDown was true at {spec.min_replicas} replicas or fewer for {_percent(below)} of "
            "the time: the minimum is more than the load needs.",
            "Lower minReplicas, or give each replica less.",
        )


def _span(past: Past) -> str:
    length = timedelta(seconds=(past.grid.count - 1) * past.grid.step)
    return f"{length // DAY} days" if length >= 2 * DAY else f"{length // HOUR} hours"


def _seconds(span: timedelta) -> str:
    return f"{words.number(Fraction(str(span.total_seconds())))} s"


def _percent(share: Fraction) -> str:
    return f"{round(100 * share)} %"
