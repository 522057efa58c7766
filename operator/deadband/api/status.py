"""ScalingPolicy's status: what kubectl shows, and the whole memory of the operator (architecture, decision 5)."""

from enum import StrEnum

from pydantic import Field

from deadband.api.conditions import Condition
from deadband.api.types import NAMED_ENTRIES, TYPED_ENTRIES, Instant, StatusModel


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
    """The metric's name."""
    value: str | None = None
    """The reading with its unit, or both ends of an interval, such as `41-91%`; absent: no usable reading."""
    measured: str | None = None
    """How many pods an interval rests on, such as `3 of 4 pods measured`; absent: all of them, or no pods are read."""
    verdict: str
    """`Inside`, `Above` (an upper threshold), `Below` (a lower threshold), `Undecided` (an interval that reaches across
    one), or the reason for its absence."""
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
    """When it was written."""
    from_: int = Field(alias="from")
    """Replicas before."""
    to: int
    """Replicas after."""
    cause: Cause = Cause.METRICS
    """What it was written for."""

    @property
    def change(self) -> int:
        """Replicas added, negative when removed."""
        return self.to - self.from_


class LastWrite(StatusModel):
    """deadband's last write of the target, kept however long ago it was (R3); a dry run writes nothing."""

    replicas: int
    """What it wrote."""
    time: Instant
    """When."""


class Wish(StatusModel):
    """One point of R10's stabilization: what the metrics asked for."""

    time: Instant
    """Time of the evaluation."""
    replicas: int
    """The wish after R9's guard; the current replicas when nothing was wished."""


class Revert(StatusModel):
    """Somebody restored the value from before our write (R16)."""

    time: Instant
    """When it was seen."""
    manager: str
    """The field manager that did it."""
    from_: int = Field(alias="from")
    """What deadband had written."""
    to: int
    """What was restored."""


class Proposal(StatusModel):
    """What a person is asked to approve (R13)."""

    id: str
    """What the approve annotation must say."""
    direction: Way
    """Up or Down."""
    replicas: int | None = None
    """Absent without a target."""
    text: str
    """What is proposed, for a person."""
    created_at: Instant
    """When it was made."""
    expires_at: Instant
    """From when it can no longer be approved."""


class ProposalOutcome(StrEnum):
    """What became of a proposal."""

    CARRIED_OUT = "CarriedOut"
    """Approved, and written to the target."""
    EXPIRED = "Expired"
    """Nobody approved it in time, or what held the approval back did not let go in time."""
    WITHDRAWN = "Withdrawn"
    """It did not apply any more: not due, overtaken by other replicas, paused, or the policy was edited."""


class ClosedProposal(StatusModel):
    """A proposal that can no longer be approved (R13)."""

    id: str
    """What an approve annotation that names it says."""
    outcome: ProposalOutcome
    """CarriedOut, Expired or Withdrawn."""
    time: Instant
    """When that was."""
    approved_before: str | None = None
    """The last proposal before it that was carried out: an approve annotation that still names that one is silent."""


class DecisionStatus(StatusModel):
    """The last decision in a person's words."""

    sentence: str
    """What was decided and why."""
    rule: str
    """The rule that bound it, such as R7."""
    reason: str
    """One of the reasons of a decision, or of a policy."""
    next: str
    """What would change it next."""


class ScalingPolicyStatus(StatusModel):
    """Everything that outlives one evaluation; timestamps, never counters of ticks."""

    observed_generation: int | None = None
    """metadata.generation that this status is about."""
    target: str | None = None
    """kind/name, for the printer column."""
    metrics_summary: str | None = None
    """`cpu 63% <20 >70, memory 71% >80`, for the printer column."""
    current_replicas: int | None = None
    """The target's spec.replicas at the last evaluation."""
    ready_maximum: int | None = None
    """The most ready pods since the pod template last changed, at most the target's replicas: what steps count with."""
    pod_template: str | None = None
    """The pod template that readyMaximum is about."""
    desired_replicas: int | None = None
    """What deadband would write but for a person, a pause or another owner (R13 to R16); the shadow in DryRun."""
    shadow_replicas: int | None = None
    """DryRun only: replicas as if each write had happened (R14)."""
    last_scale_time: Instant | None = None
    """When deadband last wrote the target."""
    last_scale_direction: Way | None = None
    """Which way that went."""
    last_write: LastWrite | None = None
    """What deadband last wrote; absent: nothing, or another user has changed the target since."""
    metrics: list[MetricStatus] = Field([], json_schema_extra=NAMED_ENTRIES)
    """Every metric as it was last read."""
    scale_up: TimerStatus = TimerStatus()
    """Timer of the up expression."""
    scale_down: TimerStatus = TimerStatus()
    """Timer of the down expression."""
    failures: int = 0
    """Consecutive evaluations in which every enabled direction was unknown (R17)."""
    scale_events: list[ScaleEvent] = Field([])
    """Changes within the longest period or cooldown, or 30 minutes, whichever is longer (R10, R11, R21)."""
    wishes: list[Wish] = Field([])
    """Points that stabilization can still need (R10)."""
    reverts: list[Revert] = Field([])
    """Writes that somebody took back, 10 minutes deep (R16)."""
    proposal: Proposal | None = None
    """Manual only: what waits for approval."""
    last_proposal: ClosedProposal | None = None
    """The proposal before, and what became of it: an approval that names it is answered with that (R13)."""
    decision: DecisionStatus | None = None
    """The last decision, explained."""
    conditions: list[Condition] = Field([], json_schema_extra=TYPED_ENTRIES)
    """What holds, by type; Ready, Reconciling and Stalled as kstatus reads them."""
