"""What Prometheus recorded of a policy, brought down to the few numbers that findings need."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import median

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.moves import veto_stops
from deadband.core.triggers import ANSWERED_BY_ON_NO_DATA, Load, expression, observe_all
from deadband.core.types import Absent, Reading
from deadband.engine.gathering import VETO_PREFIX
from deadband.queries.ranges import Grid, RangeSeries
from deadband.scenario.recorded.recording import Recording, carried_forward

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_FEWEST_SAMPLES = 3
"""With fewer, one missed scrape would pass for the interval."""


@dataclass(slots=True)
class Seen:
    """What one metric read over the span, as its triggers compared it.

    Attributes:
        known: At how many instants it could be compared.
        known_last_day: At how many within the last day it had a number of its own.
        answered_last_day: At how many of those without one `onNoData` answered.
        lowest, highest: Of the numbers; None without any.
        absences: Why there was none within the last day, by how often.
    """

    known: int = 0
    known_last_day: int = 0
    answered_last_day: int = 0
    lowest: Fraction | None = None
    highest: Fraction | None = None
    absences: Counter[Reason] = field(default_factory=Counter)

    def take(self, value: Fraction) -> None:
        """Count one number."""
        self.known += 1
        self.lowest = value if self.lowest is None else min(self.lowest, value)
        self.highest = value if self.highest is None else max(self.highest, value)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one selector of a metric's expression is fed.

    Attributes:
        interval: Between two samples.
        window: The range of the `rate` or `increase` that it stands in; None elsewhere.
        function: Which of them; empty elsewhere.
    """

    interval: timedelta
    window: timedelta | None = None
    function: str = ""


@dataclass(slots=True)
class Past:
    """One policy over one span.

    Attributes:
        grid: The instants at which it was looked at.
        metrics: By name.
        stopped: By name of a veto, at how many instants it would have stopped its direction.
        unreadable: By name of a veto that cannot be read at the last instant, why.
        recorded: At how many instants the real replicas are known.
        held_at_maximum: At how many of them up was true with no room above.
        held_at_minimum: At how many of them down was true, up known false, and there was no room below.
        sampling: By metric name, its selectors.
        stale_after: By metric name, the source's staleAfterSeconds.
        unasked: Metrics that could not be asked from here, since whose pods they read is not known.
    """

    grid: Grid
    metrics: dict[str, Seen]
    stopped: dict[str, int]
    unreadable: dict[str, Absent]
    recorded: int = 0
    held_at_maximum: int = 0
    held_at_minimum: int = 0
    sampling: Mapping[str, Sequence[Sampling]] = field(default_factory=dict)
    stale_after: Mapping[str, timedelta] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()

    @property
    def day(self) -> int:
        """Instants within the last day."""
        return min(self.grid.count, DAY // timedelta(seconds=self.grid.step) + 1)


def look_back(
    spec: ScalingPolicySpec, recording: Recording, *, replicas: Sequence[int | None], ready: Sequence[int | None]
) -> Past:
    """Go through a recording once.

    Args:
        spec: The policy.
        recording: What it read.
        replicas: spec.replicas of the real target, one entry per instant; None where that is not recorded.
        ready: How many of them were ready, likewise.
    """
    grid = recording.grid
    past = Past(
        grid,
        metrics={metric.name: Seen() for metric in spec.metrics},
        stopped={veto.name: 0 for veto in spec.vetoes},
        unreadable={},
    )
    was_ready = carried_forward(ready)
    for index in range(grid.count):
        readings = recording.readings(index, grid.at(index))
        _take_metrics(past, spec, readings, _ready(spec, was_ready[index]), replicas[index], index)
        for veto in spec.vetoes:
            past.stopped[veto.name] += bool(veto_stops(readings[VETO_PREFIX + veto.name]))
    last = recording.readings(grid.count - 1, grid.at(grid.count - 1))
    for veto in spec.vetoes:
        reading = last[VETO_PREFIX + veto.name]
        if isinstance(reading, Absent) and veto_stops(reading):
            past.unreadable[veto.name] = reading
    return past


def _ready(spec: ScalingPolicySpec, recorded: int | None) -> int | None:
    """r; None where there is a target and nothing tells how much of it was ready: then no Average is known."""
    return 0 if recorded is None and spec.scale_target_ref is None else recorded


def _take_metrics(
    past: Past,
    spec: ScalingPolicySpec,
    readings: Mapping[str, Reading],
    ready: int | None,
    replicas: int | None,
    index: int,
) -> None:
    observed = observe_all(spec, readings, ready)
    recent = index >= past.grid.count - past.day
    for metric in spec.metrics:
        seen, reading, load = past.metrics[metric.name], readings[metric.name], observed[metric.name]
        if isinstance(reading, Absent):
            answered = metric.on_no_data is not None and reading.reason in ANSWERED_BY_ON_NO_DATA
            seen.answered_last_day += recent and answered
            seen.absences[reading.reason] += recent
            continue
        seen.known_last_day += recent
        if isinstance(load, Load) and load.exact:
            seen.take(load.high)
    if replicas is None or spec.overrides or spec.moves is not None:
        return  # what the bounds were then is not known, or is the HPA's own matter
    past.recorded += 1
    up, down = expression(spec.up, observed), expression(spec.down, observed)
    past.held_at_maximum += up is True and replicas >= (spec.max_replicas or 0)
    past.held_at_minimum += down is True and up is False and replicas <= (spec.min_replicas or 0)


def interval_of(series: Sequence[RangeSeries]) -> timedelta | None:
    """How far the samples of a selector are apart, as a rule.

    Args:
        series: The samples themselves, at their own times.

    Returns:
        The median distance between two neighbours, over all series; None when there are too few to tell.
    """
    gaps = [
        later[0] - earlier[0]
        for each in series
        if len(each.points) >= _FEWEST_SAMPLES
        for earlier, later in pairwise(each.points)
    ]
    return timedelta(seconds=round(median(gaps), 3)) if gaps else None
