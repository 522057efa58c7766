"""Targets of any kind with the scale subresource: what its scale and the object's own status tell (ADR 26)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deadband.adapters.discovery import Discovery
from deadband.adapters.kube import FIELD_MANAGER, Json, Kube
from deadband.adapters.ownership import other_writer
from deadband.adapters.rollouts import pod_template, rollout_failed, rollout_finished
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import Target
from deadband.ports import DeniedError, GoneError, Workload

_GRANT = "the chart grants it with rbac.scaleTargets"


class AnyKind:
    """Reads and scales objects of kinds that are found by discovery."""

    def __init__(self, kube: Kube) -> None:
        """Share the process's client."""
        self._kube = kube
        self._discovery = Discovery(kube)

    async def read(self, namespace: str, ref: ScaleTargetRef) -> Workload:
        """Read the target's scale and the object itself from the API server.

        Raises:
            GoneError: Reason TargetNotFound or TargetNotScalable.
            DeniedError, UnreachableError: As their names say.
        """
        resource = await self._discovery.scalable(ref)
        try:
            scale = await self._kube.get(resource, namespace, ref.name, subresource="scale")
            obj = await self._kube.get(resource, namespace, ref.name)
        except GoneError as error:
            self._discovery.doubt(ref)
            raise GoneError(
                Reason.TARGET_NOT_FOUND,
                f"{ref.kind} {ref.name} does not exist in namespace {namespace}; create it, or correct "
                "spec.scaleTargetRef",
            ) from error
        except DeniedError as error:
            raise DeniedError(error.reason, f"{error}; {_GRANT}") from error
        return workload_from_scale(scale, obj)

    async def scale(self, namespace: str, ref: ScaleTargetRef, body: Json) -> None:
        """Merge-patch the target's scale.

        Raises:
            ConflictError, GoneError, DeniedError, UnreachableError: As their names say.
        """
        resource = await self._discovery.scalable(ref)
        try:
            await self._kube.patch(resource, namespace, ref.name, body, subresource="scale")
        except DeniedError as error:
            raise DeniedError(error.reason, f"{error}; {_GRANT}") from error


def workload_from_scale(scale: Mapping[str, Any], obj: Mapping[str, Any]) -> Workload:
    """Reduce a scale (autoscaling/v1) and its object to the facts that the decision uses.

    What the object shows under the names that Deployments have (status.readyReplicas, availableReplicas,
    updatedReplicas; spec.paused, spec.replicas) means what it means there. Where it shows none: as many pods are ready
    as the scale's status counts, all of them are available, and no rollout is known of. Pods that an Argo Rollout keeps
    for scaleDownDelaySeconds after it was fully promoted are no rollout.

    Args:
        scale: As the subresource answers; the precondition of the write is its version.
        obj: The object as the API server sends it.
    """
    replicas = int(scale.get("spec", {}).get("replicas", 0))
    spec, status = _mapping(obj.get("spec")), _mapping(obj.get("status"))
    managed = obj.get("metadata", {}).get("managedFields") or ()
    counted = int(scale.get("status", {}).get("replicas", 0))
    ready = min(_count(status, "readyReplicas", counted), replicas)
    created = _count(status, "replicas", counted)
    failed = rollout_failed(status)
    over = failed or rollout_finished(status)
    return Workload(
        target=Target(
            replicas=replicas,
            ready=ready,
            available=_count(status, "availableReplicas", ready),
            rollout_in_progress=_count(status, "updatedReplicas", created) < created and not over,
            rollout_failed=failed,
            paused=spec.get("paused") is True,
            own_write=_own_write(managed),
            writer=other_writer(managed, "f:replicas"),
            template=pod_template(obj),
        ),
        resource_version=str(scale.get("metadata", {}).get("resourceVersion", "")),
        selector=str(scale.get("status", {}).get("selector") or ""),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(status: Mapping[str, Any], key: str, otherwise: int) -> int:
    """A count of the object's own status, if it is one: the schema of a foreign kind may mean anything by a name."""
    value = status.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _own_write(managed: Sequence[Mapping[str, Any]]) -> datetime | None:
    """As `targets._own_write`, of a field whose path only the object's definition knows: what we own, nobody else may.

    Such an entry has no time of its own; the newest of all is the best that is known.
    """
    ours = [entry for entry in managed if _is_ours(entry)]
    if len(ours) != 1:
        return None
    owned = _paths(ours[0].get("fieldsV1", {}))
    if not owned or any(owned & _paths(entry.get("fieldsV1", {})) for entry in managed if entry is not ours[0]):
        return None
    times = [datetime.fromisoformat(entry["time"]) for entry in managed if "time" in entry]
    return max(times, default=None)


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return (entry.get("manager"), entry.get("operation"), entry.get("subresource")) == (
        FIELD_MANAGER,
        "Update",
        "scale",
    )


def _paths(fields: Mapping[str, Any], above: tuple[str, ...] = ()) -> frozenset[tuple[str, ...]]:
    """Every field that an entry of managedFields owns."""
    found: set[tuple[str, ...]] = set()
    for name, below in fields.items():
        path = (*above, name)
        found |= _paths(below, path) if below else {path}
    return frozenset(found)
