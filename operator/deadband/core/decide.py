"""The decision, rule by rule, in the order the reference gives.

R1 → R3 → R2 → R5-R7 → R8 → R9 → R10 → R11 → R2 → R12 → vetoes → R17 → R15, R14, R16, R13 → R18.

Read this file first: `decide` is the table of contents of the core. No I/O, no clock.
"""

from datetime import timedelta

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import FallbackBehavior, PolicyMode
from deadband.api.status import Cause, Way
from deadband.core import timers, words
from deadband.core.bounds import pin, to_bound
from deadband.core.decision import Decision, Gated, Move, Step
from deadband.core.forecast import upcoming
from deadband.core.gates import gate
from deadband.core.history import own_past, points
from deadband.core.moves import Scene, move_down, move_up
from deadband.core.proposals import close
from deadband.core.types import Inputs, NoTarget, Target
from deadband.core.view import View, is_due, look
from deadband.core.zero import switched_off


def decide(inputs: Inputs) -> Decision:
    """Decide one policy at one instant.

    Args:
        inputs: Everything the decision may depend on.

    Returns:
        The decision with its trace. `write` is set only when the target is to be written now.

    Source: scaling-policy reference, section 3; R20: the same inputs give the same decision.
    """
    inputs = own_past(inputs)
    view = look(inputs)
    if isinstance(inputs.target, NoTarget):
        move = Move(replicas=0, reason=inputs.target.reason, rule="R18", why=inputs.target.message)
        return _conclude(inputs, view, Gated(move, None))
    move = (
        _switched_off(inputs, view)
        or _out_of_bounds(inputs, view)
        or _fallback(inputs, view, _by_metrics(inputs, view))
    )
    gated = gate(
        inputs,
        move,
        replicas=view.replicas,
        bounds=view.bounds,
        contest=view.contest,
        pending=_pending(inputs, view),
    )
    return _conclude(inputs, view, gated)


def _switched_off(inputs: Inputs, view: View) -> Move | None:
    """R3: a target that another user brought to 0 is left alone."""
    why = switched_off(inputs, replicas=view.replicas, bounds=view.bounds)
    if not why:
        return None
    return Move(replicas=view.replicas, reason=Reason.SCALING_DISABLED, rule="R3", why=why)


def _out_of_bounds(inputs: Inputs, view: View) -> Move | None:
    """R2: outside the bounds, to the bound at once, without metrics, windows, limits, cooldowns, health or vetoes."""
    if not isinstance(inputs.target, Target):
        return None
    if view.loose:
        return pin(inputs.target.pods, view.bounds)
    return to_bound(view.replicas, view.bounds)


def _by_metrics(inputs: Inputs, view: View) -> Move:
    """R5-R12: what the expressions ask for."""
    spec = inputs.spec
    up_due = is_due(view.up, view.timers.up, spec.up.for_seconds, inputs)
    down_due = is_due(view.down, view.timers.down, spec.down.for_seconds, inputs)
    if up_due:
        return move_up(_scene(inputs, view)) if inputs.target else _advice(inputs, view, Way.UP)
    if view.up:
        return _waiting(inputs, view, Way.UP)
    if view.up is None or view.down is None:
        return _unknown(inputs, view)
    if down_due:
        return move_down(_scene(inputs, view)) if inputs.target else _advice(inputs, view, Way.DOWN)
    if view.down:
        return _waiting(inputs, view, Way.DOWN)
    why = words.band_clause(spec, view.observed)
    return Move(replicas=view.replicas, reason=Reason.WITHIN_BAND, rule="R5", why=why, wish=view.replicas)


def _pending(inputs: Inputs, view: View) -> frozenset[Way]:
    """Directions that have held for their time and are not known to be over: what is unknown leaves them open."""
    sides = (
        (Way.UP, view.up, view.timers.up, inputs.spec.up),
        (Way.DOWN, view.down, view.timers.down, inputs.spec.down),
    )
    return frozenset(
        way
        for way, truth, timer, direction in sides
        if truth is not False
        and timer.held_since is not None
        and timers.held(timer, now=inputs.now) >= timedelta(seconds=direction.for_seconds)
    )


def _scene(inputs: Inputs, view: View) -> Scene:
    assert isinstance(inputs.target, Target), "a move needs a workload"
    return Scene(
        spec=inputs.spec,
        status=inputs.status,
        points=points(inputs, replicas=view.replicas),
        observed=view.observed,
        vetoes=inputs.vetoes,
        target=inputs.target,
        replicas=view.replicas,
        ready=view.ready,
        bounds=view.bounds,
        now=inputs.now,
    )


def _advice(inputs: Inputs, view: View, way: Way) -> Move:
    """A due direction of a policy without a target: there is nothing to move, only something to say."""
    direction = inputs.spec.up if way is Way.UP else inputs.spec.down
    why = words.true_clause(inputs.spec, direction, view.observed)
    reason = Reason.SCALING_UP if way is Way.UP else Reason.SCALING_DOWN
    return Move(replicas=0, reason=reason, rule="R8", why=why, way=way)


def _waiting(inputs: Inputs, view: View, way: Way) -> Move:
    spec = inputs.spec
    direction, timer = (spec.up, view.timers.up) if way is Way.UP else (spec.down, view.timers.down)
    clause = words.true_clause(spec, direction, view.observed)
    so_far = words.seconds(timers.held(timer, now=inputs.now))
    why = f"{clause} for {so_far} of the {words.seconds(direction.for_seconds)} that it must hold"
    return Move(replicas=view.replicas, reason=Reason.WAITING_FOR_TIME, rule="R7", why=why, wish=view.replicas)


def _unknown(inputs: Inputs, view: View) -> Move:
    """R5: one expression that must be known is not; everything that leaves it open is named."""
    why = words.unknown_clause(inputs.spec, view.observed)
    if view.down:
        why += f", so nothing scales down although {words.true_clause(inputs.spec, inputs.spec.down, view.observed)}"
    return Move(replicas=view.replicas, reason=Reason.METRICS_UNKNOWN, rule="R5", why=why, wish=view.replicas)


def _fallback(inputs: Inputs, view: View, move: Move) -> Move:
    """R17: nothing known for afterFailures evaluations; bounds hold, R10-R12 and vetoes do not bind it."""
    fallback, n = inputs.spec.fallback, view.replicas
    if fallback is None or inputs.target is None or view.failures < fallback.after_failures:
        return move
    named = fallback.replicas or 0
    wished = {
        FallbackBehavior.STATIC: named,
        FallbackBehavior.CURRENT: n,
        FallbackBehavior.CURRENT_IF_HIGHER: max(n, named),
    }[fallback.behavior]
    m = min(max(wished, view.bounds.low), view.bounds.high)
    spell = f"nothing has been known for {fallback.after_failures} evaluations"
    why = f"{spell}; the fallback {fallback.behavior} asks for {m}"
    trace = (*move.trace, Step("R17", m, why))
    return Move(
        replicas=m, reason=Reason.FALLBACK, rule="R17", why=why, cause=Cause.FALLBACK, trace=trace, wish=move.wish
    )


def _conclude(inputs: Inputs, view: View, gated: Gated) -> Decision:
    """Put the number, the reason and the words together."""
    gated = close(inputs, gated)
    move, real = gated.move, inputs.target if isinstance(inputs.target, Target) else None
    dry = inputs.spec.mode is PolicyMode.DRY_RUN
    current = view.replicas if real else None
    moved_to = gated.to if gated.to is not None else current
    desired = moved_to if dry else (move.replicas if real else None)
    return Decision(
        current=current,
        desired=desired,
        write=None if dry else gated.to,
        moved_to=moved_to,
        reason=move.reason,
        rule=move.rule,
        sentence=_sentence(inputs, view, gated),
        next=upcoming(inputs, view, move),
        cause=move.cause,
        trace=move.trace,
        wish=move.wish,
        observed=view.observed,
        up=view.up,
        down=view.down,
        timers=view.timers,
        failures=view.failures,
        bounds=view.bounds if real else None,
        proposal=gated.proposal,
        last_proposal=gated.last_proposal,
        refusal=gated.refusal,
        reverts=view.reverts,
        contest=view.contest,
    )


def _sentence(inputs: Inputs, view: View, gated: Gated) -> str:
    move, spec = gated.move, inputs.spec
    mood = words.Mood.IMAGINED if spec.mode is PolicyMode.DRY_RUN else words.Mood.DONE
    if inputs.target is None:
        start = "Asking a person to act" if gated.proposal else "Advising only"
    elif isinstance(inputs.target, NoTarget):
        start = "Not scaling"
    elif gated.to is not None:
        start = words.change(spec, replicas=view.replicas, to=gated.to, mood=mood)
    elif view.loose:
        start = f"Leaving {words.subject(spec)} as they are"
    else:
        start = " ".join(filter(None, ("Holding", words.subject(spec), f"at {view.replicas}")))
    return f"{start}: {move.why}{gated.held_back}."
