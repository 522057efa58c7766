"""The oracles: what must hold after every fault. Each takes recorded facts and returns what is wrong, in sentences."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from e2e.chaos.account import Account, Reading, Scale, last_before, logged_scales
from e2e.chaos.exchanges import Exchange
from e2e.chaos.play import ABOVE, BELOW, DOWN_COOLDOWN_SECONDS, HIGH, INTERVAL_SECONDS, LOW, STEP, UP_COOLDOWN_SECONDS
from e2e.chaos.supervisor import Exit

FRESH_SECONDS = INTERVAL_SECONDS + 1.0
"""A scale write rests on a reading that is not older than this, plus what the fault slowed down."""

UNQUIET = frozenset({"leases", "metricsources/status"})
"""What is written even when nothing happens."""

Wrong = list[str]


def same_end(end: Mapping[str, Any], twin: Mapping[str, Any]) -> Wrong:
    """O1: the run without the fault ended in the same state."""
    return [
        f"O1: {field} is {end.get(field)!r}, and {twin[field]!r} without the fault"
        for field in twin
        if end.get(field) != twin[field]
    ]


def no_more_writes(scales: Sequence[Scale], twin: Sequence[Scale]) -> Wrong:
    """O2: no more scale writes than without the fault."""
    if len(scales) <= len(twin):
        return []
    shown = ", ".join(f"{one.before} to {one.after}" for one in scales)
    return [f"O2: {len(scales)} scale writes ({shown}), {len(twin)} without the fault"]


def within_limits(scales: Sequence[Scale], *, low: int = LOW, high: int = HIGH) -> Wrong:
    """O3: every write is within the bounds, one step from the last, and decided after the cooldown.

    Args:
        scales: Of one lane.
        low, high: The bounds.
    """
    wrong = []
    for index, one in enumerate(scales):
        if not low <= one.after <= high:
            wrong.append(f"O3: {one.after} is outside of {low} to {high}")
        if abs(one.after - one.before) != STEP:
            wrong.append(f"O3: a step from {one.before} to {one.after}")
        quiet = UP_COOLDOWN_SECONDS if one.up else DOWN_COOLDOWN_SECONDS
        counted = [earlier.decided for earlier in scales[:index] if earlier.up or not one.up]
        waited = one.decided - max(counted, default=float("-inf"))
        if not waited >= quiet:  # a write that asked nothing waited no number of seconds
            wrong.append(f"O3: {one.before} to {one.after} after {waited:.1f} s of a cooldown of {quiet} s")
    return wrong


def justified(scales: Sequence[Scale], readings: Sequence[Reading], *, slack: float = 0.0) -> Wrong:
    """O3: every write rests on the last reading before it, which is fresh and outside of the band on the write's side.

    Args:
        scales: Of one lane.
        readings: Of the same lane; one that something befell has no value.
        slack: By how many seconds the fault may delay a write after its reading.
    """
    wrong = []
    for scale in scales:
        last = last_before(readings, scale.asked)
        if last is None or last.value is None:
            wrong.append(f"O3: {scale.before} to {scale.after} with no reading before it")
            continue
        old = scale.asked - last.at + last.age
        if old > FRESH_SECONDS + slack:
            wrong.append(f"O3: {scale.before} to {scale.after} on a reading that is {old:.1f} s old")
        if not (last.value > ABOVE if scale.up else last.value < BELOW):
            wrong.append(f"O3: {scale.before} to {scale.after} on a load of {last.value}")
    return wrong


def logged(accounts: Iterable[Account], log: str) -> Wrong:
    """O3: every write whose answer came through was logged with its decision, and nothing else was."""
    said = logged_scales(log)
    wrong = []
    for account in accounts:
        told = [(one.before, one.after) for one in account.scales if one.told]
        lines = [(before, after) for name, before, after in said if name == account.lane]
        if lines != told:
            wrong.append(f"O3: {account.lane}: the log tells of {lines}, the API server took {told}")
    return wrong


def sound(log: str, exits: Sequence[Exit], *, expected: Collection[int] = ()) -> Wrong:
    """O4: no traceback, and no end of the process but those the fault is meant to bring about."""
    wrong = ["O4: a traceback in the log"] if "Traceback" in log else []
    return wrong + [f"O4: the process ended with {one.code}" for one in exits if one.code not in expected]


def one_writer(calls: Iterable[Exchange]) -> Wrong:
    """O5: whoever writes a scale or a status holds the Lease, by the last record that was taken before.

    Args:
        calls: Of all operators; the holder in the Lease begins with the name of the operator's proxy.
    """
    wrong, holder = [], ""
    for one in sorted((one for one in calls if one.taken and one.writes), key=lambda one: one.answered):
        if one.resource == "leases":
            holder = str((one.body.get("spec") or {}).get("holderIdentity") or "")
        elif one.resource.endswith(("/scale", "/status")) and not holder.startswith(f"{one.through}_"):
            wrong.append(f"O5: {one.through} wrote {one.resource} of {one.name} while {holder or 'nobody'} led")
    return wrong


def quiet(calls: Iterable[Exchange], *, since: float) -> Wrong:
    """O6: nothing is written when nothing happens, but the Lease and the figures of a source."""
    return [
        f"O6: {one.verb} {one.resource} {one.name} {one.at - since:.1f} s into the quiet time"
        for one in calls
        if one.writes and one.at >= since and one.resource not in UNQUIET
    ]


def nothing_forbidden(calls: Iterable[Exchange]) -> Wrong:
    """O7: the API server refused nothing for want of a right; a namespace that goes refuses whoever asks."""
    return [
        f"O7: {one.verb} {one.resource} {one.name} was forbidden"
        for one in calls
        if one.upstream == 403 and b'"NamespaceTerminating"' not in one.answer
    ]
