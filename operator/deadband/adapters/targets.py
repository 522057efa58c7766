"""Workloads: what one read of a target tells the decision, and the write on its /scale (R18)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deadband.adapters.kube import FIELD_MANAGER, Kube, Resource
from deadband.adapters.ownership import other_writer, owners
from deadband.adapters.rollouts import condition, pod_template, rollout_failed
from deadband.adapters.scalables import AnyKind
from deadband.adapters.selectors import selector_text
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import Target
from deadband.ports import Workload

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")

WORKLOADS: Mapping[tuple[str, str], Resource] = {
    (resource.api_version, resource.kind): resource for resource in (DEPLOYMENTS, STATEFUL_SETS)
}
"""By apiVersion and kind: those that are watched; any other kind is read when it is needed."""


class KubeTargets:
    """ports.Targets on the API server."""

    def __init__(self, kube: Kube) -> None:
        """Share the process's client."""
        self._kube = kube
        self._any_kind = AnyKind(kube)

    async def read(self, namespace: str, ref: ScaleTargetRef) -> Workload:
        """Read the target from the API server, past every cache.

        Raises:
            GoneError: Reason TargetNotFound, or TargetNotScalable for a kind that cannot be scaled.
            DeniedError, UnreachableError: As their names say.
        """
        resource = WORKLOADS.get((ref.api_version, ref.kind))
        if resource is None:
            return await self._any_kind.read(namespace, ref)
        return workload_from_object(await self._kube.get(resource, namespace, ref.name))

    async def scale(self, namespace: str, ref: ScaleTargetRef, replicas: int, *, resource_version: str) -> None:
        """Set spec.replicas through /scale with the precondition and our field manager (R18).

        Raises:
            ConflictError: Somebody changed the target since it was read; nothing was written.
            GoneError, DeniedError, UnreachableError: As their names say.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "spec": {"replicas": replicas}}
        resource = WORKLOADS.get((ref.api_version, ref.kind))
        if resource is None:
            await self._any_kind.scale(namespace, ref, body)
        else:
            await self._kube.patch(resource, namespace, ref.name, body, subresource="scale")


def workload_from_object(obj: Mapping[str, Any]) -> Workload:
    """Reduce a Deployment or StatefulSet to the facts that the decision uses.

    Args:
        obj: The object as the API server sends it, with its kind.

    Returns:
        Replicas from spec (1 when absent, as the API server defaults it) and counts from status; a count that the
        controller has not written yet is 0. `unschedulable` is never set: a workload's status does not tell it.
        `quota_exceeded` is known of Deployments only: of a StatefulSet it is told how many pods are not there.
    """
    metadata, spec, status = obj.get("metadata", {}), obj.get("spec", {}), obj.get("status", {})
    managed = metadata.get("managedFields", ())
    replicas, rolls_out = int(spec.get("replicas", 1)), _rolls_out(obj)
    return Workload(
        target=Target(
            replicas=replicas,
            ready=min(int(status.get("readyReplicas", 0)), replicas),
            available=int(status.get("availableReplicas", 0)),
            rollout_in_progress=rolls_out,
            rollout_failed=rollout_failed(status) and not rolls_out,
            paused=bool(spec.get("paused", False)),
            quota_exceeded=_quota_exceeded(status),
            own_write=_own_write(managed),
            writer=other_writer(managed, "f:replicas"),
            template=pod_template(obj),
        ),
        resource_version=str(metadata.get("resourceVersion", "")),
        selector=selector_text(spec.get("selector") or {}),
        uncreated=max(0, replicas - int(status.get("replicas", 0))) if obj.get("kind") == STATEFUL_SETS.kind else 0,
    )


def _rolls_out(obj: Mapping[str, Any]) -> bool:
    """Whether pods of two revisions are to be expected (R12).

    A spec that the controller has not seen yet may be a new revision, so it counts. Scaling alone does not: while pods
    of the same revision come up, updatedReplicas is below spec.replicas, but equal to status.replicas.
    """
    spec, status = obj.get("spec", {}), obj.get("status", {})
    if int(status.get("observedGeneration", 0)) < int(obj.get("metadata", {}).get("generation", 0)):
        return True
    if obj.get("kind") == STATEFUL_SETS.kind:
        return _stateful_set_rolls_out(spec, status)
    return _deployment_rolls_out(status)


def _deployment_rolls_out(status: Mapping[str, Any]) -> bool:
    """Read the Progressing condition; it keeps NewReplicaSetAvailable through a plain scaling.

    A rollout that passed its deadline is not in progress, however many pods of an old revision it left: it may stay so
    for days. There is none where progressDeadlineSeconds is at its maximum; then pods of an old revision tell.
    The moment of a Recreate rollout without any pod needs no mark of its own: nothing is available then.
    """
    if rollout_failed(status):
        return False
    if int(status.get("replicas", 0)) > int(status.get("updatedReplicas", 0)):
        return True
    progressing = condition(status, "Progressing")
    return progressing is not None and progressing.get("reason") != "NewReplicaSetAvailable"


def _stateful_set_rolls_out(spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Compare the revisions; a partitioned rollout counts for as long as its partition holds it.

    With OnDelete the controller never moves currentRevision forward (kubernetes#73492), so the pods tell there.
    """
    if status.get("currentRevision") == status.get("updateRevision"):
        return False
    if spec.get("updateStrategy", {}).get("type") == "OnDelete":
        return int(status.get("updatedReplicas", 0)) < int(status.get("replicas", 0))
    return True


def _quota_exceeded(status: Mapping[str, Any]) -> bool:
    failure = condition(status, "ReplicaFailure")
    return (
        failure is not None
        and failure.get("status") == "True"
        and failure.get("reason") == "FailedCreate"
        and "exceeded quota" in failure.get("message", "")
    )


def _own_write(managed: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When our manager last set the replicas through /scale, at the latest, if it still owns them alone.

    When somebody else applied the same value, nobody can tell whose it is now. The API server keeps no time for an
    entry that a write on /scale made (Kubernetes 1.37: ScaleHandler.ToParent takes the times of the workload's own
    entries alone). But the workload's controller answers every change of the spec with one of the status, and that
    entry has a time: the newest of all is never before our write, as soon as the controller has seen it.
    """
    found = owners(managed, "f:replicas")
    if len(found) != 1:
        return None
    owner = found[0]
    if (owner.get("manager"), owner.get("operation"), owner.get("subresource")) != (FIELD_MANAGER, "Update", "scale"):
        return None
    times = [owner["time"]] if "time" in owner else [entry["time"] for entry in managed if "time" in entry]
    return max(map(datetime.fromisoformat, times), default=None)
