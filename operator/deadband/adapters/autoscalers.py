"""HorizontalPodAutoscalers: what one read tells, and the write of their bounds (R18, R19)."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from deadband.adapters.kube import FIELD_MANAGER, Json, Kube, Resource
from deadband.adapters.ownership import other_writer, owners
from deadband.adapters.scaled_objects import SCALED_OBJECTS
from deadband.api.originals import ORIGINAL_BOUNDS_ANNOTATION, OriginalBounds
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.autoscaler import Autoscaler, Rewrite
from deadband.ports import AutoscalerRead

logger = logging.getLogger(__name__)

AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")


class KubeAutoscalers:
    """ports.Autoscalers on the API server."""

    def __init__(self, kube: Kube) -> None:
        """Share the process's client."""
        self._kube = kube

    async def read(self, namespace: str, name: str) -> AutoscalerRead:
        """Read an HPA from the API server, past every cache.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say.
        """
        obj = await self._kube.get(AUTOSCALERS, namespace, name)
        return AutoscalerRead(autoscaler_from_object(obj), str(obj["metadata"]["resourceVersion"]))

    async def rewrite(self, namespace: str, name: str, rewrite: Rewrite, *, resource_version: str) -> Json:
        """Set both bounds and the annotation in one merge-patch, with the precondition and our field manager (R18).

        Raises:
            ConflictError: Somebody changed the HPA since it was read; nothing was written.
            GoneError, DeniedError, UnreachableError: As their names say.
        """
        originals = rewrite.originals and rewrite.originals.model_dump_json(exclude_none=True)
        body = {
            "metadata": {
                "resourceVersion": resource_version,
                "annotations": {ORIGINAL_BOUNDS_ANNOTATION: originals},
            },
            "spec": {"minReplicas": rewrite.low, "maxReplicas": rewrite.high},
        }
        return await self._kube.patch(AUTOSCALERS, namespace, name, body)


def autoscaler_from_object(obj: Mapping[str, Any]) -> Autoscaler:
    """Reduce a HorizontalPodAutoscaler of autoscaling/v2 to what the decision and the writer use.

    An annotation of ours that does not parse counts as none: what was there before is lost then, and the bounds that
    are found count as the owner's.
    """
    metadata, spec = obj["metadata"], obj["spec"]
    scales = spec["scaleTargetRef"]
    managed = metadata.get("managedFields") or ()
    return Autoscaler(
        # Not validated: it is the API server's own, and a form that we refuse in policies must not hide the object.
        scales=ScaleTargetRef.model_construct(
            api_version=scales.get("apiVersion") or "v1", kind=scales["kind"], name=scales["name"]
        ),
        low=int(spec.get("minReplicas", 1)),
        high=int(spec["maxReplicas"]),
        owner=_scaled_object(metadata),
        originals=_originals(metadata),
        own_low=_own_write(managed, "f:minReplicas"),
        own_high=_own_write(managed, "f:maxReplicas"),
        low_writer=other_writer(managed, "f:minReplicas"),
        high_writer=other_writer(managed, "f:maxReplicas"),
    )


def _scaled_object(metadata: Mapping[str, Any]) -> str | None:
    """The ScaledObject whose controller made this HPA, and makes it anew as it was (KEDA, "Scaling Deployments")."""
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") and str(owner.get("apiVersion", "")).startswith(f"{SCALED_OBJECTS.group}/"):
            return f"{owner['kind']} {owner['name']}"
    return None


def _originals(metadata: Mapping[str, Any]) -> OriginalBounds | None:
    text = (metadata.get("annotations") or {}).get(ORIGINAL_BOUNDS_ANNOTATION)
    if text is None:
        return None
    try:
        return OriginalBounds.model_validate_json(text)
    except ValidationError:
        where = {"namespace": metadata.get("namespace", ""), "object": metadata.get("name", "")}
        logger.warning("the annotation %s cannot be read, so it is ignored", ORIGINAL_BOUNDS_ANNOTATION, extra=where)
        return None


def _own_write(managed: Sequence[Mapping[str, Any]], field: str) -> datetime | None:
    """When our manager last wrote, if it owns the field alone; a plain patch has its own time, unlike one on /scale."""
    found = owners(managed, field)
    if len(found) != 1:
        return None
    owner = found[0]
    if (owner.get("manager"), owner.get("operation"), owner.get("subresource")) != (FIELD_MANAGER, "Update", None):
        return None
    return datetime.fromisoformat(owner["time"]) if "time" in owner else None
