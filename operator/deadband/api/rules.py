"""Every contradiction that a shape cannot express, once: as CEL for the API server and as Python for the operator."""

from typing import Any

from deadband.api.direction_rules import DIRECTION_RULES
from deadband.api.metricsource import MetricSourceSpec, RawQueries
from deadband.api.policy_rules import POLICY_RULES
from deadband.api.rule import Rule, when


def _not_yet(field: str, attribute: str) -> Rule[MetricSourceSpec]:
    """A field that the API already has and this version does not honor: refused, never ignored."""
    return Rule(
        MetricSourceSpec,
        field,
        f"{field} is not supported yet: remove it",
        f"!has(self.{field})",
        lambda spec: when(getattr(spec, attribute) is not None, field),
    )


SOURCE_RULES: tuple[Rule[Any], ...] = (
    _not_yet("auth", "auth"),
    _not_yet("tls", "tls"),
    _not_yet("allowedNamespaces", "allowed_namespaces"),
    Rule(
        MetricSourceSpec,
        "rawQueries",
        "NamespaceEnforced is not supported yet: choose Allowed or Denied",
        "self.rawQueries != 'NamespaceEnforced'",
        lambda spec: when(spec.raw_queries is RawQueries.NAMESPACE_ENFORCED, "rawQueries"),
    ),
)

RULES: tuple[Rule[Any], ...] = (*POLICY_RULES, *DIRECTION_RULES, *SOURCE_RULES)
"""All of them; within one model in the order in which faults are told."""
