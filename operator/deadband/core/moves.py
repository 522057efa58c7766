"""A due direction's number on its way through R8-R12 and the vetoes: each rule may only bring it nearer to n."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deadband.api.behavior import StepType
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec, VetoDirection
from deadband.api.status import Cause, ScalingPolicyStatus, Way, Wish
from deadband.core import limits, words
from deadband.core.decision import Bounds, Move, Step
from deadband.core.guard import raise_until_safe
from deadband.core.steps import step_down, step_up
from deadband.core.triggers import Observed
from deadband.core.types import Absent, Interval, Reading, Sample, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What every rule of a move looks at.

    Attributes:
        spec: The policy.
        status: Its memory.
        points: R10's points, with those that a restart adds.
        observed: Every metric.
        vetoes: By name.
        target: The real workload, for R12.
        replicas: n.
        ready: r.
        bounds: In force.
        now: The evaluation's time.
    """

    spec: ScalingPolicySpec
    status: ScalingPolicyStatus
    points: tuple[Wish, ...]
    observed: Mapping[str, Observed]
    vetoes: Mapping[str, Reading]
    target: Target
    replicas: int
    ready: int
    bounds: Bounds
    now: datetime


def move_up(scene: Scene) -> Move:
    """Carry a due up through R8, R10, R11, R2, R12 and the vetoes."""
    n, up, now = scene.replicas, scene.spec.up, scene.now
    events = scene.status.scale_events
    wish = step_up(up, scene.observed, replicas=n, ready=scene.ready)
    move = _begin(scene, Way.UP, wish)
    if wish == n:
        return _no_step(scene, move)
    stable = limits.lowest(wish, scene.points, window_seconds=up.stabilization_window_seconds, now=now)
    stable = max(n, stable)
    move = _cut(move, n, stable, "R10", Reason.STABILIZED, _window(stable, "lowest", up.stabilization_window_seconds))
    if move.replicas == n:
        return move
    allowed = limits.ceiling(up, events, replicas=n, now=now)
    if allowed is not None:
        cut = min(stable, allowed)
        move = _cut(move, n, cut, "R10", Reason.LIMIT_REACHED, f"the limits of scaleUp allow {allowed} now")
    given = limits.up_credit(events, cooldown_seconds=up.cooldown_seconds, now=now)
    if given is not None:
        credited = min(move.replicas, n + max(0, stable - n - given))
        note = (
            f"the cooldown of {words.seconds(up.cooldown_seconds)} after scaling up runs and {given} were given in it"
        )
        move = replace(_cut(move, n, credited, "R11", Reason.COOLING_DOWN, note), cause=Cause.CREDIT)
    capped = max(n, min(move.replicas, scene.bounds.high))
    move = _cut(move, n, capped, "R2", Reason.AT_MAXIMUM, f"{scene.bounds.high_is} is {scene.bounds.high}")
    return _vetoed(scene, _unhealthy_up(scene, move))


def move_down(scene: Scene) -> Move:
    """Carry a due down through R8, R9, R10, R11, R2, R12 and the vetoes."""
    n, down, now = scene.replicas, scene.spec.down, scene.now
    wish = step_down(down, scene.observed, replicas=n)
    move = _begin(scene, Way.DOWN, wish)
    if wish == n:
        return _no_step(scene, move)
    move = _guard(scene, move)
    move = replace(move, wish=move.replicas)
    stable = min(
        n, limits.highest(move.replicas, scene.points, window_seconds=down.stabilization_window_seconds, now=now)
    )
    move = _cut(
        move, n, stable, "R10", Reason.STABILIZED, _window(stable, "highest", down.stabilization_window_seconds)
    )
    allowed = limits.floor_of(down, scene.status.scale_events, replicas=n, now=now)
    if allowed is not None:
        note = f"the limits of scaleDown allow {allowed} now"
        move = _cut(move, n, max(move.replicas, allowed), "R10", Reason.LIMIT_REACHED, note)
    last = scene.status.last_scale_time
    if last is not None and limits.down_cools(last, cooldown_seconds=down.cooldown_seconds, now=now):
        until = words.clock(last + timedelta(seconds=down.cooldown_seconds))
        note = f"the cooldown of {words.seconds(down.cooldown_seconds)} after the last scaling runs until {until}"
        move = _cut(move, n, n, "R11", Reason.COOLING_DOWN, note)
    raised = min(n, max(move.replicas, scene.bounds.low))
    move = _cut(move, n, raised, "R2", Reason.AT_MINIMUM, f"{scene.bounds.low_is} is {scene.bounds.low}")
    # What R10 and R2 raised is a wish the guard has not seen: it asks again, and may only raise further.
    move = _guard(scene, move)
    return _vetoed(scene, _unhealthy_down(scene, move))


def _begin(scene: Scene, way: Way, wish: int) -> Move:
    """The step itself (R8), before any rule has held it back."""
    direction = scene.spec.up if way is Way.UP else scene.spec.down
    held = f" for {words.seconds(direction.for_seconds)} or longer" if direction.for_seconds else ""
    return Move(
        replicas=wish,
        reason=Reason.SCALING_UP if way is Way.UP else Reason.SCALING_DOWN,
        rule="R8",
        why=words.true_clause(scene.spec, direction, scene.observed) + held,
        wish=wish,
        way=way,
        trace=(Step("R8", wish, "step"),),
    )


def _cut(move: Move, n: int, replicas: int, rule: str, reason: Reason, note: str) -> Move:
    """Bring the number nearer to n; whoever brings it to n is the one reason."""
    if replicas == move.replicas:
        return move
    step = Step(rule, replicas, note, reason if reason in _LIMITING else None)
    cut = replace(move, replicas=replicas, rule=rule, trace=(*move.trace, step))
    if replicas != n:
        return replace(cut, why=f"{move.why}; {note}")
    return replace(cut, reason=reason, why=f"{move.why}, but {note}")


_LIMITING = frozenset(
    {Reason.AT_MAXIMUM, Reason.AT_MINIMUM, Reason.LIMIT_REACHED, Reason.QUOTA_EXCEEDED, Reason.INSUFFICIENT_CAPACITY}
)


def _guard(scene: Scene, move: Move) -> Move:
    n = scene.replicas
    safe = raise_until_safe(scene.spec, scene.observed, wish=move.replicas, replicas=n)
    note = f"at {move.replicas} the load would be above the scale-up threshold" + (
        f", at {safe} not" if safe < n else ""
    )
    return _cut(move, n, safe, "R9", Reason.PROJECTED_ABOVE_THRESHOLD, note)


def _no_step(scene: Scene, move: Move) -> Move:
    """A due direction whose step leaves n."""
    if scene.ready == 0 and move.way is Way.UP and scene.spec.up.step.type is StepType.PROPORTIONAL:
        return replace(
            move, reason=Reason.TOO_FEW_AVAILABLE, why=f"{move.why}, but no pod is ready to measure a step by"
        )
    if move.way is Way.UP and scene.replicas == scene.bounds.high:
        return _at_edge(move, Reason.AT_MAXIMUM, f"{scene.bounds.high_is} is {scene.bounds.high}")
    if move.way is Way.DOWN and scene.replicas == scene.bounds.low:
        return _at_edge(move, Reason.AT_MINIMUM, f"{scene.bounds.low_is} is {scene.bounds.low}")
    return replace(move, reason=Reason.WITHIN_BAND, why=f"{move.why}, but the step asks for no change")


def _at_edge(move: Move, reason: Reason, note: str) -> Move:
    """The step could not have gone on, so the bound is what limits, even though it cut nothing."""
    step = Step("R2", move.replicas, note, reason)
    return replace(move, rule="R2", reason=reason, why=f"{move.why}, but {note}", trace=(*move.trace, step))


FAILED = "the last rollout failed"


def _unhealthy_up(scene: Scene, move: Move) -> Move:
    n = scene.replicas
    if move.replicas == n:
        return move
    if scene.target.quota_exceeded:
        return _cut(move, n, n, "R12", Reason.QUOTA_EXCEEDED, "a quota denies the target's pods")
    if scene.target.unschedulable:
        return _cut(move, n, n, "R12", Reason.INSUFFICIENT_CAPACITY, "the target's pods stay unschedulable")
    return move


def _unhealthy_down(scene: Scene, move: Move) -> Move:
    n, target = scene.replicas, scene.target
    failed = target.rollout_failed
    if move.replicas == n:
        return move
    if target.rollout_in_progress:
        return _cut(move, n, n, "R12", Reason.ROLLOUT_IN_PROGRESS, "a rollout is in progress")
    if target.paused:
        return _cut(move, n, n, "R12", Reason.TARGET_PAUSED, "the target's own spec.paused is set")
    if 2 * target.available < target.pods:
        note = f"only {target.available} of {target.pods} pods are available" + (f", and {FAILED}" if failed else "")
        return _cut(move, n, n, "R12", Reason.TOO_FEW_AVAILABLE, note)
    return replace(move, why=f"{move.why}; {FAILED}") if failed else move


def _vetoed(scene: Scene, move: Move) -> Move:
    n = scene.replicas
    if move.replicas == n:
        return move
    own = VetoDirection.UP if move.way is Way.UP else VetoDirection.DOWN
    for veto in scene.spec.vetoes:
        if veto.direction in (own, VetoDirection.BOTH) and (stop := veto_stops(scene.vetoes.get(veto.name))):
            return _cut(move, n, n, "vetoes", Reason.VETOED, f"the veto {veto.name} {stop}")
    return move


def veto_stops(reading: Reading | None) -> str:
    """Say why a veto stops its direction; empty when it does not.

    Anything but an empty answer or 0 stops, an unreadable one too.
    """
    match reading:
        case None:
            return "was not read"
        case Absent(reason=Reason.EMPTY):
            return ""
        case Absent(reason=reason):
            return f"cannot be read ({reason})"
        case Sample(value=value) | Interval(high=value):
            return f"reads {words.number(value)}" if value != 0 else ""


def _window(replicas: int, which: str, window_seconds: int) -> str:
    return f"the {which} wish of the last {words.seconds(window_seconds)} is {replicas}"
