"""What an object says of its pod template and its rollout, in any kind that says it as Deployments do."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_FAILED = frozenset({"ProgressDeadlineExceeded", "RolloutAborted"})


def pod_template(obj: Mapping[str, Any]) -> str | None:
    """What tells this pod template of this object from any other: a digest of both; None where there is none.

    The digest is of spec.template as the API server shows it, so it changes with the spec and before any controller has
    seen that. An object that was deleted and made again has another one: its pods are other pods.
    """
    spec = obj.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    if not isinstance(template, Mapping):
        return None
    told = [obj.get("metadata", {}).get("uid"), template]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def rollout_failed(status: Mapping[str, Any]) -> bool:
    """Whether the last rollout passed its progressDeadlineSeconds, or an Argo Rollout was aborted (R12)."""
    progressing = condition(status, "Progressing")
    return progressing is not None and progressing.get("status") == "False" and progressing.get("reason") in _FAILED


def rollout_finished(status: Mapping[str, Any]) -> bool:
    """Whether an Argo Rollout is fully promoted: pods of an old revision are only kept for their scaleDownDelaySeconds.

    Source: Argo Rollouts, status.stableRS and status.currentPodHash.
    """
    stable, current = status.get("stableRS"), status.get("currentPodHash")
    return isinstance(stable, str) and stable != "" and stable == current


def condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The condition of that type; None where the status has none, or conditions of another shape."""
    conditions = status.get("conditions")
    found = conditions if isinstance(conditions, list) else []
    return next((entry for entry in found if isinstance(entry, Mapping) and entry.get("type") == type_), None)
