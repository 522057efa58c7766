"""ScalingPolicy's status: what kubectl shows, and the whole memory of the operator (architecture, decision 5)."""

from enum import StrEnum

from pydantic import Field

from deadband.api.conditions import Condition
from deadband.api.types import Instant, StatusModel


class Way(StrEnum):
    """A direction of scaling."""

    UP = "Up"
    DOWN = "Down"


class Cause(StrEnum):
    """What a scale event was written for."""

    METRICS = "Metrics"
    """A due expression (R8)."""
    CREDIT = "Credit"
    """A due expression in its own cooldown; does not restart the cooldown (R11)."""
    BOUNDS = "Bounds"
    """Replicas outside the bounds (R2)."""
    FALLBACK = "Fallback"
    """Nothing known for too long (R17)."""
    APPROVAL = "Approval"
    """A person approved a proposal (R13)."""


class MetricStatus(StatusModel):
    """One reading as it was last seen."""

    name: str
    value: str | None = None
    """The reading with its unit as shown; absent: no usable reading."""
    verdict: str
    """`Inside`, `Above` (an upper threshold), `Below` (a lower threshold), or R1's reason for its absence."""
    since: Instant
    """When the verdict last changed."""


class TimerStatus(StatusModel):
    """R7's memory of one direction."""

    held_since: Instant | None = None
    """When the expression became true, moved forward by every unknown spell; absent: it is not true."""
    unknown_since: Instant | None = None
    """When the running unknown spell began; absent: the expression is known."""


class ScaleEvent(StatusModel):
    """One change of replicas that deadband wrote (or, in DryRun, would have written)."""

    time: Instant
    from_: int = Field(alias="from")
    to: int
    cause: Cause = Cause.METRICS

    @property
    def change(self) -> int:
        """Replicas added, negative when removed."""
        return self.to - self.from_


class Wish(StatusModel):
    """One point of R10's stabilization: what the metrics asked for."""

    time: Instant
    replicas: int


class Revert(StatusModel):
    """Somebody restored the value from before our write (R16)."""

    time: Instant
    manager: str


class Proposal(StatusModel):
    """What a person is asked to approve (R13)."""

    id: str
    direction: Way
    replicas: int | None = None
    """Absent without a target."""
    text: str
    created_at: Instant
    expires_at: Instant


class DecisionStatus(StatusModel):
    """The last decision in a person's words."""

    sentence: str
    rule: str
    """The rule that bound it, such as R7."""
    reason: str
    next: str
    """What would change it next."""


class ScalingPolicyStatus(StatusModel):
    """Everything that outlives one evaluation; timestamps, never counters of ticks."""

    observed_generation: int | None = None
    target: str | None = None
    """kind/name, for the printer column."""
    metrics_summary: str | None = None
    """`cpu 63% <20 >70, memory 71% >80`, for the printer column."""
    current_replicas: int | None = None
    desired_replicas: int | None = None
    shadow_replicas: int | None = None
    last_scale_time: Instant | None = None
    last_scale_direction: Way | None = None
    metrics: list[MetricStatus] = []
    scale_up: TimerStatus = TimerStatus()
    scale_down: TimerStatus = TimerStatus()
    failures: int = 0
    scale_events: list[ScaleEvent] = []
    wishes: list[Wish] = []
    reverts: list[Revert] = []
    proposal: Proposal | None = None
    decision: DecisionStatus | None = None
    conditions: list[Condition] = []
