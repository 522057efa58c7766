"""Which faults of the scenario table F1 to F32 are staged, and why the others are not."""

from collections.abc import Mapping

from e2e.chaos.fault import Fault
from e2e.chaos.lanes import LANES
from e2e.chaos.storms import STORMS
from e2e.chaos.storms.neighbors import previous_version

SCENARIOS: Mapping[str, str] = {
    "F1": "killed after a write, or its answer lost",
    "F2": "SIGTERM in the middle of a write",
    "F3": "the API server is restarted, fails, breaks off or is silent",
    "F4": "the API server is away for 2 min",
    "F5": "etcd is stopped",
    "F6": "what a watch would go on from is compacted (410)",
    "F7": "a watch ends with ERROR 500",
    "F8": "401, and a new token",
    "F9": "403: the rights are taken away",
    "F10": "watches are silent, with their connections open",
    "F11": "events are lost, late, twice or out of order",
    "F12": "the event of a deletion is lost",
    "F13": "reads and lists show the past",
    "F14": "409 and 422 on writes",
    "F15": "429 with Retry-After",
    "F16": "a slow API server",
    "F17": "two operators; the leader is cut off or frozen",
    "F18": "wrong clocks",
    "F19": "Prometheus is away, fails, refuses or is silent",
    "F20": "Prometheus answers nonsense",
    "F21": "Prometheus is restarted, counters begin anew",
    "F22": "a GitOps tool reverts the replicas",
    "F23": "another autoscaler on the same target",
    "F24": "rollouts, pauses, and pods that cannot be had",
    "F25": "the namespace is deleted",
    "F26": "the CRDs are deleted and made again",
    "F27": "the operator is uninstalled, then everything deleted",
    "F28": "a fleet, and a restart",
    "F29": "policies that turn invalid",
    "F30": "another version before and after",
    "F31": "a storm of changes",
    "F32": "full disk, nowhere to write, out of memory",
}
"""By id: the fault, in words."""

STAGED = frozenset(fault.id for fault in (*LANES, *STORMS))

ELSEWHERE: Mapping[str, str] = {
    "F20": "what answers of every size may cost: `tests/adapters/`, with real HTTP servers",
    "F23": "a ScaledObject: `e2e/test_contest.py`",
    "F24": "pods that stay unschedulable: `e2e/test_room.py`",
    "F28": "5,000 policies: `make bench`",
    "F29": "mutations of every field: `e2e/test_crds.py` and `e2e/test_hostile.py`",
    "F32": "the end of a process that is out of memory is SIGKILL: F1",
}
"""By id: what of a scenario other tests show."""


def _not_asked(fault: Fault) -> dict[str, str]:
    found = dict(fault.excused)
    if not fault.settles:
        found["O1 to O3 and O6"] = "nothing of the play is left at the end"
    elif not fault.twin:
        found["O1 and O2"] = "it is not meant to end as the twin does"
    for one, why in fault.differs.items():
        found[f"O1 on {one}"] = why
    return found


NOT_ASKED: Mapping[str, Mapping[str, str]] = {fault.name: _not_asked(fault) for fault in (*LANES, *STORMS)}
"""By name of a fault: the oracles that the fault itself breaks, and why."""


def _not_staged() -> dict[str, str]:
    reasons = {}
    if not previous_version():
        reasons["F30"] = "this checkout has no history with a version before this one"
    return reasons


NOT_STAGED: Mapping[str, str] = _not_staged()
"""By id: why not."""
