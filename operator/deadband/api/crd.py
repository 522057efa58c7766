"""The kinds as CustomResourceDefinitions. Pure: `deadband.cli.generate` writes the files."""

from typing import Any

import yaml

from deadband.api import GROUP, VERSION
from deadband.api.metricsource import MetricSourceSpec, MetricSourceStatus
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.schema import Schema, structural
from deadband.api.status import ScalingPolicyStatus
from deadband.api.types import ApiModel

HEADER = "# Generated from operator/deadband/api by `make crds`; edits are lost.\n"


def crds() -> list[Schema]:
    """Every CustomResourceDefinition, as apiextensions.k8s.io/v1 objects."""
    return [_scaling_policies(), _metric_sources()]


def render(crd: Schema) -> str:
    """One definition as YAML, ready to be applied; the same object gives the same text."""
    return HEADER + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def file_name(crd: Schema) -> str:
    """Name of its file, such as ``deadband.dev_scalingpolicies.yaml``."""
    return f"{GROUP}_{crd['spec']['names']['plural']}.yaml"


class _Dumper(yaml.SafeDumper):
    """Writes shared parts out: an alias (`&id001`) reads badly in a manifest, and not every tool knows it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the parameter is PyYAML's
        return True


def _scaling_policies() -> Schema:
    return _crd(
        kind="ScalingPolicy",
        plural="scalingpolicies",
        short="spol",
        scope="Namespaced",
        description="Thresholds that one workload is scaled by, or that a person is alerted by.",
        spec=ScalingPolicySpec,
        status=ScalingPolicyStatus,
        columns=[
            _column("Target", "string", ".status.target", "What is scaled."),
            _column("Current", "integer", ".status.currentReplicas", "Replicas the target asks for."),
            _column("Desired", "integer", ".status.desiredReplicas", "Replicas the policy wants."),
            _column("Min", "integer", ".spec.minReplicas", "The floor."),
            _column("Max", "integer", ".spec.maxReplicas", "The ceiling."),
            _column("Metrics", "string", ".status.metricsSummary", "Readings and their thresholds."),
            _condition_column("Ready"),
            _column("Reason", "string", ".status.decision.reason", "Why the last decision is as it is."),
            _AGE,
        ],
    )


def _metric_sources() -> Schema:
    return _crd(
        kind="MetricSource",
        plural="metricsources",
        short="msrc",
        scope="Cluster",
        description="A Prometheus that policies may ask; written by administrators.",
        spec=MetricSourceSpec,
        status=MetricSourceStatus,
        columns=[
            _column("URL", "string", ".spec.url", "Where it is."),
            _column("Default", "boolean", ".spec.default", "Whether policies that name no source use it."),
            _column("Reachable", "boolean", ".status.reachable", "Whether the last query was answered."),
            _column("Version", "string", ".status.version", "What it says it is."),
            _AGE,
        ],
    )


def _column(name: str, kind: str, path: str, description: str) -> Schema:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


def _condition_column(condition: str) -> Schema:
    path = f'.status.conditions[?(@.type=="{condition}")].status'
    return _column(condition, "string", path, f"The condition {condition}.")


_AGE = _column("Age", "date", ".metadata.creationTimestamp", "Since when it exists.")


def _crd(  # noqa: PLR0913 - keywords only, each a part of the definition
    *,
    kind: str,
    plural: str,
    short: str,
    scope: str,
    description: str,
    spec: type[ApiModel],
    status: type[ApiModel],
    columns: list[Schema],
) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["deadband"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {
                        "openAPIV3Schema": {
                            "description": description,
                            "type": "object",
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                "spec": structural(spec),
                                "status": structural(status, defaults=False),
                            },
                            "required": ["spec"],
                        }
                    },
                }
            ],
        },
    }
