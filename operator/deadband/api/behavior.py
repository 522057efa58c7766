"""How a direction acts: triggers, steps, limits, for-times (scaling-policy reference, section 2)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from deadband.api.types import ApiModel, Decimal, Distance, Name

Seconds = Annotated[int, Field(ge=0, le=86400)]
Pods = Annotated[int, Field(ge=1, le=100000)]
Percent = Annotated[int, Field(ge=1, le=100000)]


class Mode(StrEnum):
    """Who carries a direction out."""

    AUTOMATIC = "Automatic"
    MANUAL = "Manual"
    DISABLED = "Disabled"


class StepType(StrEnum):
    """How far one step goes (R8)."""

    PROPORTIONAL = "Proportional"
    PODS = "Pods"
    PERCENT = "Percent"
    TIERS = "Tiers"


class LimitType(StrEnum):
    """What a limit counts."""

    PODS = "Pods"
    PERCENT = "Percent"


class SelectPolicy(StrEnum):
    """Which of several limits binds, as in HPA behavior."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class Guard(StrEnum):
    """What holds a step down back (R9)."""

    PROJECTED_BELOW_SCALE_UP = "ProjectedBelowScaleUp"
    NONE = "None"


class Trigger(ApiModel):
    """One comparison; exactly one of above (>) and below (<), both strict (R4)."""

    metric: Name
    """Name of one of the policy's metrics."""
    above: Decimal | None = None
    """True when the reading is greater."""
    below: Decimal | None = None
    """True when the reading is less."""

    @property
    def threshold(self) -> Decimal:
        """The number compared with, whichever key holds it."""
        threshold = self.above if self.above is not None else self.below
        assert threshold is not None, "validation lets no trigger pass without a threshold"
        return threshold


class Tier(ApiModel):
    """One rung of a Tiers step; exactly one of percent and pods."""

    beyond: Distance
    """How far beyond the threshold the reading must be, in the metric's unit; 0 or more, distinct."""
    percent: Percent | None = None
    """Change by so many percent of the replicas."""
    pods: Pods | None = None
    """Change by so many pods."""


class Step(ApiModel):
    """How far one step goes; keys that belong to another type are refused."""

    type: StepType = StepType.PROPORTIONAL
    """Proportional, Pods, Percent or Tiers."""
    pods: Pods | None = None
    """Pods only: how many."""
    percent: Percent | None = None
    """Percent only: of the replicas, truncated toward zero."""
    min_pods: Pods | None = None
    """Percent and Tiers: the least a percentage changes; absent: 1."""
    tiers: Annotated[list[Tier], Field(min_length=1, max_length=16)] | None = None
    """Tiers only: the rungs."""


class Limit(ApiModel):
    """At most so much change in a period, as an HPA behavior policy (R10)."""

    type: LimitType
    """Pods or Percent."""
    value: Annotated[int, Field(ge=1, le=100000)]
    """How many pods, or how many percent of the replicas at the period's start."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """The period, in seconds, as HPA bounds it."""


Triggers = Annotated[list[Trigger], Field(min_length=1, max_length=16)]


class Direction(ApiModel):
    """What scaleUp and scaleDown have in common."""

    mode: Mode = Mode.AUTOMATIC
    """Automatic acts, Manual proposes and waits for a person, Disabled does neither."""
    any_of: Triggers | None = None
    """True when one trigger is true."""
    all_of: Triggers | None = None
    """True when every trigger is true."""
    for_seconds: Seconds = 0
    """How long the expression must have held (R7)."""
    cooldown_seconds: Seconds = 0
    """Quiet time after the last up; a larger wish within it may still add what is missing (R11)."""
    step: Step = Step()
    """How far one step goes (R8)."""
    limits: list[Limit] = Field([], max_length=16)
    """At most so much change in a period (R10); an explicit empty list means no limit."""
    select_policy: SelectPolicy = SelectPolicy.MAX
    """Which limit binds: the one that allows most (Max), least (Min), or none at all may move (Disabled)."""
    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Up takes the lowest, down the highest wish of this window (R10)."""
    approval_seconds: Annotated[int, Field(ge=1, le=604800)] = 3600
    """Manual only: how long a proposal may be approved (R13)."""

    @property
    def triggers(self) -> list[Trigger]:
        """The triggers of whichever expression is given; none for a bare Disabled direction."""
        return self.any_of or self.all_of or []

    @property
    def enabled(self) -> bool:
        """True when the direction acts or proposes."""
        return self.mode is not Mode.DISABLED


class ScaleUp(Direction):
    """When and how replicas rise."""

    limits: list[Limit] = Field(
        [
            Limit(type=LimitType.PERCENT, value=100, period_seconds=15),
            Limit(type=LimitType.PODS, value=4, period_seconds=15),
        ],
        max_length=16,
    )
    """At most so much change in a period; default: the larger of 100 % and 4 pods in 15 s; [] means no limit."""


class ScaleDown(Direction):
    """When and how replicas fall."""

    for_seconds: Seconds = 300
    """How long the expression must have held (R7)."""
    cooldown_seconds: Seconds = 300
    """Quiet time after the last scaling in either direction (R11)."""
    limits: list[Limit] = Field(
        [
            Limit(type=LimitType.PERCENT, value=50, period_seconds=300),
            Limit(type=LimitType.PODS, value=1, period_seconds=300),
        ],
        max_length=16,
    )
    """At most so much change in a period; default: the larger of 50 % and 1 pod in 300 s; [] means no limit."""
    guard: Guard = Guard.PROJECTED_BELOW_SCALE_UP
    """A step down may never by itself cause the next step up (R9)."""
