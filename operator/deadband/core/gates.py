"""R15, R14, R16, R13: who else must agree before a number is written."""

from deadband.api.behavior import Mode
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import Way
from deadband.core import proposals
from deadband.core.contest import Contest
from deadband.core.decision import Bounds, Gated, Move
from deadband.core.types import Inputs, Pause


def gate(
    inputs: Inputs,
    move: Move,
    *,
    replicas: int,
    bounds: Bounds,
    contest: Contest | None,
    pending: frozenset[Way],
) -> Gated:
    """Ask the gates in their order: paused, dry run, contested, manual.

    Args:
        inputs: The annotations and the mode.
        move: What the rules before ask for.
        replicas: n.
        bounds: After overrides.
        contest: Who else writes the target; None when nobody does.
        pending: Directions that were due and are not known to be over.
    """
    way = _way(move, replicas)
    dry = inputs.spec.mode is PolicyMode.DRY_RUN
    if way is None:
        asking = frozenset(each for each in pending if asks_first(inputs, each) and not _paused(inputs, each))
        return Gated(move, None) if dry else proposals.wait(inputs, move, pending=asking)
    asked = move.asks(replicas)
    if _paused(inputs, way):
        return _pause(inputs, move, asked=asked)
    if asked and contest is not None and not dry:
        held = f"; {contest.clause}, so the change to {move.replicas} is left to it"
        return Gated(move.held("R16", Reason.TARGET_CONTESTED), None, held_back=held)
    if asks_first(inputs, way):
        if dry:
            held = "; a person would have to approve it" if asked else ""
            return Gated(move.held("R13", Reason.APPROVAL_REQUIRED) if asked else move, None, held_back=held)
        return proposals.manual(inputs, move, way, replicas=replicas, bounds=bounds)
    return Gated(move, move.replicas if asked else None)


def _pause(inputs: Inputs, move: Move, *, asked: bool) -> Gated:
    """R15: neither a change nor a proposal."""
    if not asked and inputs.target is not None:
        return Gated(move, None)
    what = f"the change to {move.replicas}" if inputs.target is not None else "the proposal"
    held = f"; the annotation deadband.dev/paused holds {what} back"
    return Gated(move.held("R15", Reason.PAUSED), None, held_back=held)


def _paused(inputs: Inputs, way: Way) -> bool:
    return inputs.pause in (Pause.BOTH, Pause.UP if way is Way.UP else Pause.DOWN)


def asks_first(inputs: Inputs, way: Way) -> bool:
    """Whether a person is asked: by a Manual direction, and by any of a policy that has nothing to scale."""
    direction = inputs.spec.up if way is Way.UP else inputs.spec.down
    return direction.mode is Mode.MANUAL or inputs.target is None


def _way(move: Move, replicas: int) -> Way | None:
    """The direction the gates ask about: where the number goes, else the direction that is due."""
    if move.replicas > replicas:
        return Way.UP
    if move.replicas < replicas or move.pins:
        return Way.DOWN
    return move.way
