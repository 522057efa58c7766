"""As much of KEDA as deadband sees of it: the kind ScaledObject. Nothing here scales."""

from typing import Any

SCALED_OBJECTS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def scaled_object(name: str, namespace: str, *, paused: bool = False) -> dict[str, Any]:
    """Return a ScaledObject on the Deployment of the same name."""
    annotations = {"autoscaling.keda.sh/paused": "true"} if paused else {}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": name}, "triggers": [{"type": "cron", "metadata": {}}]},
    }
