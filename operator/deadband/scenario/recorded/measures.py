"""What a simulation comes to, in numbers. An instant's state holds until the next one; the last begins no span."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from deadband.core.conditions import FLAPPING_FROM
from deadband.core.history import REVERSALS_WINDOW, reversals
from deadband.scenario.recorded.run import Run


@dataclass(frozen=True, slots=True)
class Beyond:
    """One threshold, and how long it was crossed.

    Attributes:
        direction: Up or Down.
        metric: Name of the metric.
        sign: `>` or `<`.
        threshold: As a float, for display; it was compared exactly.
        simulated_minutes: As it would have been.
        recorded_minutes: As it really was.
    """

    direction: str
    metric: str
    sign: str
    threshold: float
    simulated_minutes: float
    recorded_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The numbers of one run.

    Attributes:
        hours: Length of the span.
        scalings, ups, downs, proposals: How many.
        reversals: How often a scaling went the other way than the one before.
        most_reversals: The most of them within 30 minutes; from 4 on the policy would have been called Flapping (R21).
        flapping: Whether it would have been.
        replica_hours: Simulated; None without a target.
        real_replica_hours: What really ran; None when nothing tells.
        lowest, highest: Simulated replicas; None without a target.
        beyond: Every threshold.
        unknown_minutes: By metric name, time without a usable reading.
    """

    hours: float
    scalings: int
    ups: int
    downs: int
    proposals: int
    reversals: int
    most_reversals: int
    flapping: bool
    replica_hours: float | None
    real_replica_hours: float | None
    lowest: int | None
    highest: int | None
    beyond: tuple[Beyond, ...]
    unknown_minutes: dict[str, float]


def measure(run: Run) -> Measures:
    """Work the numbers out."""
    step = run.grid.step
    ups = sum(event.change > 0 for event in run.events)
    downs = sum(event.change < 0 for event in run.events)
    turns = sum((one.change > 0) != (other.change > 0) for one, other in pairwise(run.events))
    most = _most_reversals(run)
    return Measures(
        hours=(run.grid.count - 1) * step / 3600,
        scalings=ups + downs,
        ups=ups,
        downs=downs,
        proposals=sum(each.kind == "proposal" for each in run.happenings),
        reversals=turns,
        most_reversals=most,
        flapping=most >= FLAPPING_FROM,
        replica_hours=_hours(run.replicas, step) if run.replicas else None,
        real_replica_hours=_hours(run.real, step) if run.real is not None and run.replicas else None,
        lowest=min(run.replicas, default=None),
        highest=max(run.replicas, default=None),
        beyond=tuple(
            Beyond(
                direction=each.way.value,
                metric=each.trigger.metric,
                sign=">" if each.trigger.above is not None else "<",
                threshold=float(each.trigger.threshold),
                simulated_minutes=each.simulated * step / 60,
                recorded_minutes=each.recorded * step / 60,
            )
            for each in run.crossings
        ),
        unknown_minutes={name: count * step / 60 for name, count in run.unknown.items() if count},
    )


def _hours(replicas: Sequence[int], step: int) -> float:
    return sum(replicas[:-1]) * step / 3600


def _most_reversals(run: Run) -> int:
    """Seen at each scaling, as the operator would have counted them then."""
    events, first, most = list(run.events), 0, 0
    for index, event in enumerate(events):
        while event.time - events[first].time >= REVERSALS_WINDOW:
            first += 1
        most = max(most, reversals(events[first : index + 1], now=event.time))
    return most
