"""How policies stand, from their objects: what needs attention first, and one row for each. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from deadband.api.conditions import ConditionType, Reason
from deadband.api.scalingpolicy import PolicyMode
from deadband.api.status import ScalingPolicyStatus
from deadband.core.types import Pause
from deadband.engine.records import read_pause

STATES = (
    "Stalled",
    "Contested",
    "ActionRequired",
    "NoMetrics",
    "Flapping",
    "Unseen",
    "Limited",
    "Paused",
    "DryRun",
    "Active",
)
"""By how soon a person should look."""

_BY_CONDITION = (
    (ConditionType.STALLED, "True", "Stalled"),
    (ConditionType.TARGET_CONTESTED, "True", "Contested"),
    (ConditionType.ACTION_REQUIRED, "True", "ActionRequired"),
    (ConditionType.METRICS_AVAILABLE, "False", "NoMetrics"),
    (ConditionType.FLAPPING, "True", "Flapping"),
    (ConditionType.SCALING_LIMITED, "True", "Limited"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One policy.

    Attributes:
        namespace, name: Which one.
        state: One of STATES.
        target: kind/name; empty without one.
        current, desired: Replicas; None without a target or before the first evaluation.
        values: Every metric against its thresholds.
        reason: Of the last decision; empty before the first.
        sentence: The last decision in words.
    """

    namespace: str
    name: str
    state: str
    target: str
    current: int | None
    desired: int | None
    values: str
    reason: str
    sentence: str

    @property
    def urgency(self) -> tuple[int, str, str]:
        """Sorts what needs attention first."""
        return STATES.index(self.state), self.namespace, self.name

    def as_json(self) -> dict[str, Any]:
        """Plain data, as it is printed for machines."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "state": self.state,
            "target": self.target,
            "currentReplicas": self.current,
            "desiredReplicas": self.desired,
            "metrics": self.values,
            "reason": self.reason,
            "sentence": self.sentence,
        }


def status_of(obj: Mapping[str, Any]) -> ScalingPolicyStatus:
    """The status that an object carries; an empty one where it carries none that can be read."""
    try:
        return ScalingPolicyStatus.model_validate(obj.get("status") or {})
    except ValidationError:
        return ScalingPolicyStatus()


def standing(obj: Mapping[str, Any]) -> Standing:
    """How one policy stands."""
    status, metadata = status_of(obj), obj["metadata"]
    decision = status.decision
    return Standing(
        namespace=metadata["namespace"],
        name=metadata["name"],
        state=_state(obj, status),
        target=status.target or "",
        current=status.current_replicas,
        desired=status.desired_replicas,
        values=status.metrics_summary or "",
        reason=decision.reason if decision else "",
        sentence=decision.sentence if decision else "The operator has not evaluated it yet.",
    )


def _state(obj: Mapping[str, Any], status: ScalingPolicyStatus) -> str:
    # At its minimum is where an idle policy rests: nobody needs to look.
    holds = {(one.type, one.status) for one in status.conditions if one.reason != Reason.AT_MINIMUM}
    found = [state for type_, value, state in _BY_CONDITION if (type_.value, value) in holds]
    if status.observed_generation != obj["metadata"].get("generation"):
        found.append("Unseen")
    if read_pause(obj["metadata"].get("annotations") or {}) is not Pause.NOTHING:
        found.append("Paused")
    if (obj.get("spec") or {}).get("mode") == PolicyMode.DRY_RUN:
        found.append("DryRun")
    return min(found, key=STATES.index, default="Active")
