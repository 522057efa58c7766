"""What would change a decision next: the second half of what `kubectl describe` tells."""

from collections.abc import Sequence
from datetime import timedelta

from deadband.api.behavior import Direction
from deadband.api.conditions import Reason
from deadband.api.status import TimerStatus, Way
from deadband.core import words
from deadband.core.decision import Move, Timers
from deadband.core.types import Absent, Inputs
from deadband.core.view import View

_REMEDIES: dict[Reason, str] = {
    Reason.METRICS_UNKNOWN: "Acts again at the first evaluation in which the metric has a reading",
    Reason.SCALING_DISABLED: "Give the target at least 1 replica to switch it on again",
    Reason.AT_MAXIMUM: "Raise maxReplicas if the load is to be carried",
    Reason.AT_MINIMUM: "Lower minReplicas if fewer are enough",
    Reason.PROJECTED_ABOVE_THRESHOLD: "Scales down when the load has fallen far enough for fewer replicas",
    Reason.STABILIZED: "Acts when the window holds no such wish any more",
    Reason.LIMIT_REACHED: "Acts when a scaling has left the limit's period",
    Reason.COOLING_DOWN: "Acts when the cooldown is over",
    Reason.ROLLOUT_IN_PROGRESS: "Scales down when the rollout is complete",
    Reason.TARGET_PAUSED: "Scales down when the target's spec.paused is unset",
    Reason.TOO_FEW_AVAILABLE: "Acts when the target's pods are available again",
    Reason.QUOTA_EXCEEDED: "Scales up when the quota admits the pods",
    Reason.INSUFFICIENT_CAPACITY: "Scales up when the pods can be scheduled",
    Reason.VETOED: "Acts when the veto is empty or 0",
    Reason.PAUSED: "Remove the annotation deadband.dev/paused to let it act",
    Reason.TARGET_CONTESTED: "Acts when the other writer is gone",
    Reason.FALLBACK: "Ends with the first evaluation in which something is known",
    Reason.APPROVAL_REQUIRED: "Annotate the policy with deadband.dev/approve=<proposal id> to carry it out",
    Reason.TARGET_NOT_FOUND: "Create the target, or correct spec.scaleTargetRef",
    Reason.TARGET_NOT_SCALABLE: "Correct spec.scaleTargetRef",
    Reason.ACCESS_DENIED: "Grant the operator the missing right; see the message",
}


def remedy(reason: Reason) -> str:
    """What ends a state of this reason, as a sentence; empty where that depends on the policy."""
    return f"{_REMEDIES[reason]}." if reason in _REMEDIES else ""


def upcoming(inputs: Inputs, view: View, move: Move) -> str:
    """Say in one sentence what would change the decision next.

    Args:
        inputs: The spec and the time.
        view: What was made of them, the timers after this evaluation among it.
        move: What was decided.
    """
    timers, bounds, contest = view.timers, view.bounds, view.contest
    if move.reason is Reason.APPROVAL_REQUIRED and inputs.target is None:
        return "Asks until the condition is false; nothing here can be scaled, so acting is up to you."
    if move.reason is Reason.TARGET_CONTESTED and contest is not None and contest.until is not None:
        return f"Acts again at {words.clock(contest.until)}, or as soon as the spec changes; only one may set replicas."
    nothing_runs = move.reason is Reason.AT_MINIMUM and bounds.low == 0 and inputs.spec.up.enabled
    if (known := _remedy_now(view, move)) and not nothing_runs:
        return known
    if move.reason is Reason.WAITING_FOR_TIME:
        way, direction, timer = _running(inputs, timers)
        return f"{_verb(inputs, way)} at {_due_at(direction, timer)} if it still holds then."
    if move.reason is Reason.OUT_OF_BOUNDS:
        return f"Then follows the metrics within {bounds.low} to {bounds.high} replicas."
    return _conditions(inputs, (Way.UP,) if nothing_runs else (Way.UP, Way.DOWN))


def _remedy_now(view: View, move: Move) -> str:
    absent = any(isinstance(seen, Absent) for seen in view.observed.values())
    if move.reason is Reason.METRICS_UNKNOWN and not absent:
        return "Acts again when more of the target's pods are measured."
    return remedy(move.reason)


def _running(inputs: Inputs, timers: Timers) -> tuple[Way, Direction, TimerStatus]:
    if timers.up.held_since is not None and timers.up.unknown_since is None:
        return Way.UP, inputs.spec.up, timers.up
    return Way.DOWN, inputs.spec.down, timers.down


def _due_at(direction: Direction, timer: TimerStatus) -> str:
    assert timer.held_since is not None, "a waiting direction has a running timer"
    return words.clock(timer.held_since + timedelta(seconds=direction.for_seconds))


def _verb(inputs: Inputs, way: Way) -> str:
    return f"Scales {way.lower()}" if inputs.target is not None else f"Asks for scaling {way.lower()}"


def _conditions(inputs: Inputs, ways: Sequence[Way]) -> str:
    directions = ((way, inputs.spec.up if way is Way.UP else inputs.spec.down) for way in ways)
    clauses = [
        f"{way.lower()} when {words.condition_clause(inputs.spec, direction)}"
        for way, direction in directions
        if direction.enabled
    ]
    return f"{'Scales' if inputs.target is not None else 'Asks to scale'} {'; '.join(clauses)}."
