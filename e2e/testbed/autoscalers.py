"""HorizontalPodAutoscalers as tests write them; without a metrics API they do nothing but keep their bounds."""

from typing import Any


def autoscaler(
    name: str,
    namespace: str,
    low: int,
    high: int,
    *,
    scales: dict[str, Any] | None = None,
    owner: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an HPA of the Deployment of the same name.

    Args:
        name: Its own.
        namespace: It must exist.
        low: minReplicas.
        high: maxReplicas.
        scales: Another target than that Deployment.
        owner: An ownerReference.
    """
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner] if owner else []},
        "spec": {
            "scaleTargetRef": scales or {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                }
            ],
        },
    }
