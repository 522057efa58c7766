"""A HorizontalPodAutoscaler as the decision and the writer see it: what its bounds mean, move to, and go back to."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from deadband.api.originals import MovedBound, OriginalBounds
from deadband.api.scalingpolicy import Bound, ScaleTargetRef
from deadband.core.types import Autoscaled, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """A HorizontalPodAutoscaler as one read of it showed it.

    Attributes:
        scales: The workload that it scales.
        low: spec.minReplicas, 1 where it is absent.
        high: spec.maxReplicas.
        owner: The KEDA ScaledObject that made it and sets its bounds back, as `ScaledObject web`; None for no such.
        originals: What deadband moved, from its annotation; None when it moved nothing.
        own_low: When deadband's field manager last wrote minReplicas; None when somebody else owns it.
        own_high: Likewise of maxReplicas.
        low_writer: The field manager that set minReplicas as it is; None when deadband did, or nobody ever.
        high_writer: Likewise of maxReplicas.
    """

    scales: ScaleTargetRef
    low: int
    high: int
    owner: str | None = None
    originals: OriginalBounds | None = None
    own_low: datetime | None = None
    own_high: datetime | None = None
    low_writer: str | None = None
    high_writer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What an HPA is to say.

    Attributes:
        low: spec.minReplicas.
        high: spec.maxReplicas, never below `low`.
        originals: The annotation; None removes it.
    """

    low: int
    high: int
    originals: OriginalBounds | None


def target_of(autoscaler: Autoscaler, workload: Target, moves: Bound) -> Target:
    """The target of a policy that names an HPA: n is the bound that moves, everything else is the workload's.

    Args:
        autoscaler: The HPA.
        workload: What it scales.
        moves: With Both, n is the floor as long as the two differ.

    Source: reference, section 3 ("HPA targets").
    """
    low, high = autoscaler.low, autoscaler.high
    written = {
        Bound.MIN_REPLICAS: [autoscaler.own_low],
        Bound.MAX_REPLICAS: [autoscaler.own_high],
        Bound.BOTH: [autoscaler.own_low, autoscaler.own_high],
    }[moves]
    times = [time for time in written if time is not None]
    return replace(
        workload,
        replicas=high if moves is Bound.MAX_REPLICAS else low,
        own_write=max(times) if len(times) == len(written) else None,
        writer=_writer(autoscaler, moves),
        autoscaled=Autoscaled(
            pods=workload.replicas,
            floor=low if moves is Bound.MAX_REPLICAS else None,
            cap=high if moves is Bound.MIN_REPLICAS else None,
            apart=high if moves is Bound.BOTH and low != high else None,
        ),
    )


def _writer(autoscaler: Autoscaler, moves: Bound) -> str | None:
    """Who else set what moves; of both bounds, whoever set one of them."""
    low, high = autoscaler.low_writer, autoscaler.high_writer
    return {Bound.MIN_REPLICAS: low, Bound.MAX_REPLICAS: high, Bound.BOTH: low or high}[moves]


def moved(autoscaler: Autoscaler, moves: Bound, to: int, *, policy: str, uid: str) -> Rewrite:
    """The HPA with the bound that moves at `to`, and what was there before kept.

    A bound that still has the value that deadband wrote keeps its original, whichever policy wrote it; one that
    somebody else changed since has that value as its original now.

    Args:
        autoscaler: As it was read for this write.
        moves: Which bound.
        to: Its new value; the decision has clamped it to the other bound.
        policy: Name of the policy.
        uid: Its UID.
    """
    before = autoscaler.originals or OriginalBounds(policy=policy, uid=uid)
    low, high = Bound.MIN_REPLICAS in parts(moves), Bound.MAX_REPLICAS in parts(moves)
    return Rewrite(
        low=to if low else autoscaler.low,
        high=to if high else autoscaler.high,
        originals=OriginalBounds(
            policy=policy,
            uid=uid,
            min_replicas=_remembered(before.min_replicas, autoscaler.low, to) if low else before.min_replicas,
            max_replicas=_remembered(before.max_replicas, autoscaler.high, to) if high else before.max_replicas,
        ),
    )


def restored(autoscaler: Autoscaler, *, kept: Collection[Bound]) -> Rewrite | None:
    """The HPA with its original bounds, as far as they are still deadband's; None when there is nothing to do (R19).

    Args:
        autoscaler: As it was read for this write.
        kept: MinReplicas, MaxReplicas: those that a policy still moves.
    """
    before = autoscaler.originals
    if before is None:
        return None
    low, give_low = _given_back(before.min_replicas, autoscaler.low, kept=Bound.MIN_REPLICAS in kept)
    high, _ = _given_back(before.max_replicas, autoscaler.high, kept=Bound.MAX_REPLICAS in kept)
    if low > high:  # the other bound was changed since, and only one of them is ours to move
        low, high = (high, high) if give_low else (low, low)
    left = before.model_copy(
        update={
            "min_replicas": before.min_replicas if Bound.MIN_REPLICAS in kept else None,
            "max_replicas": before.max_replicas if Bound.MAX_REPLICAS in kept else None,
        }
    )
    if left == before:
        return None
    return Rewrite(low=low, high=high, originals=left if left.min_replicas or left.max_replicas else None)


def parts(moves: Bound) -> frozenset[Bound]:
    """The single bounds that `moves` stands for: Both are two."""
    return frozenset({Bound.MIN_REPLICAS, Bound.MAX_REPLICAS}) if moves is Bound.BOTH else frozenset({moves})


def _remembered(before: MovedBound | None, stands: int, to: int) -> MovedBound:
    ours = before is not None and before.written == stands
    return MovedBound(original=before.original if before is not None and ours else stands, written=to)


def _given_back(moved: MovedBound | None, stands: int, *, kept: bool) -> tuple[int, bool]:
    """The bound after a restore, and whether it is ours to move."""
    if moved is None or kept or moved.written != stands:
        return stands, False
    return moved.original, True
