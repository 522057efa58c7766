"""The value sets whose rendered output is kept in golden/, and how to write it anew.

`python -m tests.chart.value_sets` (from the top of the repository) renders each set into golden/NAME.yaml; read the
difference before you commit it.
"""

from pathlib import Path
from typing import Any

from e2e.testbed.chart import render_text

GOLDEN = Path(__file__).parent / "golden"
_LEFT_OUT = ("# Source: deadband/templates/crds.yaml", "# Source: deadband/templates/dashboard.yaml")
NAMESPACE = "deadband-system"

VALUE_SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "namespaced": {"watchNamespaces": ["leadgen", "leadgen-staging"], "replicaCount": 1},
    "everything": {
        "replicaCount": 3,
        "image": {
            "repository": "registry.example/platform/deadband",
            "digest": "sha256:" + "0123456789abcdef" * 4,
            "pullPolicy": "Always",
        },
        "imagePullSecrets": [{"name": "registry-login"}],
        "fullnameOverride": "scaler",
        "lease": {"name": "scaler"},
        "log": {"format": "text", "level": "debug"},
        "alertmanager": {"urls": ["http://alertmanager-0.monitoring:9094", "http://alertmanager-1.monitoring:9094"]},
        "serviceAccount": {"name": "scaler-robot", "annotations": {"example.com/owner": "platform"}},
        "rbac": {
            "aggregateClusterRoles": True,
            "namespaceSelectors": True,
            "scaleTargets": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"]}],
        },
        "admissionPolicy": {"enabled": True, "plurals": {"argoproj.io/Rollout": "rollouts"}},
        "podAnnotations": {"example.com/scrape": "yes"},
        "podLabels": {"example.com/team": "platform"},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["ops"]}]}]
                }
            }
        },
        "topologySpread": "DoNotSchedule",
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "terminationGracePeriodSeconds": 60,
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "apiServerPorts": [6443],
            "metricSourcesTo": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "metricSourcePorts": [9090, 8428],
            "alertmanagersTo": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "alertmanagerPorts": [9094],
        },
        "service": {"labels": {"example.com/team": "platform"}, "annotations": {"example.com/docs": "runbook"}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring"}, "interval": "15s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "monitoring"}},
        "dashboard": {"enabled": True, "annotations": {"example.com/folder": "Platform"}},
        "metricSource": {
            "create": True,
            "url": "http://prometheus.monitoring:9090",
            "spec": {"staleAfterSeconds": 90, "auth": {"type": "Bearer", "secretName": "prometheus-token"}},
            "secretNames": ["prometheus-token", "prometheus-ca"],
        },
    },
    "crds-off": {"crds": {"enabled": False}, "podMonitor": {"enabled": True}, "networkPolicy": {"enabled": True}},
    "bring-your-own-rights": {
        "crds": {"enabled": False},
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "existing"},
        "podDisruptionBudget": {"enabled": False},
        "topologySpread": "",
    },
}


def rendered(name: str) -> str:
    """Render one set without the CRDs and the dashboard: they have tests of their own and would drown the rest."""
    documents = render_text(VALUE_SETS[name], NAMESPACE).removeprefix("---\n").split("\n---\n")
    return "\n---\n".join(document for document in documents if not document.startswith(_LEFT_OUT))


def main() -> None:
    """Write every golden file anew."""
    for name in VALUE_SETS:
        path = GOLDEN / f"{name}.yaml"
        path.write_text(rendered(name))


if __name__ == "__main__":
    main()
