"""Everything that was watched, ready for the next evaluation.

Watch events fill it; a LIST every few minutes repairs it, because watches lose events (reference, K1).
Nothing here waits or calls out. Only the event loop of the engine touches it.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from deadband.api.conditions import Reason
from deadband.core.autoscaler import Autoscaler
from deadband.core.types import NoTarget, Target
from deadband.engine.records import (
    AutoscalerRecord,
    PolicyRecord,
    SourceRecord,
    WorkloadKey,
    WorkloadRecord,
    read_policy,
    read_source,
    version_of,
)
from deadband.ports import ScaledObject, Workload

Kind = Literal["ScalingPolicy", "MetricSource", "Deployment", "StatefulSet", "HorizontalPodAutoscaler"]

KINDS: tuple[Kind, ...] = ("ScalingPolicy", "MetricSource", "Deployment", "StatefulSet", "HorizontalPodAutoscaler")
"""What is watched."""

REMEMBERED_DELETIONS = 10_000
"""UIDs of deleted objects that a late list or event must not bring back."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A policy that is new, means something else now, or is gone."""

    record: PolicyRecord
    gone: bool = False


class Store:
    """Policies by UID, sources by name, workloads by kind, namespace and name, HPAs by namespace and name.

    Beside them the ScaledObjects by the workload they scale: KEDA may come and go, so they are listed, not watched.
    """

    def __init__(
        self,
        read_workload: Callable[[Mapping[str, Any]], Workload],
        read_autoscaler: Callable[[Mapping[str, Any]], Autoscaler],
    ) -> None:
        """Start empty.

        Args:
            read_workload: Makes the slim value of a Deployment or StatefulSet object.
            read_autoscaler: Makes the slim value of a HorizontalPodAutoscaler object.
        """
        self.policies: dict[str, PolicyRecord] = {}
        self.sources: dict[str, SourceRecord] = {}
        self.workloads: dict[WorkloadKey, WorkloadRecord] = {}
        self.autoscalers: dict[tuple[str, str], AutoscalerRecord] = {}
        self.sources_changed = True
        self._read_workload = read_workload
        self._read_autoscaler = read_autoscaler
        self._policy_names: dict[tuple[str, str], str] = {}
        self._claims: dict[WorkloadKey, set[str]] = {}
        self._autoscaled: dict[WorkloadKey, set[str]] = {}
        self._scaled_objects: dict[WorkloadKey, str] = {}
        self._deleted: dict[str, None] = {}

    def apply(self, kind: Kind, type_: str | None, obj: Mapping[str, Any]) -> list[PolicyChange]:
        """Take one watch event in.

        Args:
            kind: What was watched.
            type_: ADDED, MODIFIED, DELETED, or None for an object of the first listing.
            obj: As the API server sent it.

        Returns:
            Policies that must be evaluated, or forgotten, because of it. Older than what is known: nothing.
        """
        if type_ == "DELETED":
            return self._remove(kind, obj["metadata"])
        return self._put(kind, obj)

    def known(self, kind: Kind) -> frozenset[str]:
        """UIDs of the objects of a kind; taken before a LIST, it tells ghosts from objects that came meanwhile."""
        return frozenset(uid for uid, _ in self._identities(kind))

    def drop_ghosts(self, kind: Kind, *, known: Container[str], listed: Container[str]) -> list[PolicyChange]:
        """Drop what a LIST does not show although it was known before the LIST was sent: its deletion was missed.

        Args:
            kind: What was listed.
            known: What `known` returned before.
            listed: UIDs of the objects of the list.
        """
        changes: list[PolicyChange] = []
        for uid, metadata in self._identities(kind):
            if uid in known and uid not in listed:
                changes += self._remove(kind, metadata)
        return changes

    def elder(self, record: PolicyRecord) -> PolicyRecord | None:
        """The policy that was there before this one on the same target (R16); None when this one is the oldest."""
        if record.claim is None:
            return None
        claimants = [self.policies[uid] for uid in self._claims.get(record.claim, ())]
        first = min(claimants, key=lambda one: one.seniority, default=record)
        return None if first.ref.uid == record.ref.uid else first

    def contester(self, record: PolicyRecord) -> str | None:
        """Who else writes the policy's target (R16), as `ScalingPolicy api`; None when nobody does.

        A policy that claims nothing (DryRun, or without a target) is contested by nobody.
        """
        if record.claim is None:
            return None
        elder = self.elder(record)
        if elder is not None:
            return f"ScalingPolicy {elder.ref.name}"
        if (scaled_object := self._scaled_object(record.claim)) is not None:
            return scaled_object
        autoscalers = self._autoscaled.get(record.claim)
        return f"HorizontalPodAutoscaler {min(autoscalers)}" if autoscalers else None

    def target(self, record: PolicyRecord) -> Target | NoTarget | None:
        """The policy's target as it was last seen; None when the policy names none."""
        reference = record.spec.scale_target_ref if record.spec is not None else None
        if reference is None:
            return None
        workload = self.workload(record)
        if workload is None:
            return NoTarget(
                Reason.TARGET_NOT_FOUND,
                f"{reference.kind} {reference.name} does not exist in namespace {record.ref.namespace}; "
                "create it, or correct spec.scaleTargetRef",
            )
        return workload.target

    def workload(self, record: PolicyRecord) -> Workload | None:
        """The workload whose pods the policy's target are, as it was last seen; None when there is none."""
        reference = record.spec.scale_target_ref if record.spec is not None else None
        if reference is None:
            return None
        held = self.workloads.get(WorkloadKey(reference.kind, record.ref.namespace, reference.name))
        return held.workload if held is not None else None

    def note_scaled(self, record: PolicyRecord, replicas: int, *, resource_version: str) -> None:
        """Show our own write before the watch does: the next evaluation must not take the old number for a revert.

        Args:
            record: Whose target was written.
            replicas: As written.
            resource_version: Its precondition: what the watch still tells of that version, or of an older one, was
                before the write.
        """
        reference = record.spec.scale_target_ref if record.spec is not None else None
        if reference is None:
            return
        key = WorkloadKey(reference.kind, record.ref.namespace, reference.name)
        held = self.workloads.get(key)
        if held is not None:
            target = held.workload.target
            target = replace(target, replicas=replicas, ready=min(target.ready, replicas), writer=None)
            version = max(held.version, version_of({"resourceVersion": resource_version}) + 1)
            self.workloads[key] = replace(held, version=version, workload=replace(held.workload, target=target))

    def default_source(self) -> str | None:
        """Name of the oldest source that is marked as default; a second mark never changes what is in use."""
        marked = [source for source in self.sources.values() if source.spec is not None and source.spec.default]
        return min(marked, key=lambda one: (one.created, one.ref.name)).ref.name if marked else None

    def hold_scaled_objects(self, found: Iterable[ScaledObject]) -> None:
        """Take in all of KEDA's ScaledObjects at once, in place of those that were held."""
        held: dict[WorkloadKey, str] = {}
        for one in sorted(found, key=lambda each: each.name, reverse=True):
            if not one.paused:
                held[WorkloadKey(one.scales.kind, one.namespace, one.scales.name)] = f"ScaledObject {one.name}"
        self._scaled_objects = held

    def forget_memories(self) -> None:
        """Drop what a leadership remembered; the next one starts from the objects."""
        for record in self.policies.values():
            record.memory = None

    def _scaled_object(self, claim: WorkloadKey) -> str | None:
        """The ScaledObject on a workload: as listed, or as an HPA that it made names it, which a watch tells sooner."""
        made = (self.autoscalers[claim.namespace, name].autoscaler for name in self._autoscaled.get(claim, ()))
        owners = [autoscaler.owner for autoscaler in made if autoscaler.owner is not None]
        return self._scaled_objects.get(claim) or min(owners, default=None)

    def _put(self, kind: Kind, obj: Mapping[str, Any]) -> list[PolicyChange]:
        if obj["metadata"]["uid"] in self._deleted:
            return []
        match kind:
            case "ScalingPolicy":
                return self._put_policy(obj)
            case "MetricSource":
                self._put_source(obj)
            case "Deployment" | "StatefulSet":
                self._put_workload(kind, obj)
            case "HorizontalPodAutoscaler":
                self._put_autoscaler(obj)
        return []

    def _put_policy(self, obj: Mapping[str, Any]) -> list[PolicyChange]:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        previous = self.policies.get(uid)
        if previous is not None and version_of(metadata) < previous.version:
            return []
        changes: list[PolicyChange] = []
        namesake = self._policy_names.get((metadata["namespace"], metadata["name"]))
        if namesake is not None and namesake != uid:
            changes += self._remove("ScalingPolicy", {"uid": namesake})
        record = read_policy(obj, previous=previous)
        if previous is not None:
            self._unclaim(previous)
        self.policies[uid] = record
        self._policy_names[record.ref.namespace, record.ref.name] = uid
        if record.claim is not None:
            self._claims.setdefault(record.claim, set()).add(uid)
        if previous is None or previous.meaning != record.meaning:
            changes.append(PolicyChange(record))
        return changes

    def _put_source(self, obj: Mapping[str, Any]) -> None:
        metadata = obj["metadata"]
        previous = self.sources.get(metadata["name"])
        same = previous if previous is not None and previous.ref.uid == metadata["uid"] else None
        if same is not None and version_of(metadata) < same.version:
            return
        record = read_source(obj, previous=same)
        self.sources[record.ref.name] = record
        self.sources_changed |= same is None or same.generation != record.generation

    def _put_workload(self, kind: Kind, obj: Mapping[str, Any]) -> None:
        metadata = obj["metadata"]
        key = WorkloadKey(kind, metadata["namespace"], metadata["name"])
        previous = self.workloads.get(key)
        version = version_of(metadata)
        if previous is None or previous.uid != metadata["uid"] or version >= previous.version:
            self.workloads[key] = WorkloadRecord(metadata["uid"], version, self._read_workload(obj))

    def _put_autoscaler(self, obj: Mapping[str, Any]) -> None:
        metadata = obj["metadata"]
        namespace, name, version = metadata["namespace"], metadata["name"], version_of(metadata)
        previous = self.autoscalers.get((namespace, name))
        if previous is not None and previous.uid == metadata["uid"] and version < previous.version:
            return
        self._forget_autoscaler(namespace, name)
        record = AutoscalerRecord(metadata["uid"], version, self._read_autoscaler(obj))
        self.autoscalers[namespace, name] = record
        self._autoscaled.setdefault(_scaled_by(record, namespace), set()).add(name)

    def _forget_autoscaler(self, namespace: str, name: str) -> None:
        record = self.autoscalers.pop((namespace, name), None)
        if record is None:
            return
        key = _scaled_by(record, namespace)
        others = self._autoscaled.get(key, set())
        others.discard(name)
        if not others:
            self._autoscaled.pop(key, None)

    def _remove(self, kind: Kind, metadata: Mapping[str, Any]) -> list[PolicyChange]:
        uid = metadata["uid"]
        self._deleted[uid] = None
        if len(self._deleted) > REMEMBERED_DELETIONS:
            del self._deleted[next(iter(self._deleted))]
        match kind:
            case "ScalingPolicy":
                return self._remove_policy(uid)
            case "MetricSource":
                source = self.sources.get(metadata["name"])
                if source is not None and source.ref.uid == uid:
                    del self.sources[metadata["name"]]
                    self.sources_changed = True
            case "Deployment" | "StatefulSet":
                key = WorkloadKey(kind, metadata["namespace"], metadata["name"])
                workload = self.workloads.get(key)
                if workload is not None and workload.uid == uid:
                    del self.workloads[key]
            case "HorizontalPodAutoscaler":
                autoscaler = self.autoscalers.get((metadata["namespace"], metadata["name"]))
                if autoscaler is not None and autoscaler.uid == uid:
                    self._forget_autoscaler(metadata["namespace"], metadata["name"])
        return []

    def _remove_policy(self, uid: str) -> list[PolicyChange]:
        record = self.policies.pop(uid, None)
        if record is None:
            return []
        self._unclaim(record)
        name = record.ref.namespace, record.ref.name
        if self._policy_names.get(name) == uid:
            del self._policy_names[name]
        return [PolicyChange(record, gone=True)]

    def _unclaim(self, record: PolicyRecord) -> None:
        if record.claim is None:
            return
        claimants = self._claims.get(record.claim, set())
        claimants.discard(record.ref.uid)
        if not claimants:
            self._claims.pop(record.claim, None)

    def _identities(self, kind: Kind) -> list[tuple[str, Mapping[str, Any]]]:
        """UID and the naming part of the metadata of everything the store holds of a kind."""
        match kind:
            case "ScalingPolicy":
                return [(uid, {"uid": uid}) for uid in self.policies]
            case "MetricSource":
                return [(one.ref.uid, {"uid": one.ref.uid, "name": name}) for name, one in self.sources.items()]
            case "Deployment" | "StatefulSet":
                return [
                    (held.uid, {"uid": held.uid, "namespace": key.namespace, "name": key.name})
                    for key, held in self.workloads.items()
                    if key.kind == kind
                ]
            case "HorizontalPodAutoscaler":
                return [
                    (held.uid, {"uid": held.uid, "namespace": namespace, "name": name})
                    for (namespace, name), held in self.autoscalers.items()
                ]


def _scaled_by(record: AutoscalerRecord, namespace: str) -> WorkloadKey:
    """The workload that an HPA scales."""
    return WorkloadKey(record.autoscaler.scales.kind, namespace, record.autoscaler.scales.name)
