"""What the engine needs of the world. Adapters implement it, tests bring ten-line fakes; one contract suite each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal, Protocol

from deadband.api.conditions import EventReason, Reason
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.api.status import Cause, ScalingPolicyStatus, Way
from deadband.core.autoscaler import Autoscaler, Rewrite
from deadband.core.types import Target
from deadband.queries.types import Answer, Question


class WriteError(Exception):
    """The API server, or an Alertmanager, did not take a call; nothing was changed."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the reason for the condition and a message without bodies or secrets."""
        super().__init__(message)
        self.reason = reason


class ConflictError(WriteError):
    """The object changed since it was read (409): read again and decide again (R18)."""


class GoneError(WriteError):
    """The object is not there any more (404)."""


class DeniedError(WriteError):
    """The operator may not do this (401, 403): a missing RBAC rule."""


class UnreachableError(WriteError):
    """No answer, or one of 429 or 5xx; it is worth trying again at the next evaluation."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Names one object.

    Attributes:
        kind: Such as ScalingPolicy.
        namespace: Empty for cluster-scoped kinds.
        name: metadata.name.
        uid: metadata.uid; empty where it does not matter.
        api_version: Such as deadband.dev/v1alpha1.
    """

    kind: str
    namespace: str
    name: str
    uid: str = ""
    api_version: str = "deadband.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class Workload:
    """A target as read, with what a write on it needs.

    Attributes:
        target: The facts the decision uses.
        resource_version: Precondition of the write (R18).
        selector: Labels of its pods, as a query parameter; empty where they are not known.
        uncreated: Pods that its controller has not made although they are wanted, where its status cannot say why.
    """

    target: Target
    resource_version: str
    selector: str = ""
    uncreated: int = 0


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """An object of KEDA that scales a workload.

    Attributes:
        namespace, name: Its own.
        scales: The workload, in its namespace.
        paused: It writes nothing at present.
    """

    namespace: str
    name: str
    scales: ScaleTargetRef
    paused: bool


@dataclass(frozen=True, slots=True)
class AutoscalerRead:
    """An HPA as read, with what a write on it needs.

    Attributes:
        autoscaler: What it says.
        resource_version: Precondition of the write (R18).
    """

    autoscaler: Autoscaler
    resource_version: str


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """What the own metrics show of one source.

    Attributes:
        reachable: Whether the last query got an answer; None when none was asked.
        max_concurrent_queries: How many queries may be under way at once; None when its spec is invalid.
    """

    reachable: bool | None
    max_concurrent_queries: int | None


class Metrics(Protocol):
    """The Prometheus servers."""

    async def ask(self, questions: Sequence[Question], *, at: datetime) -> Mapping[Question, Answer]:
        """Answer every question as of `at`; a failure is an answer (Failed), never an exception."""


class Targets(Protocol):
    """The workloads: objects of any kind with the scale subresource."""

    async def read(self, namespace: str, ref: ScaleTargetRef) -> Workload:
        """Read the target from the API server, past every cache.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say.
        """

    async def scale(self, namespace: str, ref: ScaleTargetRef, replicas: int, *, resource_version: str) -> None:
        """Set spec.replicas through /scale with the precondition and our field manager (R18).

        Raises:
            ConflictError, GoneError, DeniedError, UnreachableError: As their names say.
        """


class Capacity(Protocol):
    """Whether the cluster has room for the pods that are wanted already."""

    async def shortage(
        self, namespace: str, ref: ScaleTargetRef, workload: Workload, *, now: datetime, since: datetime | None
    ) -> Reason | None:
        """Look for what keeps missing pods of a workload away, in a bounded number of calls.

        Args:
            namespace: Of the workload.
            ref: Names the workload.
            workload: As it was last seen.
            now: The time of the evaluation.
            since: When deadband last scaled it; what was before that does not count.

        Returns:
            QuotaExceeded, InsufficientCapacity, or None when nothing is known to.

        Raises:
            DeniedError, UnreachableError: As their names say.
        """


class Autoscalers(Protocol):
    """The HPAs whose bounds move."""

    async def read(self, namespace: str, name: str) -> AutoscalerRead:
        """Read an HPA from the API server, past every cache.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say.
        """

    async def rewrite(self, namespace: str, name: str, rewrite: Rewrite, *, resource_version: str) -> Mapping[str, Any]:
        """Set both bounds and the annotation in one write, with the precondition and our field manager (R18).

        Returns:
            The object as it is now.

        Raises:
            ConflictError, GoneError, DeniedError, UnreachableError: As their names say.
        """


class Policies(Protocol):
    """The policies themselves."""

    async def read(self, ref: ObjectRef) -> Mapping[str, Any]:
        """Read the policy from the API server, past every cache.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say. A policy of another UID is gone.
        """

    async def write_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        """Merge-patch /status with our field manager; None removes a key.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say.
        """


class Events(Protocol):
    """Kubernetes Events, aggregated and rate limited."""

    def record(self, about: ObjectRef, type_: Literal["Normal", "Warning"], reason: EventReason, message: str) -> None:
        """Queue an event; never blocks, never raises. Repeats within the window raise a count instead."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as an Alertmanager is told of it.

    Attributes:
        labels: Its identity, by which Alertmanager routes and groups; the same labels are the same alert.
        annotations: What people read; may change while it lasts.
        starts_at: When it began.
        ends_at: In the past: it is over. In the future: when it is over unless it is sent again.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime


class Alerts(Protocol):
    """The Alertmanagers, every replica of each."""

    async def send(self, alerts: Sequence[Alert]) -> Mapping[str, WriteError]:
        """Tell every replica of alerts that last or are over.

        Returns:
            Which replicas did not take them, by address, and why, without bodies of answers; empty when all did.
            A failure is never an exception. An alert that Alertmanager would refuse does not keep others from it.
        """


class Telemetry(Protocol):
    """The operator's own metrics; every call is cheap, none raises."""

    def evaluated(
        self,
        policy: ObjectRef,
        spec: ScalingPolicySpec,
        status: ScalingPolicyStatus,
        values: Mapping[str, Fraction],
    ) -> None:
        """Count one decision by its reason and show the policy: thresholds, replicas, conditions.

        `values` are what was compared with the thresholds, by metric; a metric that is unknown is not in it.
        """

    def invalid(self, policy: ObjectRef, status: ScalingPolicyStatus) -> None:
        """Show a policy that does not validate: its conditions alone."""

    def forget(self, policy: ObjectRef) -> None:
        """Drop every series of a policy that is gone or that another process looks after."""

    def timed(self, *, lag_seconds: float, seconds: float) -> None:
        """Observe one evaluation: how late it began and how long it took to the decision."""

    def scaled(self, way: Way, cause: Cause) -> None:
        """Count one change of replicas that the API server took."""

    def refused(self, reason: Reason) -> None:
        """Count one change of replicas that was decided and that the API server did not take."""

    def skipped(self, evaluations: int) -> None:
        """Count evaluations that were left out because an earlier one was late."""

    def standing(self, *, leader: bool, policies: Mapping[str, int]) -> None:
        """Show who leads and how many policies are in each state."""


class Leadership(Protocol):
    """The Lease, as the writers see it."""

    def leads(self) -> bool:
        """True while this process may write: the last renewal is younger than the renew deadline by our own clock."""
