"""R15, R14, R16, R13: who else must agree before a number is written."""

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from deadband.api.behavior import Mode
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import Cause, Proposal, Way
from deadband.api.types import render_instant
from deadband.core import words
from deadband.core.contest import Contest
from deadband.core.decision import Bounds, Move, Step
from deadband.core.types import Inputs, Pause


@dataclass(frozen=True, slots=True)
class Gated:
    """A move after the gates.

    Attributes:
        move: The move with the reason of the gate that held it, if one did.
        to: The replicas that are written (or simulated); None when nothing is.
        proposal: The proposal that stands open after this evaluation.
        refusal: Why an approval was not carried out.
        held_back: What the sentence says of the gate.
    """

    move: Move
    to: int | None
    proposal: Proposal | None
    refusal: str = ""
    held_back: str = ""


def gate(inputs: Inputs, move: Move, contest: Contest | None, *, replicas: int, bounds: Bounds) -> Gated:
    """Ask the gates in their order: paused, dry run, contested, manual.

    Args:
        inputs: The annotations and the mode.
        move: What the rules before ask for.
        contest: Who else writes the target.
        replicas: n.
        bounds: After overrides.
    """
    way = _way(move, replicas)
    if way is None:
        return Gated(move, None, None)
    asked = _asks(move, replicas)
    if asked and inputs.pause in (Pause.BOTH, Pause.UP if way is Way.UP else Pause.DOWN):
        held = f"; the annotation deadband.dev/paused holds the change to {move.replicas} back"
        return Gated(_stop(move, "R15", Reason.PAUSED), None, None, held_back=held)
    dry = inputs.spec.mode is PolicyMode.DRY_RUN
    if asked and contest is not None and not dry:
        held = f"; {contest.clause}, so the change to {move.replicas} is left to it"
        return Gated(_stop(move, "R16", Reason.TARGET_CONTESTED), None, None, held_back=held)
    direction = inputs.spec.up if way is Way.UP else inputs.spec.down
    if direction.mode is Mode.MANUAL or inputs.target is None:
        if dry:
            held = "; a person would have to approve it" if asked else ""
            return Gated(_stop(move, "R13", Reason.APPROVAL_REQUIRED) if asked else move, None, None, held_back=held)
        return _manual(inputs, move, way, replicas=replicas, bounds=bounds)
    return Gated(move, move.replicas if asked else None, None)


def _way(move: Move, replicas: int) -> Way | None:
    """The direction the gates ask about: where the number goes, else the direction that is due."""
    if move.replicas > replicas:
        return Way.UP
    if move.replicas < replicas or move.pins:
        return Way.DOWN
    return move.way


def _asks(move: Move, replicas: int) -> bool:
    return move.replicas != replicas or move.pins


def _stop(move: Move, rule: str, reason: Reason) -> Move:
    return replace(move, rule=rule, reason=reason, trace=(*move.trace, Step(rule, move.replicas, "held back")))


def _manual(inputs: Inputs, move: Move, way: Way, *, replicas: int, bounds: Bounds) -> Gated:
    """R13: keep or make the proposal; carry it out once when a person approved it in time."""
    asked = _asks(move, replicas)
    open_, refusal = _still_open(inputs, move, way, replicas)
    if open_ is None:
        if not asked and inputs.target is not None:
            return Gated(move, None, None, refusal)
        proposal = _propose(inputs, move, way, replicas=replicas)
        return _ask(move, proposal, refusal)
    if inputs.approval != open_.id:
        refusal = refusal or (f"{inputs.approval!r} is not the open proposal" if inputs.approval else "")
        return _ask(move, open_, refusal)
    if open_.replicas is None:
        return _ask(move, open_, "there is no target that the operator could scale")
    if not asked:
        return Gated(move, None, open_, f"it is still due, but {move.why}")
    to = min(max(open_.replicas, bounds.low), bounds.high)
    reason = Reason.SCALING_UP if way is Way.UP else Reason.SCALING_DOWN
    step = Step("R13", to, f"proposal {open_.id} was approved")
    carried = replace(
        move,
        replicas=to,
        rule="R13",
        reason=reason,
        cause=Cause.APPROVAL,
        trace=(*move.trace, step),
        why=f"{move.why}; proposal {open_.id} was approved",
    )
    return Gated(carried, to, None)


def _still_open(inputs: Inputs, move: Move, way: Way, replicas: int) -> tuple[Proposal | None, str]:
    """The proposal of this direction that may still be approved, and why an asked-for one may not."""
    proposal = inputs.status.proposal
    if proposal is None:
        return None, f"there is no open proposal {inputs.approval!r}" if inputs.approval else ""
    if inputs.now >= proposal.expires_at:
        asked_for = inputs.approval == proposal.id
        return None, f"proposal {proposal.id} expired at {render_instant(proposal.expires_at)}" if asked_for else ""
    overtaken = (
        proposal.replicas is not None
        and not move.pins
        and (proposal.replicas <= replicas if way is Way.UP else proposal.replicas >= replicas)
    )
    if proposal.direction is not way or overtaken:
        return None, f"proposal {proposal.id} is overtaken" if inputs.approval == proposal.id else ""
    return proposal, ""


def _propose(inputs: Inputs, move: Move, way: Way, *, replicas: int) -> Proposal:
    direction = inputs.spec.up if way is Way.UP else inputs.spec.down
    to = move.replicas if inputs.target is not None else None
    asks = f"Scale {way.lower()}"
    if to is not None:
        asks = words.change(inputs.spec, replicas=replicas, to=to, mood=words.Mood.ASKED_FOR)
    seed = f"{way}/{to}/{render_instant(inputs.now)}/{move.why}"
    return Proposal(
        id=sha256(seed.encode()).hexdigest()[:10],
        direction=way,
        replicas=to,
        text=f"{asks}: {move.why}.",
        created_at=inputs.now,
        expires_at=inputs.now + timedelta(seconds=direction.approval_seconds),
    )


def _ask(move: Move, proposal: Proposal, refusal: str) -> Gated:
    held = ""  # without a target there is nothing that an approval could carry out
    if proposal.replicas is not None:
        held = f"; proposal {proposal.id} waits for approval until {render_instant(proposal.expires_at)}"
    return Gated(_stop(move, "R13", Reason.APPROVAL_REQUIRED), None, proposal, refusal, held)
