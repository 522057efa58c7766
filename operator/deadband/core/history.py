"""What status remembers of the past: R10's points, scale events, and what a restart lost of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import PolicyMode, ScalingPolicySpec
from deadband.api.status import ScaleEvent, ScalingPolicyStatus, Wish
from deadband.core.types import Inputs

REVERSALS_WINDOW = timedelta(minutes=30)
"""R21 looks back so far; scale events are kept at least so long."""


def own_past(inputs: Inputs) -> Inputs:
    """The same inputs without what a shadow went through, when the policy has just left DryRun (R14).

    What was simulated never happened to the target: it starts no cooldown, uses no budget, and is no wish.
    `last_write` is about the target in either mode (R3), so it stays.
    """
    if inputs.status.shadow_replicas is None or inputs.spec.mode is PolicyMode.DRY_RUN:
        return inputs
    forgotten: dict[str, Any] = {
        "shadow_replicas": None,
        "scale_events": [],
        "wishes": [],
        "last_scale_time": None,
        "last_scale_direction": None,
    }
    return replace(inputs, status=inputs.status.model_copy(update=forgotten))


def points(inputs: Inputs, *, replicas: int) -> tuple[Wish, ...]:
    """R10's points with those that a restart adds: the unwritten tail and the dead time count as n.

    The tail are the evaluations between the last written point and the end of the last leadership, one an interval.
    Those under R2 and R3 are none of it: they record no point, and a change of reason would have been written at once.
    A policy without history starts with none.
    """
    written = tuple(inputs.status.wishes)
    outage, window = inputs.outage, _longest_window(inputs.spec)
    if outage is None or not window or inputs.status.observed_generation is None:
        return written
    added = [Wish(time=outage.end, replicas=replicas)] if outage.length else []
    interval = outage.evaluated_every or timedelta(seconds=inputs.spec.interval_seconds)
    last = max((point.time for point in written), default=outage.start - 2 * interval)
    missed = -((last - outage.start) // interval) - 1
    if missed > 0 and not _pointless(inputs.status):
        added.append(Wish(time=last + missed * interval, replicas=replicas))
    return (*written, *added)


def _pointless(status: ScalingPolicyStatus) -> bool:
    """Whether the last evaluation that was written had no point to record."""
    return status.decision is not None and status.decision.reason in (Reason.OUT_OF_BOUNDS, Reason.SCALING_DISABLED)


def keep_points(spec: ScalingPolicySpec, past: tuple[Wish, ...], wish: int | None, *, now: datetime) -> list[Wish]:
    """The points that can still matter, this evaluation's included.

    A point matters while a window that is configured reaches back to it, and no later point is as low (for up) or as
    high (for down): what is dominated in both can never be the lowest or the highest again.
    """
    new = [*past, *([Wish(time=now, replicas=wish)] if wish is not None else [])]
    ordered = sorted(new, key=lambda point: point.time)
    up = timedelta(seconds=spec.up.stabilization_window_seconds)
    down = timedelta(seconds=spec.down.stabilization_window_seconds)
    kept: list[Wish] = []
    lowest: int | None = None
    highest: int | None = None
    for point in reversed(ordered):
        age = now - point.time
        low = age < up and (lowest is None or point.replicas < lowest)
        high = age < down and (highest is None or point.replicas > highest)
        if low or high:
            kept.append(point)
        lowest = point.replicas if lowest is None else min(lowest, point.replicas)
        highest = point.replicas if highest is None else max(highest, point.replicas)
    return kept[::-1]


def keep_events(spec: ScalingPolicySpec, events: list[ScaleEvent], *, now: datetime) -> list[ScaleEvent]:
    """Scale events younger than the longest period, cooldown or 30 minutes (section 4)."""
    spans = [int(REVERSALS_WINDOW.total_seconds())]
    for direction in (spec.up, spec.down):
        spans += [direction.cooldown_seconds, *(limit.period_seconds for limit in direction.limits)]
    longest = timedelta(seconds=max(spans))
    return [event for event in events if now - event.time < longest]


def reversals(events: list[ScaleEvent], *, now: datetime) -> int:
    """How often the direction of our writes turned in the last 30 minutes (R21)."""
    ups = [event.change > 0 for event in events if event.change and now - event.time < REVERSALS_WINDOW]
    return sum(before != after for before, after in pairwise(ups))


def _longest_window(spec: ScalingPolicySpec) -> int:
    return max(spec.up.stabilization_window_seconds, spec.down.stabilization_window_seconds)
