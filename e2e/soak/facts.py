"""What a soak came to, as plain facts: read from the audit log and from what the operators logged. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from e2e.chaos.exchanges import Exchange
from e2e.testbed.audit import caller

Key = tuple[str, str]
"""Namespace and name of a policy and of its target."""

_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_LEASE = "leases"
_TELLING = frozenset({_LEASE, "deployments/scale", "scalingpolicies/status"})
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scaling as an operator logged it.

    Attributes:
        key: Of the policy.
        evaluated: Unix time of the evaluation.
        at: Unix time of the line, right after the write.
        before, after: Replicas.
        reason, rule: Of the decision.
    """

    key: Key
    evaluated: float
    at: float
    before: int
    after: int
    reason: str
    rule: str

    @property
    def change(self) -> int:
        """Replicas added, negative when removed."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Write:
    """A scale write that the API server took.

    Attributes:
        key: Of the target.
        at: Unix time at which it was asked for.
        after: Replicas that were asked for.
    """

    key: Key
    at: float
    after: int


def exchanges(events: Iterable[Mapping[str, Any]], user: str) -> list[tuple[str, Exchange]]:
    """The writes of an operator in an audit log that matter to the oracles, and whatever was refused.

    Args:
        events: Of audit.k8s.io/v1, oldest first; those of Leases and scales with the request's body.
        user: The operators' name.

    Returns:
        Each with the id of the token it came with; times are Unix times.
    """
    found = []
    for event in events:
        reference = event.get("objectRef") or {}
        resource = "/".join(part for part in (reference.get("resource"), reference.get("subresource")) if part)
        code = (event.get("responseStatus") or {}).get("code", 0)
        if caller(event) != user or event["stage"] != "ResponseComplete":
            continue
        if code != _FORBIDDEN and (resource not in _TELLING or event["verb"] in {"get", "list", "watch"}):
            continue
        one = Exchange(
            at=_unix(event["requestReceivedTimestamp"]),
            verb=event["verb"],
            resource=resource,
            namespace=reference.get("namespace", ""),
            name=reference.get("name", ""),
            body=event.get("requestObject"),
            upstream=code,
            status=code,
            answered=_unix(event["stageTimestamp"]),
        )
        found.append((_credential(event), one))
    return found


def named(found: Iterable[tuple[str, Exchange]]) -> list[Exchange]:
    """The exchanges with the name of the operator each came from, as far as its token ever held the Lease."""
    told = list(found)
    names = {token: holder.partition("_")[0] for token, one in told if (holder := _holder(one))}
    for token, one in told:
        one.through = names.get(token, f"an operator that never led ({token})")
    return [one for _, one in told]


def writes(calls: Iterable[Exchange]) -> list[Write]:
    """The scale writes that were taken, oldest first."""
    return [
        Write((one.namespace, one.name), one.at, one.replicas)
        for one in calls
        if one.taken and one.replicas is not None
    ]


def scalings(log: str) -> list[Scaling]:
    """The scalings in a log of JSON lines, by the time of their evaluation; a line that was cut off is left out."""
    found = []
    for line in log.splitlines():
        if '"message": "scaled ' not in line:
            continue
        try:
            told = json.loads(line)
        except ValueError:
            continue
        key = told["namespace"], told["policy"]
        times = _unix(told["evaluated"]), _unix(told["time"])
        found.append(Scaling(key, *times, told["from"], told["to"], told["reason"], told["rule"]))
    return sorted(found, key=lambda one: one.evaluated)


def _holder(one: Exchange) -> str:
    if one.resource != _LEASE or not one.taken or not isinstance(one.body, dict):
        return ""
    return str((one.body.get("spec") or {}).get("holderIdentity") or "")


def _credential(event: Mapping[str, Any]) -> str:
    return ",".join(event["user"].get("extra", {}).get(_CREDENTIAL, []))


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
