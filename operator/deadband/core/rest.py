"""Evaluations that change nothing, told without composing a sentence: a long history holds more often than it moves.

Rests on a promise of moves.py: every rule may only bring the number nearer to n, so one that brings it to n settles it.
"""

from deadband.api.scalingpolicy import PolicyMode, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus, TimerStatus, Way
from deadband.core.gates import asks_first
from deadband.core.guard import raise_until_safe
from deadband.core.history import keep_points, points
from deadband.core.limits import down_cools, highest, lowest
from deadband.core.proposals import still_open
from deadband.core.ready import ready_maximum
from deadband.core.steps import step_down, step_up
from deadband.core.types import Inputs, NoTarget, Pause
from deadband.core.view import View, is_due
from deadband.core.zero import switched_off


def rest(inputs: Inputs, view: View) -> ScalingPolicyStatus | None:
    """The status after an evaluation that changes nothing, or None when `decide` must tell.

    Args:
        inputs: As for `decide`.
        view: What `look` makes of them.

    Returns:
        A status that carries whatever later decisions depend on (timers, failures, wishes); what people read in it is
        that of the last evaluation that was decided in full. Every status that is returned stands for a decision
        without a write, without a new proposal and with the same next inputs; None says nothing about what is decided.
    """
    status, spec, target = inputs.status, inputs.spec, inputs.target
    if (
        isinstance(target, NoTarget)
        or spec.mode is PolicyMode.DRY_RUN
        or status.shadow_replicas is not None
        or inputs.outage is not None
        or (target is not None and target.autoscaled is not None)
        or status.current_replicas != (None if target is None else view.replicas)
        or (spec.fallback is not None and view.failures >= spec.fallback.after_failures)
    ):
        return None
    if switched_off(inputs, replicas=view.replicas, bounds=view.bounds):
        return _carried(inputs, view, None) if status.proposal is None else None
    if not view.bounds.low <= view.replicas <= view.bounds.high:
        return None
    if status.proposal is not None:
        return _carried(inputs, view, None) if _still_asks(inputs, view) else None
    wish = _held_wish(inputs, view)
    return None if wish is None else _carried(inputs, view, wish)


def _still_asks(inputs: Inputs, view: View) -> bool:
    """Whether the open proposal stays open and nothing else comes of this evaluation (R13)."""
    if inputs.approval is not None or inputs.pause is not Pause.NOTHING or view.contest is not None:
        return False
    way = _due(inputs, view)
    if way is None or not asks_first(inputs, way) or _remembers_wishes(inputs.spec):
        return False
    return still_open(inputs, way, replicas=view.replicas, bounds=view.bounds) is not None


def _due(inputs: Inputs, view: View) -> Way | None:
    spec = inputs.spec
    if is_due(view.up, view.timers.up, spec.up.for_seconds, inputs):
        return Way.UP
    if view.up is False and is_due(view.down, view.timers.down, spec.down.for_seconds, inputs):
        return Way.DOWN
    return None


def _held_wish(inputs: Inputs, view: View) -> int | None:
    """The wish (R10's point) of an evaluation that holds at n; None when it may move."""
    way = _due(inputs, view)
    if way is None:
        return view.replicas
    if inputs.target is None:
        return None  # a person is asked
    edge = view.bounds.high if way is Way.UP else view.bounds.low
    if view.replicas == edge and not _remembers_wishes(inputs.spec):
        return edge  # whatever it wishes, it stays, and nobody asks later what it wished
    return _held_up(inputs, view) if way is Way.UP else _held_down(inputs, view)


def _held_up(inputs: Inputs, view: View) -> int | None:
    n, up = view.replicas, inputs.spec.up
    wish = step_up(up, view.observed, replicas=n, ready=view.ready)
    window = up.stabilization_window_seconds
    if n in (wish, view.bounds.high) or (
        window and lowest(wish, points(inputs, replicas=n), window_seconds=window, now=inputs.now) <= n
    ):
        return wish
    return None


def _held_down(inputs: Inputs, view: View) -> int | None:
    n, down, now = view.replicas, inputs.spec.down, inputs.now
    wish = step_down(down, view.observed, replicas=n)
    if wish != n:
        wish = raise_until_safe(inputs.spec, view.observed, wish=wish, replicas=n)
    window = down.stabilization_window_seconds
    if (
        n in (wish, view.bounds.low)
        or down_cools(inputs.status.last_scale_time, cooldown_seconds=down.cooldown_seconds, now=now)
        or (window and highest(wish, points(inputs, replicas=n), window_seconds=window, now=now) >= n)
    ):
        return wish
    return None


def _carried(inputs: Inputs, view: View, wish: int | None) -> ScalingPolicyStatus:
    status, spec = inputs.status, inputs.spec
    changed: dict[str, object] = {}
    if _differs(view.timers.up, status.scale_up):
        changed["scale_up"] = view.timers.up
    if _differs(view.timers.down, status.scale_down):
        changed["scale_down"] = view.timers.down
    if (ready := ready_maximum(inputs)) != status.ready_maximum:
        changed["ready_maximum"] = ready
    if view.failures != status.failures:
        changed["failures"] = view.failures
    if _remembers_wishes(spec):
        changed["wishes"] = keep_points(spec, points(inputs, replicas=view.replicas), wish, now=inputs.now)
    return status.model_copy(update=changed) if changed else status


def _remembers_wishes(spec: ScalingPolicySpec) -> bool:
    return bool(spec.up.stabilization_window_seconds or spec.down.stabilization_window_seconds)


def _differs(timer: TimerStatus, other: TimerStatus) -> bool:
    """As `!=`, which costs pydantic several times as much."""
    return timer.held_since != other.held_since or timer.unknown_since != other.unknown_since
