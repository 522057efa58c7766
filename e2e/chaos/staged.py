"""Which faults of the scenario table F1 to F32 are staged, and why the others are not."""

from collections.abc import Mapping

from e2e.chaos.lanes import LANES
from e2e.chaos.storms import STORMS
from e2e.chaos.storms.neighbors import previous_version

SCENARIOS = tuple(f"F{number}" for number in range(1, 33))
STAGED = frozenset(fault.id for fault in (*LANES, *STORMS))


def _not_staged() -> dict[str, str]:
    reasons = {}
    if not previous_version():
        reasons["F30"] = "this checkout has no history with a version before this one"
    return reasons


NOT_STAGED: Mapping[str, str] = _not_staged()
"""By scenario: why not."""
