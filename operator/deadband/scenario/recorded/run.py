"""What a simulation went through: plain values, instant by instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deadband.api.behavior import Trigger
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import ScaleEvent, Way
from deadband.queries.ranges import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One scaling, or one proposal that a person would have been asked to approve.

    Attributes:
        kind: Which of the two.
        index: The instant's place in the grid.
        at: Its time.
        before: Replicas before; None without a target.
        after: Replicas after, or proposed; None for advice without a target.
        reason: The decision's reason.
        rule: The rule that bound it, such as R8.
        sentence: What the decision says.
        projected: Names of the metrics whose values at this instant are projected.
    """

    kind: Literal["scaling", "proposal"]
    index: int
    at: datetime
    before: int | None
    after: int | None
    reason: str
    rule: str
    sentence: str
    projected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One metric over the grid, as its triggers compare it (for Average divided by the ready replicas).

    Attributes:
        recorded: As it really was; None where nothing usable was read.
        simulated: As it would have been; the same where nothing is projected.
    """

    recorded: Sequence[float | None]
    simulated: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One threshold, and at how many instants it was crossed; an instant counts for the step that it begins.

    Attributes:
        way: The direction whose trigger it is.
        trigger: The trigger.
        recorded: Instants as it really was.
        simulated: Instants as it would have been.
    """

    way: Way
    trigger: Trigger
    recorded: int
    simulated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One policy over one span.

    Attributes:
        label: What it is called where several are shown.
        spec: The policy.
        grid: The instants.
        happenings: In order.
        events: The scalings as the status would remember them.
        replicas: Simulated, after each instant's evaluation; empty without a target.
        real: Replicas that really ran, gaps filled; None when nothing tells.
        recorded: At how many instants the real replicas are recorded.
        lines: By metric name.
        crossings: Every trigger of both directions.
        unknown: By metric name, at how many instants there was no usable reading.
        notes: What a reader must know to judge the numbers.
    """

    label: str
    spec: ScalingPolicySpec
    grid: Grid
    happenings: Sequence[Happening]
    events: Sequence[ScaleEvent]
    replicas: Sequence[int]
    real: Sequence[int] | None
    recorded: int
    lines: Mapping[str, Line]
    crossings: Sequence[Crossing]
    unknown: Mapping[str, int]
    notes: Sequence[str]
