"""Values that enter the decision: readings, the target, and everything else known at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import Override, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus


@dataclass(frozen=True, slots=True)
class Sample:
    """A number that was read.

    Attributes:
        value: Exact, in the unit of the metric (percent is 0..100 and beyond).
        time: The sample's own time where it can be known, else None.
        pods: How many pods a `resource` reading counts, its r (reference, section 3); None for every other metric.
    """

    value: Fraction
    time: datetime | None = None
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A `resource` reading of which some pods are not measured: the truth lies between its ends (R1).

    Attributes:
        low: Percent if the pods that are not measured use nothing.
        high: Percent if each of them uses all of what it is compared with, or the metric's highest threshold where
            that is more; at least `low`.
        pods: How many pods are counted, the reading's r; at least 2 unless a scenario says otherwise. None where they
            are not the target's (a database's).
        measured: How many of them are measured; at least 1 and below `pods`, unless a scenario says otherwise.
        why: Why pods are not measured, for people: a line each, of a few of them.
    """

    low: Fraction
    high: Fraction
    pods: int | None = None
    measured: int | None = None
    why: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """No usable number, and why (R1). Absent is never 0.

    Attributes:
        reason: One of R1's reasons.
        message: What the source said, cut to what may be shown; empty when the reason says it all.
    """

    reason: Reason
    message: str = ""


Reading = Sample | Interval | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaled:
    """What an HPA adds to the facts of the workload that it scales.

    Attributes:
        pods: spec.replicas of the workload; the target's `replicas` are the bound that moves.
        floor: The HPA's minReplicas where its maxReplicas moves: the cap never goes below it.
        cap: The HPA's maxReplicas where its minReplicas moves: the floor never goes above it.
        apart: The HPA's maxReplicas where both bounds move together and it differs still.
    """

    pods: int
    floor: int | None = None
    cap: int | None = None
    apart: int | None = None

    @property
    def loose(self) -> bool:
        """Whether both bounds move together, and they differ still."""
        return self.apart is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The workload as one read of it showed it.

    Attributes:
        replicas: spec.replicas, never status.replicas: surge does not count. For an HPA the bound that moves.
        ready: Ready pods, at most the workload's spec.replicas (the constructor of the value clamps).
        available: Available pods.
        rollout_in_progress: A new revision is being rolled out.
        rollout_failed: The last rollout passed its deadline or was aborted, so it is not in progress.
        paused: The Deployment's own spec.paused.
        quota_exceeded: Pods are denied by quota.
        unschedulable: Pods stay unschedulable.
        own_write: When at the latest deadband's field manager changed the replicas; None when somebody else owns
            them. (A write through /scale carries no time of its own in managedFields.)
        writer: The field manager that set the replicas as they are; None when deadband did, or nobody ever.
        template: What tells one pod template of the workload from another; None for a kind without a known one.
        autoscaled: Set when the target is an HPA.
    """

    replicas: int
    ready: int
    available: int
    rollout_in_progress: bool = False
    rollout_failed: bool = False
    paused: bool = False
    quota_exceeded: bool = False
    unschedulable: bool = False
    own_write: datetime | None = None
    writer: str | None = None
    template: str | None = None
    autoscaled: Autoscaled | None = None

    @property
    def pods(self) -> int:
        """spec.replicas of the workload, also where an HPA's bound is what moves."""
        return self.replicas if self.autoscaled is None else self.autoscaled.pods


@dataclass(frozen=True, slots=True)
class NoTarget:
    """The policy names a target that cannot be used.

    Attributes:
        reason: TargetNotFound, TargetNotScalable or AccessDenied, which stay until a person mends them; Error or
            Timeout while the API server does not let it be read.
        message: What is wrong, and what to do.
    """

    reason: Reason
    message: str

    @property
    def passes(self) -> bool:
        """Whether it may end without anybody doing anything; until then what was known of the target still counts."""
        return self.reason in (Reason.ERROR, Reason.TIMEOUT)


class Pause(Enum):
    """What the paused annotation holds back (R15)."""

    NOTHING = "nothing"
    UP = "scale-up"
    DOWN = "scale-down"
    BOTH = "true"


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which no operator led: from the last renewal of the Lease to the start of this leadership (R7).

    Attributes:
        start: When the last leadership ended.
        end: When this one began.
        evaluated_every: How far apart evaluations were before it; None: the policy's intervalSeconds.
    """

    start: datetime
    end: datetime
    evaluated_every: timedelta | None = None

    @property
    def length(self) -> timedelta:
        """How long; never negative."""
        return max(self.end - self.start, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything one decision depends on; the same inputs give the same decision, byte for byte (R20).

    Attributes:
        spec: Validated spec.
        status: What the last evaluation left, or what the object carried at the start.
        readings: By metric name; a metric that is missing here reads Error.
        now: Aware UTC, read once per evaluation.
        target: The workload; None when the policy names none.
        vetoes: By veto name; readings of one instant.
        overrides: Those that are open at `now` (R2).
        pause: What R15 holds back.
        approval: The id in the approve annotation, if any (R13).
        contested_by: Another object that writes the target, as `ScalingPolicy web`; None when there is none (R16).
        outage: Set in the first evaluation of a leadership only.
        generation: metadata.generation of the spec that was read.
    """

    spec: ScalingPolicySpec
    status: ScalingPolicyStatus
    readings: Mapping[str, Reading]
    now: datetime
    target: Target | NoTarget | None = None
    vetoes: Mapping[str, Reading] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    pause: Pause = Pause.NOTHING
    approval: str | None = None
    contested_by: str | None = None
    outage: Outage | None = None
    generation: int | None = None
