"""Everything that was watched, ready for the next evaluation.

Watch events fill it; a LIST every few minutes repairs it, because watches lose events (reference, K1).
Nothing here waits or calls out. Only the event loop of the engine touches it.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deadband.core.autoscaler import Autoscaler
from deadband.core.types import NoTarget, Target
from deadband.engine.records import PolicyRecord, SourceRecord, WorkloadKey, read_policy, read_source, version_of
from deadband.engine.scalables import Pods, Scalables
from deadband.ports import Workload

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
    """Policies by UID, sources by name, and everything that can be scaled."""

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
        self.scalables = Scalables(read_workload, read_autoscaler)
        self.sources_changed = True
        self.default_source: str | None = None
        """Name of the oldest source that is marked as default; a second mark never changes what is in use."""
        self._policy_names: dict[tuple[str, str], str] = {}
        self._claims: dict[WorkloadKey, set[str]] = {}
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
        first = min(self.claimants(record.claim), key=lambda one: one.seniority, default=record)
        return None if first.ref.uid == record.ref.uid else first

    def claimants(self, key: WorkloadKey) -> list[PolicyRecord]:
        """The policies that want to scale a target; none that only simulates."""
        return [self.policies[uid] for uid in self._claims.get(key, ())]

    def contester(self, record: PolicyRecord) -> str | None:
        """Who else writes the policy's target (R16), as `ScalingPolicy api`; None when nobody does.

        A policy that claims nothing (DryRun, or without a target) is contested by nobody.
        """
        if record.claim is None:
            return None
        elder = self.elder(record)
        if elder is not None:
            return f"ScalingPolicy {elder.ref.name}"
        if record.spec is not None and record.spec.moves is not None:
            held = self.scalables.autoscalers.get((record.ref.namespace, record.claim.name))
            return held.autoscaler.owner if held is not None else None
        if (scaled_object := self.scalables.scaled_object_of(record.claim)) is not None:
            return scaled_object
        autoscalers = self.scalables.autoscalers_of(record.claim)
        return f"HorizontalPodAutoscaler {min(autoscalers)}" if autoscalers else None

    def target(self, record: PolicyRecord) -> Target | NoTarget | None:
        """The policy's target as it was last seen; None when the policy names none."""
        return self.scalables.target(record.ref.namespace, record.spec) if record.spec is not None else None

    def pods(self, record: PolicyRecord) -> Pods | None:
        """Whose pods the policy's target is made of, as it was last seen; None where there is no such."""
        return self.scalables.pods(record.ref.namespace, record.spec) if record.spec is not None else None

    def forget_memories(self) -> None:
        """Drop what a leadership remembered; the next one starts from the objects."""
        for record in self.policies.values():
            record.memory = None

    def _put(self, kind: Kind, obj: Mapping[str, Any]) -> list[PolicyChange]:
        if obj["metadata"]["uid"] in self._deleted:
            return []
        match kind:
            case "ScalingPolicy":
                return self._put_policy(obj)
            case "MetricSource":
                self._put_source(obj)
            case "Deployment" | "StatefulSet":
                self.scalables.put_workload(kind, obj)
            case "HorizontalPodAutoscaler":
                self.scalables.put_autoscaler(obj)
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
        self._choose_default()

    def _choose_default(self) -> None:
        marked = [source for source in self.sources.values() if source.spec is not None and source.spec.default]
        first = min(marked, key=lambda one: (one.created, one.ref.name), default=None)
        self.default_source = first.ref.name if first is not None else None

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
                    self._choose_default()
            case "Deployment" | "StatefulSet":
                self.scalables.remove_workload(kind, metadata)
            case "HorizontalPodAutoscaler":
                self.scalables.remove_autoscaler(metadata)
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
            case "Deployment" | "StatefulSet" | "HorizontalPodAutoscaler":
                return list(self.scalables.identities(kind))
