"""What is played: the workloads, their load, and the acts with what each of them must lead to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from e2e.testbed.autoscalers import autoscaler
from e2e.testbed.workloads import workload

NAMESPACE = "leadgen"
POLICIES = Path(__file__).with_name("policies.yaml")
START_REPLICAS = 2
HPA_BOUNDS = (2, 8)
DATABASE = "leads-db"

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Scaling:
    """One workload, or the floor of one that an HPA scales, going one way."""

    workload: str
    direction: Direction

    def __str__(self) -> str:
        return f"{self.workload} {self.direction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One part of the story. It ends when it lasted long enough and all it expects was seen, or it took too long.

    Attributes:
        title: A sentence about the world, unique.
        change: A change for the simulator when the act begins; None leaves the load as it is.
        prometheus: Whether Prometheus runs in this act. When it does not, every policy must say that its metrics are
            unavailable and stay Ready.
        expects: Scalings that must be seen.
        allows: Scalings that may be seen besides; any other one is a fault.
        asks: Policies that must ask a person: with a proposal, and with an alert that Alertmanager has.
        approves_late: Policies whose first proposal is approved after it has expired; they must refuse it, and say so.
        settles: Policies that must have stopped asking, and whose alert must be over.
        shortest, longest: Seconds; an act that is not over after `longest` ends the play.
        shows_policies: Whether `kubectl get scalingpolicies` is shown at its end.
    """

    title: str
    change: Mapping[str, Any] | None = None
    prometheus: bool = True
    expects: tuple[Scaling, ...] = ()
    allows: tuple[Scaling, ...] = ()
    asks: tuple[str, ...] = ()
    approves_late: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    shortest: float
    longest: float
    shows_policies: bool = False


def floor_of(name: str) -> str:
    """What the floor of a workload under an HPA is called where scalings are told."""
    return f"floor of {name}"


def workloads() -> list[dict[str, Any]]:
    """Return the Deployments that are scaled, and the HPA of one of them."""
    return [
        workload("api", NAMESPACE, replicas=START_REPLICAS, requests={"cpu": "500m", "memory": "256Mi"}),
        workload("lead-worker", NAMESPACE, replicas=START_REPLICAS, requests={"cpu": "250m", "memory": "128Mi"}),
        workload("ai-engine", NAMESPACE, replicas=START_REPLICAS, requests={"cpu": "1", "memory": "512Mi"}),
        autoscaler("ai-engine", NAMESPACE, *HPA_BOUNDS),
    ]


def _api_load(percent: float) -> dict[str, Any]:
    """The load that makes the first two pods use this percent of what they request, with a little noise."""
    noisy = {"type": "noise", "of": percent, "percent": 2}
    return {"cpu": {"percent": noisy, "pods": START_REPLICAS}}


SCENARIO: Mapping[str, Any] = {
    "workloads": [
        {"namespace": NAMESPACE, "name": "api", "memoryBaseBytes": 120 * 2**20, **_api_load(45)},
        {"namespace": NAMESPACE, "name": "lead-worker", "memoryBaseBytes": 40 * 2**20},
    ],
    "queues": [
        {
            "name": "leads",
            "worker": f"{NAMESPACE}/lead-worker",
            "arrivals": 800,
            "ratePerPod": 500,
            "coreSecondsPerMessage": 0.0002,
        }
    ],
    "databases": [{"instance": DATABASE, "server": f"{DATABASE}:5432", "datname": "leads", "connections": 40}],
}

FOLLOWS = Scaling("ai-engine", "up")
"""The HPA raises its workload to the floor that it has got; a moment later, and by itself."""

ACTS = (
    Act(title="An ordinary load: there is nothing to do", shortest=8, longest=30),
    Act(
        title="Customers come: the load of the api triples",
        change={"workloads": {f"{NAMESPACE}/api": _api_load(150)}},
        expects=(Scaling("api", "up"),),
        shortest=20,
        longest=60,
        shows_policies=True,
    ),
    Act(
        title="Prometheus is down, and the load falls unseen",
        change={"workloads": {f"{NAMESPACE}/api": _api_load(35)}},
        prometheus=False,
        shortest=12,
        longest=40,
        shows_policies=True,
    ),
    Act(
        title="Prometheus is back, and shows that the load has fallen",
        expects=(Scaling("api", "down"),),
        shortest=5,
        longest=60,
    ),
    Act(
        title="A campaign: 4,000 leads arrive each second, and the database's connections run out",
        change={"queues": {"leads": {"arrivals": 4000}}, "databases": {DATABASE: {"connections": 85}}},
        expects=(Scaling("lead-worker", "up"), Scaling(floor_of("ai-engine"), "up")),
        allows=(FOLLOWS,),
        asks=(DATABASE,),
        shortest=12,
        longest=60,
        shows_policies=True,
    ),
    Act(
        title="The campaign is over, the workers drain the queue; a person approves what has expired",
        change={"queues": {"leads": {"arrivals": 800}}},
        expects=(Scaling("lead-worker", "down"), Scaling(floor_of("ai-engine"), "down")),
        approves_late=(DATABASE,),
        # Until the queue is back under 10,000 more workers are still asked for.
        allows=(Scaling("lead-worker", "up"), FOLLOWS),
        shortest=10,
        longest=90,
    ),
    Act(
        title="An ordinary load again: nothing moves, nobody is asked",
        change={"databases": {DATABASE: {"connections": 40}}},
        settles=(DATABASE,),
        shortest=10,
        longest=40,
        shows_policies=True,
    ),
)
