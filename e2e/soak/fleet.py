"""The fleet of the soak: Deployments, each under a policy whose role says what its metrics do. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from e2e.testbed.policies import policy
from e2e.testbed.workloads import workload

PER_NAMESPACE = 50
START = 3
"""Replicas of every Deployment at first."""
LOW, HIGH = 1, 12
"""Bounds of every policy, but while an override is open."""
ABOVE, BELOW = 80, 20
"""Thresholds on the depth of the policy's queue."""
UP_STEP, DOWN_STEP = 2, 1
"""Pods that one scaling by metrics adds or removes at most."""
BUDGET = 3
"""Pods that may be added in a period of the limit."""
REFUGE = 4
"""Replicas of a policy that falls back."""
BUSY_LOW, CALM_HIGH = 5, 2
"""A calendar's lower bound in even minutes of the hour, and its upper bound in odd ones."""

DEPTH, PULSE = "depth", "pulse"
"""Metrics of every policy. The pulse is the number of the scrape: it tells how old an evaluation's readings are."""
PULSE_SERIES = "soak_scrapes_total"
_NEVER = 10**12


class Role(Enum):
    """What a policy's queue does, and how the policy takes it."""

    STEADY = "noise between the thresholds; never scaled"
    WAVE = "waves across both thresholds, with noise"
    FLICKER = "the same, and for a fifth of the time there is no series"
    REFUGE = "the same, with a fallback"
    CALENDAR = "noise between the thresholds; the bounds change every minute"
    SHADOW = "waves under a dry run; never scaled"


_ROLES = (
    *[Role.STEADY] * 10,
    *[Role.WAVE] * 5,
    *[Role.FLICKER] * 2,
    Role.REFUGE,
    Role.CALENDAR,
    Role.SHADOW,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One Deployment, its policy and its queue, which have the same name.

    Attributes:
        number: From 0.
    """

    number: int

    @property
    def role(self) -> Role:
        return _ROLES[self.number % len(_ROLES)]

    @property
    def name(self) -> str:
        return f"w{self.number:05}"

    @property
    def namespace(self) -> str:
        return f"soak-{self.number // PER_NAMESPACE:03}"

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that every policy shares, as multiples of its interval.

    Attributes:
        interval: Between two evaluations.
    """

    interval: int

    @property
    def up_for(self) -> int:
        return self.interval

    @property
    def down_for(self) -> int:
        return 2 * self.interval

    @property
    def up_cooldown(self) -> int:
        return 2 * self.interval

    @property
    def down_cooldown(self) -> int:
        return 3 * self.interval

    @property
    def budget_period(self) -> int:
        """Of the limit on scaling up."""
        return 8 * self.interval

    @property
    def wave(self) -> int:
        """From one crest of the waves to the next."""
        return 24 * self.interval


def fleet(count: int) -> tuple[Member, ...]:
    """Make so many: half of them steady, a quarter in waves, the rest a bit of everything."""
    return tuple(Member(number) for number in range(count))


def bounds(member: Member, at: float) -> tuple[int, int]:
    """The least and the most replicas at a Unix time, a calendar's overrides included."""
    if member.role is not Role.CALENDAR:
        return LOW, HIGH
    return (LOW, CALM_HIGH) if int(at // 60) % 2 else (BUSY_LOW, HIGH)


def deployment(member: Member) -> dict[str, Any]:
    """The Deployment; `Hands` says that its pods are ready."""
    return workload(member.name, member.namespace, replicas=START)


def policy_of(member: Member, times: Times) -> dict[str, Any]:
    """The policy: up and down on the depth of its queue, with every rule that paces it."""
    spec: dict[str, Any] = {
        "intervalSeconds": times.interval,
        "minReplicas": LOW,
        "maxReplicas": HIGH,
        "metrics": [
            {"name": DEPTH, "queue": {"system": "RabbitMQ", "name": member.name}},
            {"name": PULSE, "query": PULSE_SERIES},
        ],
        "scaleUp": {
            "anyOf": [{"metric": DEPTH, "above": ABOVE}, {"metric": PULSE, "above": _NEVER}],
            "forSeconds": times.up_for,
            "cooldownSeconds": times.up_cooldown,
            "step": {"type": "Pods", "pods": UP_STEP},
            "limits": [{"type": "Pods", "value": BUDGET, "periodSeconds": times.budget_period}],
        },
        "scaleDown": {
            "allOf": [{"metric": DEPTH, "below": BELOW}],
            "forSeconds": times.down_for,
            "cooldownSeconds": times.down_cooldown,
            "stabilizationWindowSeconds": 2 * times.interval,
            "step": {"type": "Pods", "pods": DOWN_STEP},
        },
    }
    return policy(member.name, member.namespace, **spec, **_extras(member))


def _extras(member: Member) -> dict[str, Any]:
    match member.role:
        case Role.REFUGE:
            return {"fallback": {"afterFailures": 2, "behavior": "Static", "replicas": REFUGE}}
        case Role.CALENDAR:
            busy = {"name": "busy", "schedule": "*/2 * * * *", "durationSeconds": 60, "minReplicas": BUSY_LOW}
            calm = {"name": "calm", "schedule": "1-59/2 * * * *", "durationSeconds": 60, "maxReplicas": CALM_HIGH}
            return {"overrides": [busy, calm]}
        case Role.SHADOW:
            return {"mode": "DryRun"}
        case Role.STEADY | Role.WAVE | Role.FLICKER:
            return {}
