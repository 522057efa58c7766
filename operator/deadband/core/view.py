"""What is made of the inputs before any rule acts: n, r, the bounds, what is true, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from deadband.api.metrics import Per
from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import Revert, TimerStatus
from deadband.core import timers
from deadband.core.bounds import bounds_in_force
from deadband.core.contest import Contest, contest, remember_reverts
from deadband.core.decision import Bounds, Timers
from deadband.core.ready import ready_maximum
from deadband.core.triggers import Load, Observed, Truth, expression, observe_all, undecided
from deadband.core.types import Absent, Inputs, NoTarget, Target

UNSCALED = Target(replicas=0, ready=0, available=0)
"""Stands in for the workload of a policy without a target: nothing of it reaches status."""


@dataclass(frozen=True, slots=True)
class View:
    """What was made of the inputs before any rule acts.

    Attributes:
        replicas: n: the shadow in DryRun.
        ready: r; in DryRun the shadow's pods, all of them ready, or 0 where no real pod ever was.
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
    ready = ready_maximum(inputs) or 0
    observed = observe_all(spec, inputs.readings, None if isinstance(inputs.target, NoTarget) else ready)
    if _simulates(inputs):
        ready = replicas if ready else 0
        observed = _as_simulated(inputs, observed, shadow=replicas, ready=ready)
    up, down = expression(spec.up, observed), expression(spec.down, observed)
    reverts = remember_reverts(inputs)
    failures = _failures(inputs, observed)
    longest = timers.longest_spell(spec.interval_seconds)
    return View(
        replicas=replicas,
        ready=ready,
        bounds=bounds_in_force(inputs),
        loose=target.autoscaled is not None and target.autoscaled.loose and not _follows_shadow(inputs),
        observed=observed,
        up=up,
        down=down,
        timers=Timers(
            timers.advance(status.scale_up, up, now=now, outage=inputs.outage, longest=longest),
            timers.advance(status.scale_down, down, now=now, outage=inputs.outage, longest=longest),
        ),
        failures=min(failures, spec.fallback.after_failures if spec.fallback else 0),
        reverts=reverts,
        contest=contest(inputs, reverts),
    )


def _failures(inputs: Inputs, observed: Mapping[str, Observed]) -> int:
    """Evaluations in a row in which nothing is known; one that is unknown by an interval alone is left out (R17)."""
    enabled = [direction for direction in (inputs.spec.up, inputs.spec.down) if direction.enabled]
    if any(expression(direction, observed) is not None for direction in enabled):
        return 0
    if any(undecided(direction, observed) for direction in enabled):
        return inputs.status.failures
    return inputs.status.failures + 1


def _simulates(inputs: Inputs) -> bool:
    """Whether n counts pods that only the shadow has; an HPA's bound counts none (R14)."""
    target = inputs.target
    return inputs.spec.mode is PolicyMode.DRY_RUN and isinstance(target, Target) and target.autoscaled is None


def _as_simulated(inputs: Inputs, observed: Mapping[str, Observed], *, shadow: int, ready: int) -> dict[str, Observed]:
    """Every metric as the shadow's pods would show it; the value of `onNoData` is no reading, so it stays."""

    def shown(name: str, seen: Observed) -> Observed:
        if not isinstance(seen, Load):
            return seen
        if isinstance(inputs.readings.get(name), Absent) and seen.per is Per.REPLICA:
            return replace(seen, ready=ready)
        return seen.shown_by(shadow)

    return {name: shown(name, seen) for name, seen in observed.items()}


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
