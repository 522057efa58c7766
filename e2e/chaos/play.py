"""The play that every fault disturbs: a load rises until a policy has gone from 1 to 3, then falls until it is back.

It is small and its end does not depend on time: two steps up with a cooldown between them, two steps down after a
for-time, at last a load inside of the band.
"""

from collections.abc import Callable, Mapping
from typing import Any

from e2e.chaos.readings import COUNTER, SERIES
from e2e.testbed.policies import policy

INTERVAL_SECONDS = 5
LOW, HIGH = 1, 5
"""Bounds of the policy."""
STEP = 1
UP_COOLDOWN_SECONDS = 10
DOWN_FOR_SECONDS = 5
DOWN_COOLDOWN_SECONDS = 5
ABOVE, BELOW = 10, 4
"""Thresholds on the load of one replica."""

CALM = 7.0
"""Inside of the band with one replica."""
RISEN = 28.0
"""Inside of the band with three replicas, above it with fewer."""
FALLEN = 5.0
"""Inside of the band with one replica, below it with more."""
START, TOP, END = 1, 3, 1
"""Replicas before, after the rise, and after the fall."""


def lane_query(namespace: str, lane: str) -> str:
    """PromQL of one lane's load."""
    return f'{SERIES}{{namespace="{namespace}",lane="{lane}"}}'


def lane_rate(namespace: str, lane: str) -> str:
    """PromQL of one lane's load, made of a counter."""
    return f'rate({COUNTER}{{namespace="{namespace}",lane="{lane}"}}[5s])'


def lane_policy(
    namespace: str, lane: str, source: str, *, query: Callable[[str, str], str] = lane_query, **spec: Any
) -> dict[str, Any]:
    """The policy of one lane, on the Deployment of the same name.

    Args:
        namespace: Of both.
        lane: Name of both.
        source: Name of a MetricSource.
        query: Makes the PromQL of the lane's load.
        spec: Goes over the fields of the spec.
    """
    step = {"type": "Pods", "pods": STEP}
    load = {"name": "load", "query": query(namespace, lane), "per": "Replica", "source": source}
    whole: dict[str, Any] = {
        "minReplicas": LOW,
        "maxReplicas": HIGH,
        "intervalSeconds": INTERVAL_SECONDS,
        "metrics": [load],
        "scaleUp": {
            "anyOf": [{"metric": "load", "above": ABOVE}],
            "step": step,
            "limits": [],
            "cooldownSeconds": UP_COOLDOWN_SECONDS,
        },
        "scaleDown": {
            "allOf": [{"metric": "load", "below": BELOW}],
            "forSeconds": DOWN_FOR_SECONDS,
            "step": step,
            "limits": [],
            "cooldownSeconds": DOWN_COOLDOWN_SECONDS,
        },
    }
    return policy(lane, namespace, **whole | spec)


def end_state(shown: Mapping[str, Any], replicas: int) -> dict[str, Any]:
    """What two runs of the play must agree on: everything of a policy and its target but times, figures and sentences.

    Args:
        shown: The policy as the API server has it.
        replicas: spec.replicas of its target.
    """
    status: Mapping[str, Any] = shown.get("status") or {}
    return {
        "replicas": replicas,
        "spec": {
            key: value for key, value in (shown.get("spec") or {}).items() if key not in {"metrics", "scaleTargetRef"}
        },
        "currentReplicas": status.get("currentReplicas"),
        "desiredReplicas": status.get("desiredReplicas"),
        "lastScaleDirection": status.get("lastScaleDirection"),
        "failures": status.get("failures"),
        "reason": (status.get("decision") or {}).get("reason"),
        "metrics": [(one["name"], one["verdict"]) for one in status.get("metrics") or ()],
        "scaleEvents": [(one["from"], one["to"], one.get("cause")) for one in status.get("scaleEvents") or ()],
        "timers": {way: sorted(status.get(way) or {}) for way in ("scaleUp", "scaleDown")},
        "conditions": {one["type"]: (one["status"], one["reason"]) for one in status.get("conditions") or ()},
    }
