"""Sound documents of both kinds, and what a case changes in them."""

import copy
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

ABSENT = object()
"""A change to this removes the key."""

_POLICY: Document = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
    "minReplicas": 2,
    "maxReplicas": 20,
    "metrics": [{"name": "cpu", "resource": {"name": "cpu", "of": "Requests"}}],
    "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}]},
    "scaleDown": {"allOf": [{"metric": "cpu", "below": 20}]},
}

_SOURCE: Document = {"url": "http://prometheus.monitoring:9090"}


def policy(**changes: Any) -> Document:
    """A ScalingPolicy with other fields in its spec."""
    return _document("ScalingPolicy", _POLICY, changes)


def source(**changes: Any) -> Document:
    """A MetricSource with other fields in its spec."""
    return _document("MetricSource", _SOURCE, changes)


def _document(kind: str, spec: Document, changes: Document) -> Document:
    changed = {key: value for key, value in {**spec, **changes}.items() if value is not ABSENT}
    return {"apiVersion": "deadband.dev/v1alpha1", "kind": kind, "spec": copy.deepcopy(changed)}


def named(document: Document, name: str) -> Document:
    """The same document with a name, ready to be applied."""
    return {**document, "metadata": {"name": name}}


def metric(name: str = "cpu", **recipe: Any) -> Document:
    """A metric; of raw PromQL unless a recipe is given."""
    return {"name": name, **(recipe or {"query": f"max({name})"})}


def step(**keys: Any) -> Document:
    """Changes of a policy that give the up direction a step."""
    return {"scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}], "step": keys}}


WHOLE_FLOATS = policy(minReplicas=2.0, scaleUp={"anyOf": [{"metric": "cpu", "above": 70.0}]})
"""Accepted from a file, where kubectl makes integers of them; refused as JSON, by CEL's types."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A manifest that must be refused.

    Attributes:
        case: The case as a sentence.
        document: The manifest, without metadata.
        field: Path that deadband names.
        fault: Part of deadband's message for that path.
        server: Part of the API server's message where it words a fault itself; None: the fault.
        server_field: Path that the API server names where it cannot be as exact; None: the field.
    """

    case: str
    document: Document
    field: str
    fault: str
    server: str | None = None
    server_field: str | None = None


@dataclass(frozen=True, slots=True)
class Good:
    """A manifest that must be accepted; `case` is a sentence."""

    case: str
    document: Document
