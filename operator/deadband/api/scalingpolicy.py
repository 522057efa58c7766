"""ScalingPolicy: one object, one row of the program's table. Shapes and defaults; contradictions are in api.rules."""

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final, Literal

from pydantic import Field

from deadband.api.behavior import Direction, Mode, ScaleDown, ScaleUp
from deadband.api.metrics import Metric, PromQL
from deadband.api.types import API_VERSION_PATTERN, NAMED_ENTRIES, ApiModel, Name

Replicas = Annotated[int, Field(ge=0, le=1000000)]

PAUSED_ANNOTATION = "deadband.dev/paused"
"""`"true"`, `"scale-up"` or `"scale-down"` (R15)."""

APPROVE_ANNOTATION = "deadband.dev/approve"
"""The id of the proposal that a person approves (R13)."""

SEVERITY_LABEL = "deadband.dev/severity"
"""On a policy: the severity of the alert that asks for a person."""

OWNER_LABEL = "deadband.dev/owner"
"""On a policy: whom that alert is for."""


AUTOSCALER_KIND: Final = "HorizontalPodAutoscaler"
"""The kind of a target whose bounds move instead of its replicas."""

AUTOSCALER_GROUP = "autoscaling"

AUTOSCALER_VERSION = f"{AUTOSCALER_GROUP}/v2"
"""How such a target is named; other versions show the same object."""


class Bound(StrEnum):
    """What moves on an HPA target."""

    MIN_REPLICAS = "MinReplicas"
    MAX_REPLICAS = "MaxReplicas"
    BOTH = "Both"


class VetoDirection(StrEnum):
    """Which direction a veto stops."""

    UP = "Up"
    DOWN = "Down"
    BOTH = "Both"


class FallbackBehavior(StrEnum):
    """What replicas become while nothing is known (R17)."""

    STATIC = "Static"
    CURRENT = "Current"
    CURRENT_IF_HIGHER = "CurrentIfHigher"


class PolicyMode(StrEnum):
    """Whether the policy writes (Enforce) or simulates (DryRun, R14)."""

    ENFORCE = "Enforce"
    DRY_RUN = "DryRun"


def group_of(api_version: str) -> str:
    """The API group in an apiVersion; empty for the core group, which has a version alone."""
    return api_version.rpartition("/")[0]


class ScaleTargetRef(ApiModel):
    """The workload that is scaled, in the policy's own namespace."""

    api_version: Annotated[str, Field(min_length=1, max_length=253, pattern=API_VERSION_PATTERN)]
    """API version of the target: apps/v1, autoscaling/v2, or that of any kind with a scale subresource."""
    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """Kind of the target: Deployment, StatefulSet, HorizontalPodAutoscaler, or any kind with a scale subresource."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the target."""

    @property
    def group(self) -> str:
        """API group of the target; empty for the core group."""
        return group_of(self.api_version)


class Veto(ApiModel):
    """PromQL that must be empty or 0 for a direction to act."""

    name: Name
    """Unique within the policy."""
    query: PromQL
    """Anything but an empty answer or 0 stops the direction; an unreadable one stops it too."""
    direction: VetoDirection
    """Up, Down or Both."""


class Override(ApiModel):
    """Other bounds while a calendar window is open."""

    name: Name
    """Unique within the policy."""
    schedule: Annotated[str, Field(min_length=1, max_length=100)]
    """Cron expression of five fields; the window opens at each fire."""
    duration_seconds: Annotated[int, Field(ge=60, le=31622400)]
    """How long the window stays open: [fire, fire + duration)."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """IANA name of the zone the schedule is written in."""
    min_replicas: Replicas | None = None
    """Replaces the spec's minReplicas, also downwards."""
    max_replicas: Replicas | None = None
    """Replaces the spec's maxReplicas, also downwards."""


class Fallback(ApiModel):
    """What happens when nothing has been known for a while (R17)."""

    after_failures: Annotated[int, Field(ge=1, le=1000)]
    """From this many consecutive evaluations in which every enabled direction is unknown."""
    behavior: FallbackBehavior
    """Static: replicas; Current: no change; CurrentIfHigher: the larger of both."""
    replicas: Replicas | None = None
    """Static and CurrentIfHigher: the number."""


class ScalingPolicySpec(ApiModel):
    """Desired behavior of one policy."""

    scale_target_ref: ScaleTargetRef | None = None
    """What is scaled; absent: the policy only advises."""
    bound: Bound | None = None
    """For an HPA target, what moves; absent: MinReplicas."""
    min_replicas: Replicas | None = None
    """The floor; required with a target; may be 0."""
    max_replicas: Annotated[int, Field(ge=1, le=1000000)] | None = None
    """The ceiling; required with a target."""
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=16, json_schema_extra=NAMED_ENTRIES)]
    """The named readings."""
    scale_up: ScaleUp | None = None
    """When and how replicas rise; absent: Disabled."""
    scale_down: ScaleDown | None = None
    """When and how replicas fall; absent: Disabled."""
    vetoes: list[Veto] = Field([], max_length=16, json_schema_extra=NAMED_ENTRIES)
    """PromQL that stops a direction."""
    overrides: list[Override] = Field([], max_length=16, json_schema_extra=NAMED_ENTRIES)
    """Calendar windows with other bounds."""
    fallback: Fallback | None = None
    """What happens when nothing has been known for a while; absent: hold."""
    interval_seconds: Annotated[int, Field(ge=5, le=3600)] = 15
    """Evaluation period, in seconds."""
    mode: PolicyMode = PolicyMode.ENFORCE
    """Enforce writes, DryRun simulates."""

    @property
    def target(self) -> str | None:
        """kind/name of the target, as status shows it; None without one."""
        return f"{self.scale_target_ref.kind}/{self.scale_target_ref.name}" if self.scale_target_ref else None

    @property
    def moves(self) -> Bound | None:
        """The bound that moves on an HPA target; None for any other target, and without one."""
        if self.scale_target_ref is None or self.scale_target_ref.kind != AUTOSCALER_KIND:
            return None
        return self.bound or Bound.MIN_REPLICAS

    @property
    def up(self) -> Direction:
        """scaleUp, or the Disabled direction that its absence means."""
        return self.scale_up or _NO_UP

    @property
    def down(self) -> ScaleDown:
        """scaleDown, or the Disabled direction that its absence means."""
        return self.scale_down or _NO_DOWN

    def metric(self, name: str) -> Metric:
        """The metric of that name; validation guarantees that a trigger's metric exists."""
        return next(metric for metric in self.metrics if metric.name == name)

    def highest_threshold(self, name: str) -> Fraction:
        """The highest threshold that a metric is compared with in an enabled direction; 0 where there is none."""
        directions = [direction for direction in (self.up, self.down) if direction.enabled]
        triggers = [trigger for direction in directions for trigger in direction.triggers if trigger.metric == name]
        return max((trigger.threshold for trigger in triggers), default=Fraction())


_NO_UP = ScaleUp(mode=Mode.DISABLED)
_NO_DOWN = ScaleDown(mode=Mode.DISABLED)


class ScalingPolicy(ApiModel):
    """The manifest of a policy, as far as validation needs it: metadata is the API server's business."""

    api_version: Literal["deadband.dev/v1alpha1"]
    kind: Literal["ScalingPolicy"]
    spec: ScalingPolicySpec
