"""What can be scaled, as it was last seen: watched workloads, HPAs with what they scale, kinds that no watch shows.

Beside them what else scales: KEDA may come and go, so its ScaledObjects are listed, not watched.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import AUTOSCALER_KIND, ScaleTargetRef, ScalingPolicySpec
from deadband.core.autoscaler import Autoscaler, target_of
from deadband.core.types import NoTarget, Target
from deadband.engine.records import AutoscalerRecord, WorkloadKey, WorkloadRecord, version_of
from deadband.ports import ScaledObject, Workload

WATCHED = frozenset({("apps", "Deployment"), ("apps", "StatefulSet")})
"""Workloads that a watch shows, by group and kind."""

STALE_AFTER = timedelta(minutes=5)
"""While the API server does not answer, an older sighting still counts for so long: as long as a watch may be deaf."""

FORGOTTEN_AFTER = timedelta(hours=2)
"""No policy waits longer than an hour between two evaluations: what was not looked at for so long, none names."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One read of a target that no watch shows.

    Attributes:
        seen: What it told.
        at: When.
    """

    seen: Workload | NoTarget
    at: datetime


class Pods(NamedTuple):
    """A workload, which may stand behind an HPA: its name and what was last seen of it."""

    reference: ScaleTargetRef
    workload: Workload


class Scalables:
    """Workloads by kind, namespace and name; HPAs by namespace and name."""

    def __init__(
        self,
        read_workload: Callable[[Mapping[str, Any]], Workload],
        read_autoscaler: Callable[[Mapping[str, Any]], Autoscaler],
    ) -> None:
        """Start empty; the arguments are those of the store."""
        self.workloads: dict[WorkloadKey, WorkloadRecord] = {}
        self.autoscalers: dict[tuple[str, str], AutoscalerRecord] = {}
        self._read_workload = read_workload
        self._read_autoscaler = read_autoscaler
        self._autoscaled: dict[WorkloadKey, set[str]] = {}
        self._scaled_objects: dict[WorkloadKey, str] = {}
        self._sighted: dict[WorkloadKey, _Sighting] = {}

    def target(self, namespace: str, spec: ScalingPolicySpec) -> Target | NoTarget | None:
        """A policy's target as it was last seen; None when the policy names none."""
        reference = spec.scale_target_ref
        if reference is None:
            return None
        if spec.moves is None:
            return _target(self._workload(namespace, reference, "correct spec.scaleTargetRef"))
        held = self.autoscalers.get((namespace, reference.name))
        if held is None:
            return _missing(namespace, reference, "correct spec.scaleTargetRef")
        hint = f"correct what {AUTOSCALER_KIND} {reference.name} scales"
        workload = self._workload(namespace, held.autoscaler.scales, hint)
        if isinstance(workload, NoTarget):
            return workload
        return target_of(held.autoscaler, workload.target, spec.moves)

    def pods(self, namespace: str, spec: ScalingPolicySpec) -> Pods | None:
        """Whose pods a policy's target is made of, as it was last seen; None where there is no such."""
        reference = self.measured(namespace, spec)
        held = self._workload(namespace, reference, "") if reference is not None else None
        return Pods(reference, held) if reference is not None and isinstance(held, Workload) else None

    def measured(self, namespace: str, spec: ScalingPolicySpec) -> ScaleTargetRef | None:
        """Whose pods a policy's target is made of: the workload, also where an HPA is in between."""
        reference = spec.scale_target_ref
        held = self.autoscalers.get((namespace, reference.name)) if reference is not None and spec.moves else None
        return held.autoscaler.scales if held is not None else reference

    def unwatched(self, namespace: str, spec: ScalingPolicySpec) -> ScaleTargetRef | None:
        """What must be read before the policy is decided, because no watch shows it; None where there is no such."""
        reference = self.measured(namespace, spec)
        if reference is None or reference.kind == AUTOSCALER_KIND or (reference.group, reference.kind) in WATCHED:
            return None
        return reference

    def sight(self, key: WorkloadKey, seen: Workload | NoTarget, *, now: datetime) -> None:
        """Keep what a read told."""
        self._sighted[key] = _Sighting(seen, now)

    def missed(self, key: WorkloadKey, why: NoTarget, *, now: datetime) -> None:
        """Note that the API server did not let the target be read: what was seen last counts for a while."""
        last = self._sighted.get(key)
        if last is None or now - last.at >= STALE_AFTER:
            self.sight(key, why, now=now)

    def forget_unnamed(self, *, now: datetime) -> None:
        """Drop what was not looked at for long: no policy names it any more."""
        self._sighted = {key: one for key, one in self._sighted.items() if now - one.at < FORGOTTEN_AFTER}

    def autoscalers_of(self, key: WorkloadKey) -> frozenset[str]:
        """Names of the HPAs that scale a workload."""
        return frozenset(self._autoscaled.get(key, ()))

    def hold_scaled_objects(self, found: Iterable[ScaledObject]) -> None:
        """Take in all of KEDA's ScaledObjects at once, in place of those that were held."""
        held: dict[WorkloadKey, str] = {}
        for one in sorted(found, key=lambda each: each.name, reverse=True):
            if not one.paused:
                held[WorkloadKey.of(one.scales, one.namespace)] = f"ScaledObject {one.name}"
        self._scaled_objects = held

    def scaled_object_of(self, key: WorkloadKey) -> str | None:
        """The ScaledObject on a workload: as listed, or as an HPA that it made names it, which a watch tells sooner."""
        made = (self.autoscalers[key.namespace, name].autoscaler for name in self._autoscaled.get(key, ()))
        owners = [autoscaler.owner for autoscaler in made if autoscaler.owner is not None]
        return self._scaled_objects.get(key) or min(owners, default=None)

    def note_scaled(self, namespace: str, reference: ScaleTargetRef, replicas: int, *, resource_version: str) -> None:
        """Show our own write before the watch does: the next evaluation must not take the old number for a revert.

        Args:
            namespace: Of the target.
            reference: What was written.
            replicas: As written.
            resource_version: Its precondition: what the watch still tells of that version, or of an older one, was
                before the write.
        """
        key = WorkloadKey.of(reference, namespace)
        held = self.workloads.get(key)
        if held is not None:
            version = max(held.version, version_of({"resourceVersion": resource_version}) + 1)
            self.workloads[key] = replace(held, version=version, workload=_scaled(held.workload, replicas))
        sighting = self._sighted.get(key)
        if sighting is not None and isinstance(sighting.seen, Workload):
            self._sighted[key] = replace(sighting, seen=_scaled(sighting.seen, replicas))

    def put_workload(self, kind: str, obj: Mapping[str, Any]) -> None:
        """Take a Deployment or StatefulSet in, unless it is older than what is known."""
        metadata = obj["metadata"]
        key = WorkloadKey(kind, metadata["namespace"], metadata["name"])
        previous = self.workloads.get(key)
        version = version_of(metadata)
        if previous is None or previous.uid != metadata["uid"] or version >= previous.version:
            self.workloads[key] = WorkloadRecord(metadata["uid"], version, self._read_workload(obj))

    def put_autoscaler(self, obj: Mapping[str, Any]) -> None:
        """Take an HPA in, unless it is older than what is known."""
        metadata = obj["metadata"]
        namespace, name, version = metadata["namespace"], metadata["name"], version_of(metadata)
        previous = self.autoscalers.get((namespace, name))
        if previous is not None and previous.uid == metadata["uid"] and version < previous.version:
            return
        self._forget_autoscaler(namespace, name)
        record = AutoscalerRecord(metadata["uid"], version, self._read_autoscaler(obj))
        self.autoscalers[namespace, name] = record
        self._autoscaled.setdefault(WorkloadKey.of(record.autoscaler.scales, namespace), set()).add(name)

    def remove_workload(self, kind: str, metadata: Mapping[str, Any]) -> None:
        """Drop a Deployment or StatefulSet, if it is still the one of this UID."""
        key = WorkloadKey(kind, metadata["namespace"], metadata["name"])
        held = self.workloads.get(key)
        if held is not None and held.uid == metadata["uid"]:
            del self.workloads[key]

    def remove_autoscaler(self, metadata: Mapping[str, Any]) -> None:
        """Drop an HPA, if it is still the one of this UID."""
        held = self.autoscalers.get((metadata["namespace"], metadata["name"]))
        if held is not None and held.uid == metadata["uid"]:
            self._forget_autoscaler(metadata["namespace"], metadata["name"])

    def identities(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """UID and the naming part of the metadata of everything that is held of a watched kind."""
        if kind == AUTOSCALER_KIND:
            for (namespace, name), autoscaler in self.autoscalers.items():
                yield autoscaler.uid, {"uid": autoscaler.uid, "namespace": namespace, "name": name}
            return
        for key, workload in self.workloads.items():
            if key.kind == kind:
                yield workload.uid, {"uid": workload.uid, "namespace": key.namespace, "name": key.name}

    def _workload(self, namespace: str, reference: ScaleTargetRef, hint: str) -> Workload | NoTarget:
        key = WorkloadKey.of(reference, namespace)
        if (key.group, key.kind) in WATCHED:
            held = self.workloads.get(key)
            return held.workload if held is not None else _missing(namespace, reference, hint)
        sighting = self._sighted.get(key)
        if sighting is None:
            return NoTarget(Reason.TIMEOUT, f"{reference.kind} {reference.name} was not read in time")
        return sighting.seen

    def _forget_autoscaler(self, namespace: str, name: str) -> None:
        record = self.autoscalers.pop((namespace, name), None)
        if record is None:
            return
        key = WorkloadKey.of(record.autoscaler.scales, namespace)
        others = self._autoscaled.get(key, set())
        others.discard(name)
        if not others:
            self._autoscaled.pop(key, None)


def _target(seen: Workload | NoTarget) -> Target | NoTarget:
    return seen.target if isinstance(seen, Workload) else seen


def _scaled(workload: Workload, replicas: int) -> Workload:
    target = workload.target
    return replace(workload, target=replace(target, replicas=replicas, ready=min(target.ready, replicas), writer=None))


def _missing(namespace: str, reference: ScaleTargetRef, hint: str) -> NoTarget:
    return NoTarget(
        Reason.TARGET_NOT_FOUND,
        f"{reference.kind} {reference.name} does not exist in namespace {namespace}; create it, or {hint}",
    )
