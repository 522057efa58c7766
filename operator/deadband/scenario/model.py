"""What a scenario says, once it is read: plain frozen values, the policy still as it was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from deadband.api.conditions import ConditionStatus, ConditionType, Reason
from deadband.api.status import ScalingPolicyStatus
from deadband.core.types import Reading


class Anything:
    """The `_` of an expectation: matches whatever comes."""

    def __repr__(self) -> str:
        """As it is written."""
        return "_"


ANYTHING = Anything()

Count = int | Literal["follow"]
"""A number of pods that stays, or one that follows replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """What is said of the target, at the start or in an event; None leaves a thing as it is.

    Attributes:
        replicas: spec.replicas.
        ready: Ready pods.
        ready_after: With `follow`: how long a new pod takes to become ready.
        available: Available pods; None at the start means as ready.
        rollout_in_progress: A new revision is being rolled out.
        rollout_failed: The last rollout passed its deadline (Progressing=False, ProgressDeadlineExceeded).
        paused: The Deployment's own spec.paused.
        quota_exceeded: A quota denies its pods.
        unschedulable: Its pods stay unschedulable.
        low: minReplicas of the HPA, for a policy that names one; `replicas` are its workload's then.
        high: Its maxReplicas.
        manager: At the start: who wrote `replicas` last; empty when nobody is named.
        new_template: In an event: the pods have a new template from now on.
    """

    replicas: int | None = None
    ready: Count | None = None
    ready_after: timedelta | None = None
    available: Count | None = None
    rollout_in_progress: bool | None = None
    rollout_failed: bool | None = None
    paused: bool | None = None
    quota_exceeded: bool | None = None
    unschedulable: bool | None = None
    low: int | None = None
    high: int | None = None
    manager: str = ""
    new_template: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens just before one tick's evaluation.

    Attributes:
        tick: Which one, from 0.
        down: The operator stops and is back so much later; None: it goes on.
        target: Somebody else changes the target.
        manager: Who does; empty when nobody is named.
        releases: That manager no longer owns the replicas afterwards.
        spec: Merge patch of the policy's spec.
        annotations: Merge patch of the policy's annotations; None removes one.
    """

    tick: int
    down: timedelta | None = None
    target: TargetChange | None = None
    manager: str = ""
    releases: bool = False
    spec: Mapping[str, Any] | None = None
    annotations: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What must come out; None and missing keys are not looked at.

    Attributes:
        replicas: What the policy moves after each tick: the target's replicas, or the bound of an HPA.
        desired: status.desiredReplicas after each tick; None in the list is its absence.
        reason: The decision's reason at each tick.
        conditions: By type, the status of each tick.
        message: A part of the decision's sentence at each tick.
        writes: Scale writes in all.
        invalid: The policy must be refused; nothing else is looked at then.
    """

    replicas: tuple[int | Anything | None, ...] | None = None
    desired: tuple[int | Anything | None, ...] | None = None
    reason: tuple[Reason | Anything, ...] | None = None
    conditions: Mapping[ConditionType, tuple[ConditionStatus | Anything, ...]] = field(default_factory=dict)
    message: tuple[str | Anything, ...] | None = None
    writes: int | None = None
    invalid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One time line and what must come out of it.

    Attributes:
        file: Where it was written.
        line: The line it begins at.
        name: What it is called.
        policy: The policy's manifest as written: whether it is valid is part of the outcome.
        start: The time of tick 0.
        tick: The time between ticks.
        ticks: How many.
        target: What the cluster looks like before tick 0; None when there is nothing to scale.
        state: The status that the policy carries at the start.
        series: Readings by metric or veto name; the last of each goes on. A name that is missing reads Empty.
        events: In the order of their ticks.
        expect: What must come out.
    """

    file: Path
    line: int
    name: str
    policy: Mapping[str, Any]
    start: datetime
    tick: timedelta
    ticks: int
    target: TargetChange | None
    state: ScalingPolicyStatus
    series: Mapping[str, tuple[Reading, ...]]
    events: tuple[Event, ...]
    expect: Expect
