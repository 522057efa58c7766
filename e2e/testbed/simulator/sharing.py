"""The arithmetic of the simulation: load shared over pods, and a queue that is filled and drained."""

from __future__ import annotations

import math
from collections.abc import Sequence


def share(total: float, caps: Sequence[float]) -> list[float]:
    """Share ``total`` evenly; what one cannot take beyond its cap goes to the others.

    Returns one share per cap, in order. Their sum is ``total``, or the sum of the caps where that is less; a cap may be
    ``math.inf``. Without any cap there is nobody to share among.
    """
    shares = [0.0] * len(caps)
    rest = total
    for sharers, index in zip(range(len(caps), 0, -1), sorted(range(len(caps)), key=caps.__getitem__), strict=True):
        shares[index] = min(caps[index], rest / sharers)
        rest -= shares[index]
    return shares


def drain(depth: float, arrivals: float, capacity: float, seconds: float) -> tuple[float, float]:
    """Let a queue be filled with ``arrivals`` and drained with at most ``capacity`` (both per second) for ``seconds``.

    Returns the depth afterwards, never below 0, and the throughput per second (what was really taken out).
    """
    available = depth + arrivals * seconds
    taken = min(available, capacity * seconds)
    return available - taken, taken / seconds


def ratio_percent(used: float, of: float) -> float | None:
    """Return ``used`` in percent of ``of``; None where there is nothing to be a percent of."""
    return None if math.isclose(of, 0) else 100 * used / of
