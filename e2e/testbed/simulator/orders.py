"""What the API server must say of pods and nodes so that it matches the simulated world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Orders:
    """The state that is wanted now, but for ``killed``, which is ordered once.

    Attributes:
        unready: Uids of pods whose readiness probe fails.
        killed: Pod uid and name of containers that end and start again.
        unreachable: Names of nodes whose kubelet has been silent for too long.
    """

    unready: frozenset[str] = frozenset()
    killed: frozenset[tuple[str, str]] = frozenset()
    unreachable: frozenset[str] = frozenset()
