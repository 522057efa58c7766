"""What the store keeps of each object: parsed once per generation, slim, nothing that a decision does not need."""

import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from deadband.api.metricsource import MetricSourceSpec, MetricSourceStatus
from deadband.api.scalingpolicy import (
    APPROVE_ANNOTATION,
    OWNER_LABEL,
    PAUSED_ANNOTATION,
    SEVERITY_LABEL,
    PolicyMode,
    ScaleTargetRef,
    ScalingPolicySpec,
    group_of,
)
from deadband.api.status import ScalingPolicyStatus
from deadband.api.validation import InvalidError, validate_source
from deadband.core.autoscaler import Autoscaler
from deadband.core.recover import recover
from deadband.core.types import NoTarget, Outage, Pause, Target
from deadband.engine.turn import Memory
from deadband.engine.validity import check_policy
from deadband.ports import ObjectRef, Workload

logger = logging.getLogger(__name__)


class WorkloadKey(NamedTuple):
    """Names one object that can be scaled, whatever version of its group it is named by."""

    kind: str
    namespace: str
    name: str
    group: str = "apps"

    @classmethod
    def of(cls, ref: ScaleTargetRef, namespace: str) -> "WorkloadKey":
        """The key of a target."""
        return cls(ref.kind, namespace, ref.name, ref.group)


@dataclass(slots=True)
class PolicyRecord:
    """One ScalingPolicy.

    Attributes:
        ref: With the UID.
        created: metadata.creationTimestamp; RFC 3339 in UTC sorts as text.
        version: metadata.resourceVersion as a number, to tell newer from older.
        generation: metadata.generation.
        pause: What the paused annotation holds back (R15).
        approval: The id in the approve annotation (R13).
        severity: Of its alert, as its label says; empty without that label.
        owner: Whom its alert is for, likewise.
        spec: None when it does not validate.
        faults: Every fault with its field; empty when `spec` is there.
        claim: The workload or the HPA that the policy wants to scale, also while the policy is invalid: a typing
            mistake in the older of two policies must not hand the target to the younger (R16). None for DryRun and
            without target.
        carried: The object's status as JSON, compressed, for it is only read when a new leader rebuilds its memory, and
            thousands of them are held.
        memory: What this process remembers between evaluations; None until the first one of a leadership.
    """

    ref: ObjectRef
    created: str
    version: int
    generation: int
    pause: Pause
    approval: str | None
    severity: str
    owner: str
    spec: ScalingPolicySpec | None
    faults: tuple[str, ...]
    claim: WorkloadKey | None
    carried: bytes
    memory: Memory | None = field(default=None, repr=False)

    @property
    def seniority(self) -> tuple[str, str]:
        """Sorts the oldest policy first (R16)."""
        return self.created, self.ref.uid

    @property
    def meaning(self) -> tuple[int, Pause, str | None]:
        """Whatever of the object a decision depends on; equal means that nothing needs deciding again."""
        return self.generation, self.pause, self.approval

    def remember(
        self, target: Target | NoTarget | None, *, outage: Outage | None = None, attempted: datetime | None = None
    ) -> Memory:
        """The memory of this policy; made of what the object carries at the first evaluation of a leadership.

        Args:
            target: As it is now; a scale that was written and not remembered is entered when a target is first seen
                (architecture, decision 5).
            outage: The time without a leader that has just ended.
            attempted: When a scale was written that got no answer; look again whether it was taken.
        """
        if self.memory is None:
            try:
                self.memory = Memory.of(json.loads(zlib.decompress(self.carried)))
            except ValidationError:
                # A status edited by hand or of another version: its timers are lost, its spec still holds.
                self.memory = Memory(ScalingPolicyStatus())
        first = not self.memory.recovered
        if (first or attempted is not None) and isinstance(target, Target):
            status, unseen = self.memory.status, outage if first else None
            self.memory.status = recover(status, target, outage=unseen, attempted=attempted)
            self.memory.recovered = True
        return self.memory


@dataclass(slots=True)
class SourceRecord:
    """One MetricSource.

    Attributes:
        ref: With the UID; cluster-scoped.
        created: As in PolicyRecord.
        version: As in PolicyRecord.
        generation: metadata.generation.
        spec: None when it does not validate.
        faults: Every fault with its field.
        status: What the object carries.
    """

    ref: ObjectRef
    created: str
    version: int
    generation: int
    spec: MetricSourceSpec | None
    faults: tuple[str, ...]
    status: MetricSourceStatus


@dataclass(frozen=True, slots=True)
class WorkloadRecord:
    """One Deployment or StatefulSet."""

    uid: str
    version: int
    workload: Workload


@dataclass(frozen=True, slots=True)
class AutoscalerRecord:
    """One HorizontalPodAutoscaler."""

    uid: str
    version: int
    autoscaler: Autoscaler


def version_of(metadata: Mapping[str, Any]) -> int:
    """The resourceVersion as a number; 0 where there is none, which is older than everything.

    Comparable since Kubernetes declared it so (KEP-5504); etcd-backed servers always counted upward.
    """
    version = str(metadata.get("resourceVersion") or "0")
    return int(version) if version.isdecimal() else 0


def read_pause(annotations: Mapping[str, str]) -> Pause:
    """What the paused annotation says; a word that it does not know holds everything back, as its author meant to."""
    text = annotations.get(PAUSED_ANNOTATION, "").strip().lower()
    if text in {"", "false"}:
        return Pause.NOTHING
    try:
        return Pause(text)
    except ValueError:
        return Pause.BOTH


def read_policy(obj: Mapping[str, Any], *, previous: PolicyRecord | None = None) -> PolicyRecord:
    """Make the record of a ScalingPolicy; the spec of an unchanged generation is taken over from `previous`."""
    metadata = obj["metadata"]
    generation = int(metadata.get("generation") or 0)
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    labels: Mapping[str, str] = metadata.get("labels") or {}
    if previous is not None and previous.generation == generation:
        spec, faults, claim = previous.spec, previous.faults, previous.claim
    else:
        spec, faults = _checked(obj)
        claim = _claim(obj)
    return PolicyRecord(
        ref=ObjectRef("ScalingPolicy", metadata["namespace"], metadata["name"], metadata["uid"]),
        created=metadata.get("creationTimestamp") or "",
        version=version_of(metadata),
        generation=generation,
        pause=read_pause(annotations),
        approval=annotations.get(APPROVE_ANNOTATION) or None,
        severity=labels.get(SEVERITY_LABEL, ""),
        owner=labels.get(OWNER_LABEL, ""),
        spec=spec,
        faults=faults,
        claim=claim,
        carried=zlib.compress(json.dumps(obj.get("status") or {}, separators=(",", ":")).encode(), level=1),
        memory=previous.memory if previous is not None else None,
    )


def read_source(obj: Mapping[str, Any], *, previous: SourceRecord | None = None) -> SourceRecord:
    """Make the record of a MetricSource; the spec of an unchanged generation is taken over from `previous`."""
    metadata = obj["metadata"]
    generation = int(metadata.get("generation") or 0)
    spec: MetricSourceSpec | None
    faults: tuple[str, ...] = ()
    if previous is not None and previous.generation == generation:
        spec, faults = previous.spec, previous.faults
    else:
        try:
            spec = validate_source(obj).spec
        except InvalidError as error:
            spec, faults = None, tuple(str(fault) for fault in error.faults)
    try:
        status = MetricSourceStatus.model_validate(obj.get("status") or {})
    except ValidationError:
        status = MetricSourceStatus()
    return SourceRecord(
        ref=ObjectRef("MetricSource", "", metadata["name"], metadata["uid"]),
        created=metadata.get("creationTimestamp") or "",
        version=version_of(metadata),
        generation=generation,
        spec=spec,
        faults=faults,
        status=status,
    )


def _checked(obj: Mapping[str, Any]) -> tuple[ScalingPolicySpec | None, tuple[str, ...]]:
    try:
        return check_policy(obj), ()
    except InvalidError as error:
        return None, tuple(str(fault) for fault in error.faults)
    except Exception:
        # A defect of our validation must not let one tenant's object stop the operator for all others.
        logger.exception("the policy %s cannot be validated", obj["metadata"].get("name"))
        return None, ("spec: deadband failed to validate it; please report this with the manifest",)


def _claim(obj: Mapping[str, Any]) -> WorkloadKey | None:
    spec = obj.get("spec")
    reference = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
    if not isinstance(reference, Mapping) or (isinstance(spec, Mapping) and spec.get("mode") == PolicyMode.DRY_RUN):
        return None
    kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
    return WorkloadKey(kind, obj["metadata"]["namespace"], name, group_of(str(reference.get("apiVersion") or "")))
