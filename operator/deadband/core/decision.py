"""What the decision hands on: the replicas, the one rule that bound them, and the trace of how it came to that."""

from dataclasses import dataclass, field, replace

from deadband.api.conditions import Reason
from deadband.api.status import Cause, ClosedProposal, Proposal, Revert, TimerStatus, Way
from deadband.core.contest import Contest
from deadband.core.triggers import Observed, Truth


@dataclass(frozen=True, slots=True)
class Step:
    """One rule's effect on the number.

    Attributes:
        rule: Such as R9.
        replicas: The number after the rule.
        note: What the rule found, without the number's history; may be empty.
        limits: The reason of ScalingLimited when it cut the wish by a limit, a bound or a shortage.
    """

    rule: str
    replicas: int
    note: str = ""
    limits: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A number on its way through the rules.

    Attributes:
        replicas: Where it stands; equal to n when something holds it.
        reason: Why.
        rule: The rule that bound it last.
        why: The clause of the sentence that follows the colon.
        cause: What a write of it would be recorded as.
        trace: Every rule that had a say, in order.
        wish: The point for R10; None under R2 and R3, which record none.
        way: The due direction, if one was.
        pins: Both bounds of an HPA are to be brought together, so it is written even where the number stays.
    """

    replicas: int
    reason: Reason
    rule: str
    why: str
    cause: Cause = Cause.METRICS
    trace: tuple[Step, ...] = ()
    wish: int | None = None
    way: Way | None = None
    pins: bool = False

    def asks(self, replicas: int) -> bool:
        """Whether it calls for a write where n is `replicas`."""
        return self.replicas != replicas or self.pins

    def held(self, rule: str, reason: Reason) -> "Move":
        """The same number, which a gate does not let be written."""
        return replace(self, rule=rule, reason=reason, trace=(*self.trace, Step(rule, self.replicas, "held back")))


@dataclass(frozen=True, slots=True)
class Gated:
    """A move after the gates.

    Attributes:
        move: The move with the reason of the gate that held it, if one did.
        to: The replicas that are written (or simulated); None when nothing is.
        proposal: The proposal that stands open after this evaluation.
        refusal: Why an approval was not carried out.
        held_back: What the sentence says of the gate.
        last_proposal: What became of the proposal before.
    """

    move: Move
    to: int | None
    proposal: Proposal | None = None
    refusal: str = ""
    held_back: str = ""
    last_proposal: ClosedProposal | None = None


@dataclass(frozen=True, slots=True)
class Timers:
    """Both directions after this evaluation."""

    up: TimerStatus
    down: TimerStatus


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds in force (R2).

    Attributes:
        low: After overrides, and after what an HPA's other bound leaves.
        high: Likewise; never below `low`.
        low_is: What `low` is called in a sentence.
        high_is: What `high` is called.
    """

    low: int
    high: int
    low_is: str = "minReplicas"
    high_is: str = "maxReplicas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with one target at one instant.

    Attributes:
        current: n; the shadow in DryRun; None without a target.
        desired: What would be written but for R13-R16; n while any other rule holds; the shadow in DryRun.
        write: Replicas to write now, through /scale or as the bound of an HPA that moves; None for no write.
        moved_to: Where replicas (real or shadow) stand after this decision.
        reason: The one reason.
        rule: The rule that bound it, such as R7.
        sentence: What a person would say.
        next: What would change it next.
        cause: What the write is recorded as.
        trace: Every rule that had a say, in order.
        wish: R10's point of this evaluation.
        observed: Every metric as its triggers saw it.
        up, down: Truth of both expressions.
        timers: Both timers after this evaluation.
        failures: Consecutive evaluations with nothing known, counted up to afterFailures (R17).
        bounds: The bounds in force; None without a target.
        proposal: The open proposal (R13).
        last_proposal: What became of the proposal before.
        refusal: Why an approval was not carried out; empty when none was asked or it was carried out.
        reverts: What R16 remembers after this evaluation.
        contest: Who else writes the target; None when nobody does.
    """

    current: int | None
    desired: int | None
    write: int | None
    moved_to: int | None
    reason: Reason
    rule: str
    sentence: str
    next: str
    observed: dict[str, Observed]
    up: Truth
    down: Truth
    timers: Timers
    cause: Cause = Cause.METRICS
    trace: tuple[Step, ...] = ()
    wish: int | None = None
    failures: int = 0
    bounds: Bounds | None = None
    proposal: Proposal | None = None
    last_proposal: ClosedProposal | None = None
    refusal: str = field(default="")
    reverts: tuple[Revert, ...] = ()
    contest: Contest | None = None

    @property
    def scales(self) -> bool:
        """True when the target must be written."""
        return self.write is not None

    @property
    def limiting(self) -> Step | None:
        """What cut the wish last by a limit, a bound or a shortage, even if something still moves; None: nothing."""
        return next((step for step in reversed(self.trace) if step.limits is not None), None)
