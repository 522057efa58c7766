"""R13: what a person is asked to approve, how that is carried out once, and what becomes of it otherwise."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from deadband.api.conditions import Reason
from deadband.api.status import Cause, ClosedProposal, Proposal, ProposalOutcome, ScalingPolicyStatus, Way
from deadband.api.types import render_instant
from deadband.core import words
from deadband.core.decision import Bounds, Gated, Move, Step
from deadband.core.types import Inputs


def manual(inputs: Inputs, move: Move, way: Way, *, replicas: int, bounds: Bounds) -> Gated:
    """Keep or make the proposal of a due direction; carry it out once when a person approved it in time.

    Args:
        inputs: The proposal that status holds, and what was approved.
        move: What the rules before ask for.
        way: The due direction.
        replicas: n.
        bounds: After overrides.
    """
    asked = move.asks(replicas)
    proposal = still_open(inputs, way, replicas=replicas, bounds=bounds, pins=move.pins)
    if proposal is None:
        if not asked and inputs.target is not None:
            return Gated(move, None)
        return _ask(move, _propose(inputs, move, way, replicas=replicas))
    if inputs.approval != proposal.id:
        return _ask(move, proposal)
    if proposal.replicas is None:
        return _ask(move, proposal, "there is no target that the operator could scale")
    if not asked:
        return Gated(move, None, proposal, move.why)
    return _carry_out(move, proposal, _within(bounds, proposal.replicas))


def still_open(inputs: Inputs, way: Way, *, replicas: int, bounds: Bounds, pins: bool = False) -> Proposal | None:
    """The proposal of this direction, if it may still be approved and the replicas have not overtaken it.

    Args:
        inputs: The proposal that status holds, and the time.
        way: The due direction.
        replicas: n.
        bounds: After overrides.
        pins: Whether both bounds of an HPA would be brought to one number, which n may equal already.
    """
    proposal = inputs.status.proposal
    if proposal is None or proposal.direction is not way or inputs.now >= proposal.expires_at:
        return None
    if proposal.replicas is None or inputs.target is None:
        return proposal if proposal.replicas is None and inputs.target is None else None
    to = _within(bounds, proposal.replicas)
    return proposal if pins or (to > replicas if way is Way.UP else to < replicas) else None


def wait(inputs: Inputs, move: Move, *, pending: frozenset[Way]) -> Gated:
    """Keep the open proposal of a direction of which it is unknown whether it is still due (R5, R7).

    Args:
        inputs: The proposal that status holds, and what was approved.
        move: One of no direction.
        pending: Directions that ask first, were due and are not known to be over.
    """
    proposal = inputs.status.proposal
    unknown = move.reason in (Reason.METRICS_UNKNOWN, Reason.FALLBACK)
    if proposal is None or not unknown or proposal.direction not in pending or inputs.now >= proposal.expires_at:
        return Gated(move, None)
    refusal = f"it is unknown whether it is still due: {move.why}" if inputs.approval == proposal.id else ""
    return Gated(move, None, proposal, refusal)


def close(inputs: Inputs, gated: Gated) -> Gated:
    """Note what became of the proposal that status holds, and answer an approval of one that is not open."""
    before, left = inputs.status.proposal, gated.proposal
    last = inputs.status.last_proposal
    if before is not None and (left is None or left.id != before.id):
        if gated.to is not None and gated.move.cause is Cause.APPROVAL:
            last = ClosedProposal(id=before.id, outcome=ProposalOutcome.CARRIED_OUT, time=inputs.now)
        else:
            last = lapsed(inputs.status, now=inputs.now)
    refusal = gated.refusal
    if inputs.approval is not None and (left is None or left.id != inputs.approval):
        refusal = _not_open(inputs.approval, last)
    return replace(gated, last_proposal=last, refusal=refusal)


def lapsed(status: ScalingPolicyStatus, *, now: datetime) -> ClosedProposal | None:
    """What to remember when an open proposal ends without having been carried out; the one before if none is open."""
    proposal = status.proposal
    if proposal is None:
        return status.last_proposal
    outcome, time = ProposalOutcome.WITHDRAWN, now
    if now >= proposal.expires_at:
        outcome, time = ProposalOutcome.EXPIRED, proposal.expires_at
    approved = _approved_last(status.last_proposal)
    return ClosedProposal(id=proposal.id, outcome=outcome, time=time, approved_before=approved)


def _approved_last(last: ClosedProposal | None) -> str | None:
    """The proposal that was carried out last, as far as status remembers."""
    if last is None:
        return None
    return last.id if last.outcome is ProposalOutcome.CARRIED_OUT else last.approved_before


def _not_open(approval: str, last: ClosedProposal | None) -> str:
    """Why the approval of a proposal that is not open does nothing; empty when it did what it could."""
    if approval == _approved_last(last):
        return ""
    if last is None or last.id != approval:
        return f"{approval!r} is no open proposal"
    if last.outcome is ProposalOutcome.EXPIRED:
        return f"proposal {last.id} expired at {words.clock(last.time)}"
    return f"proposal {last.id} was withdrawn at {words.clock(last.time)}, when it did not apply any more"


def _within(bounds: Bounds, replicas: int) -> int:
    return min(max(replicas, bounds.low), bounds.high)


def _carry_out(move: Move, proposal: Proposal, to: int) -> Gated:
    carried = replace(
        move,
        replicas=to,
        rule="R13",
        reason=Reason.SCALING_UP if proposal.direction is Way.UP else Reason.SCALING_DOWN,
        cause=Cause.APPROVAL,
        trace=(*move.trace, Step("R13", to, f"proposal {proposal.id} was approved")),
        why=f"{move.why}; proposal {proposal.id} was approved",
    )
    return Gated(carried, to)


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


def _ask(move: Move, proposal: Proposal, refusal: str = "") -> Gated:
    held = ""  # without a target there is nothing that an approval could carry out
    if proposal.replicas is not None:
        held = f"; proposal {proposal.id} waits for approval until {words.clock(proposal.expires_at)}"
    return Gated(move.held("R13", Reason.APPROVAL_REQUIRED), None, proposal, refusal, held)
