"""What is made of the inputs before any rule acts: n, r, the bounds, what is true, and for how long."""

from dataclasses import dataclass
from datetime import timedelta

from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import Revert, TimerStatus
from deadband.core import timers
from deadband.core.bounds import bounds_in_force
from deadband.core.contest import Contest, contest, remember_reverts
from deadband.core.decision import Bounds, Timers
from deadband.core.triggers import Observed, Truth, expression, observe_all
from deadband.core.types import Inputs, NoTarget, Target

UNSCALED = Target(replicas=0, ready=0, available=0)
"""Stands in for the workload of a policy without a target: nothing of it reaches status."""


@dataclass(frozen=True, slots=True)
class View:
    """What was made of the inputs before any rule acts.

    Attributes:
        replicas: n: the shadow in DryRun.
        ready: r, at most n; of an HPA's workload all ready pods.
        bounds: In force.
        loose: An HPA's bounds are to move together, and they differ still.
        observed: Every metric, onNoData applied.
        up, down: Truth of both expressions (R5).
        timers: Both timers, this evaluation included (R7).
        failures: Consecutive evaluations with nothing known, counted up to afterFailures (R17).
        reverts: What R16 remembers, this evaluation's included.
        contest: Who else writes the target; None when nobody does.
    """

    replicas: int
    ready: int
    bounds: Bounds
    loose: bool
    observed: dict[str, Observed]
    up: Truth
    down: Truth
    timers: Timers
    failures: int
    reverts: tuple[Revert, ...]
    contest: Contest | None


def look(inputs: Inputs) -> View:
    """Read n, r, the bounds, the truths and the timers; timers see every evaluation, whatever decides it (R7)."""
    spec, status, now = inputs.spec, inputs.status, inputs.now
    target = inputs.target if isinstance(inputs.target, Target) else UNSCALED
    replicas = shadow(inputs) if spec.mode is PolicyMode.DRY_RUN else target.replicas
    ready = target.ready_of(replicas)
    observed = observe_all(spec, inputs.readings, None if isinstance(inputs.target, NoTarget) else ready)
    up, down = expression(spec.up, observed), expression(spec.down, observed)
    enabled = [truth for truth, direction in ((up, spec.up), (down, spec.down)) if direction.enabled]
    reverts = remember_reverts(inputs)
    failures = status.failures + 1 if enabled and all(truth is None for truth in enabled) else 0
    return View(
        replicas=replicas,
        ready=ready,
        bounds=bounds_in_force(inputs),
        loose=target.autoscaled is not None and target.autoscaled.loose and not _follows_shadow(inputs),
        observed=observed,
        up=up,
        down=down,
        timers=Timers(
            timers.advance(status.scale_up, up, now=now, outage=inputs.outage),
            timers.advance(status.scale_down, down, now=now, outage=inputs.outage),
        ),
        failures=min(failures, spec.fallback.after_failures if spec.fallback else 0),
        reverts=reverts,
        contest=contest(inputs, reverts),
    )


def shadow(inputs: Inputs) -> int:
    """R14's n: the shadow, unless somebody changed the real target since; then the shadow follows it."""
    if _follows_shadow(inputs) and inputs.status.shadow_replicas is not None:
        return inputs.status.shadow_replicas
    return inputs.target.replicas if isinstance(inputs.target, Target) else 0


def _follows_shadow(inputs: Inputs) -> bool:
    """Whether n is the shadow that an earlier evaluation left."""
    real = inputs.target.replicas if isinstance(inputs.target, Target) else 0
    status = inputs.status
    dry = inputs.spec.mode is PolicyMode.DRY_RUN
    return dry and status.shadow_replicas is not None and status.current_replicas == real


def is_due(truth: Truth, timer: TimerStatus, for_seconds: int, inputs: Inputs) -> bool:
    """R7: a known true expression that has held for its time."""
    return truth is True and timers.held(timer, now=inputs.now) >= timedelta(seconds=for_seconds)
