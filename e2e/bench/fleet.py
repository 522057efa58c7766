"""The fleet that is measured: Deployments of four pods, each under a policy as in the first row of the program."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from e2e.testbed.policies import policy
from e2e.testbed.workloads import workload

PODS = 4
PER_NAMESPACE = 50
CPU_REQUEST = 0.5
"""Cores of each pod."""
MEMORY_REQUEST = 512 * 2**20
"""Bytes of each pod."""
MOST_PROBES = 20


class Role(Enum):
    """What a policy's metrics do while nothing happens, so that quiet is not only the band."""

    IN_BAND = "between the thresholds"
    AT_MAXIMUM = "above the upper threshold, with no replica left to give"
    AT_MINIMUM = "below the lower threshold, with no replica left to take"
    PROBE = "in the band, and made to leave it; scales at once"


@dataclass(frozen=True, slots=True)
class Member:
    """One Deployment and its policy, which has the same name.

    Attributes:
        number: From 0.
        role: What it shows.
    """

    number: int
    role: Role

    @property
    def name(self) -> str:
        return f"w{self.number:05}"

    @property
    def namespace(self) -> str:
        return f"bench-{self.number // PER_NAMESPACE:03}"

    @property
    def cpu_percent(self) -> float:
        """Of requests, while nothing happens."""
        return {Role.AT_MAXIMUM: 85.0, Role.AT_MINIMUM: 10.0}.get(self.role, 30.0 + self.number % 30)

    @property
    def memory_percent(self) -> float:
        """Of requests, while nothing happens."""
        return 50.0 + self.number % 20


def fleet(count: int) -> tuple[Member, ...]:
    """Make so many: a tenth at its maximum, a tenth at its minimum, and up to 20 probes."""
    probes = min(MOST_PROBES, max(1, count // 10))
    return tuple(Member(number, _role(number, probes)) for number in range(count))


def namespaces(members: tuple[Member, ...]) -> list[str]:
    """Every namespace once."""
    return list(dict.fromkeys(member.namespace for member in members))


def deployment(member: Member) -> dict[str, Any]:
    """The Deployment; what its controller would say of it is `deployment_status`."""
    requests = {"cpu": f"{round(CPU_REQUEST * 1000)}m", "memory": str(MEMORY_REQUEST)}
    return workload(member.name, member.namespace, replicas=PODS, requests=requests)


def deployment_status(pods: int = PODS, *, generation: int = 1) -> dict[str, Any]:
    """A status that says all pods are ready and no rollout is under way."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), pods)
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    return {"status": {"observedGeneration": generation, **counts, "conditions": conditions}}


def policy_of(member: Member, *, interval_seconds: int) -> dict[str, Any]:
    """The policy: up on CPU or memory, down on CPU."""
    settles = member.role is Role.IN_BAND
    return policy(
        member.name,
        member.namespace,
        intervalSeconds=interval_seconds,
        minReplicas=PODS if member.role is Role.AT_MINIMUM else 2,
        maxReplicas=PODS if member.role is Role.AT_MAXIMUM else 20,
        metrics=[{"name": name, "resource": {"name": name, "of": "Requests"}} for name in ("cpu", "memory")],
        scaleUp={
            "anyOf": [{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}],
            "forSeconds": 60 if settles else 0,
        },
        scaleDown={"allOf": [{"metric": "cpu", "below": 20}], "forSeconds": 600 if settles else 0},
    )


def _role(number: int, probes: int) -> Role:
    match number % 10:
        case 7:
            return Role.AT_MAXIMUM
        case 8:
            return Role.AT_MINIMUM
        case 9 if number // 10 < probes:
            return Role.PROBE
        case _:
            return Role.IN_BAND


def of_role(members: tuple[Member, ...], role: Role) -> Iterator[Member]:
    """Those with a role."""
    return (member for member in members if member.role is role)
