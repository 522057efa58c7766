"""KEDA's ScaledObjects: what one read tells of who scales a workload."""

from collections.abc import Mapping
from typing import Any

from deadband.adapters.kube import Resource
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import ScaledObject

SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")

_PAUSED = "autoscaling.keda.sh/paused"
_PAUSED_AT = "autoscaling.keda.sh/paused-replicas"
_NOT_PAUSED = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""What Go's strconv.ParseBool takes for false; KEDA takes any other word as meant to pause."""


def scaled_object_from_object(obj: Mapping[str, Any]) -> ScaledObject:
    """Reduce a ScaledObject to what it scales and whether it does.

    Its target is a Deployment of apps/v1 unless it says otherwise. Paused without a number, KEDA deletes the HPA and
    writes nothing; paused at a number, it holds the workload there, so it does not count as paused here.

    Source: KEDA, scaledobject_types.go (NeedToBePausedByAnnotation) and scaledobject_controller.go.
    """
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    scales = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    return ScaledObject(
        namespace=metadata["namespace"],
        name=metadata["name"],
        # Not validated: it is KEDA's own, and a form that we refuse in policies must not hide the object.
        scales=ScaleTargetRef.model_construct(
            api_version=scales.get("apiVersion") or "apps/v1",
            kind=scales.get("kind") or "Deployment",
            name=scales.get("name") or "",
        ),
        paused=_PAUSED in annotations and annotations[_PAUSED] not in _NOT_PAUSED and _PAUSED_AT not in annotations,
    )
