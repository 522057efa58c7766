"""R16: who else writes the target. What was taken back is remembered in status; other objects come with the inputs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import Revert, ScaleEvent
from deadband.core.types import Inputs, Target

WINDOW = timedelta(minutes=10)
"""So many reverts within it are a contest, and it is over when so long nothing was restored."""

CONTESTED_FROM = 3
"""Fewer are a person who scales by hand."""

MOST_REVERTS = 20
"""Nothing in status grows without bound, however many names write the target."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Somebody else writes the target.

    Attributes:
        clause: For the sentence, such as `ScalingPolicy web writes the same target`.
        until: When deadband acts again by itself; None while that is up to another object.
    """

    clause: str
    until: datetime | None = None


def remember_reverts(inputs: Inputs) -> tuple[Revert, ...]:
    """The reverts that still matter, with the one that this evaluation sees, oldest first.

    A new generation of the spec begins anew (R16), and a dry run writes nothing that could be taken back. Of each
    field manager those count that lie within 10 minutes up to its latest, for 10 minutes from that: so a contest ends
    10 minutes after the last revert, not when the first one is that old.
    """
    if inputs.spec.mode is PolicyMode.DRY_RUN:
        return ()
    status, now = inputs.status, inputs.now
    known = status.reverts if status.observed_generation == inputs.generation else []
    seen = _taken_back(inputs, known)
    found = [*known, seen] if seen is not None else known
    latest = {revert.manager: revert.time for revert in found}
    kept = [
        revert
        for revert in found
        if now - latest[revert.manager] < WINDOW and latest[revert.manager] - revert.time < WINDOW
    ]
    over = _let_go(inputs, kept)
    return tuple([revert for revert in kept if revert.manager not in over][-MOST_REVERTS:])


def contest(inputs: Inputs, reverts: Sequence[Revert]) -> Contest | None:
    """Tell who contests the target: another object first, then whoever restored it too often; None when nobody does.

    Args:
        inputs: They name the object, if there is one.
        reverts: From `remember_reverts`.
    """
    if inputs.contested_by:
        return Contest(f"{inputs.contested_by} writes the same target")
    times = _contesting(reverts)
    last = next((revert for revert in reversed(reverts) if revert.manager in times), None)
    if last is None:
        return None
    clause = (
        f"{last.manager} restored {last.to} after deadband wrote {last.from_}, "
        f"{times[last.manager]} times in 10 minutes"
    )
    return Contest(clause, last.time + WINDOW)


def _contesting(reverts: Sequence[Revert]) -> dict[str, int]:
    """Managers that restored the target too often, and how often."""
    times = Counter(revert.manager for revert in reverts)
    return {manager: count for manager, count in times.items() if count >= CONTESTED_FROM}


def _let_go(inputs: Inputs, reverts: Sequence[Revert]) -> set[str]:
    """Managers in a contest that own the field no longer, by the managedFields of the target."""
    if not isinstance(inputs.target, Target):
        return set()
    owners = set(_named(inputs.target.writer))
    return {manager for manager in _contesting(reverts) if owners.isdisjoint(_named(manager))}


def _named(writer: str | None) -> list[str]:
    """The field managers that a writer's name joins; several can share a field by applying the same value."""
    return writer.split(" and ") if writer else []


def _taken_back(inputs: Inputs, known: Sequence[Revert]) -> Revert | None:
    """Our last write, when somebody else has put the value from before it in its place since the last evaluation.

    One write is taken back once: whoever moves the target to and fro while deadband holds contests nothing.
    """
    status, target = inputs.status, inputs.target
    if not isinstance(target, Target) or target.writer is None or not status.scale_events:
        return None
    last = status.scale_events[-1]
    if status.current_replicas != last.to or any(revert.time > last.time for revert in known):
        return None
    if target.replicas == last.to:
        # An HPA whose bounds we had brought together; the manifest cannot leave maxReplicas out.
        cap = target.autoscaled.apart if target.autoscaled is not None else None
        return Revert(time=inputs.now, manager=target.writer, from_=last.to, to=cap) if cap is not None else None
    if target.replicas not in _before(status.scale_events):
        return None
    return Revert(time=inputs.now, manager=target.writer, from_=last.to, to=target.replicas)


def _before(events: Sequence[ScaleEvent]) -> set[int]:
    """The values from before our writes, back to the last one that somebody else had set.

    A tool that restores its manifest every few minutes overwrites several steps of ours at once.
    """
    found = {events[-1].from_}
    for later, earlier in pairwise(reversed(events)):
        if earlier.to != later.from_:
            break
        found.add(earlier.from_)
    return found
