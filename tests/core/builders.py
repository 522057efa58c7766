"""Short ways to say what a decision starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import Override, ScalingPolicySpec
from deadband.api.status import ScaleEvent, ScalingPolicyStatus, Wish
from deadband.core.decide import decide
from deadband.core.decision import Decision
from deadband.core.status import next_status
from deadband.core.types import Absent, Inputs, Interval, NoTarget, Outage, Pause, Reading, Sample, Target

T0 = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
TICK = timedelta(seconds=15)
EMPTY = Absent(Reason.EMPTY)
ERROR = Absent(Reason.ERROR, "HTTP 503")


def spec(**changes: Any) -> ScalingPolicySpec:
    """A CPU policy that moves one pod at a time, at once, without limits; keys of the wire replace what is given."""
    document: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 1,
        "maxReplicas": 100,
        "metrics": [{"name": "cpu", "query": "cpu", "per": "Replica"}],
        "scaleUp": up(),
        "scaleDown": down(),
    }
    document.update(changes)
    return ScalingPolicySpec.model_validate({key: value for key, value in document.items() if value is not None})


def up(**changes: Any) -> dict[str, Any]:
    return {"anyOf": [{"metric": "cpu", "above": 70}], "step": {"type": "Pods", "pods": 1}, "limits": [], **changes}


def down(**changes: Any) -> dict[str, Any]:
    return {
        "allOf": [{"metric": "cpu", "below": 20}],
        "step": {"type": "Pods", "pods": 1},
        "limits": [],
        "forSeconds": 0,
        "cooldownSeconds": 0,
        **changes,
    }


def reading(value: Any) -> Reading:
    return value if isinstance(value, Absent | Interval | Sample) else Sample(Fraction(str(value)))


def target(replicas: int, **changes: Any) -> Target:
    return Target(**{"replicas": replicas, "ready": replicas, "available": replicas, **changes})


def event(seconds_ago: int, from_: int, to: int, **changes: Any) -> ScaleEvent:
    return ScaleEvent(time=T0 - timedelta(seconds=seconds_ago), from_=from_, to=to, **changes)


def wish(seconds_ago: int, replicas: int) -> Wish:
    return Wish(time=T0 - timedelta(seconds=seconds_ago), replicas=replicas)


def status(*events: ScaleEvent, **changes: Any) -> ScalingPolicyStatus:
    last = max((each.time for each in events), default=None)
    return ScalingPolicyStatus(
        **{"observed_generation": 1, "scale_events": list(events), "last_scale_time": last, **changes}
    )


def inputs(
    policy: ScalingPolicySpec, replicas: int | Target | NoTarget | None, cpu: Any = None, **changes: Any
) -> Inputs:
    readings = changes.pop("readings", None) or ({"cpu": reading(cpu)} if cpu is not None else {})
    workload = target(replicas) if isinstance(replicas, int) else replicas
    start: dict[str, Any] = {"status": status(), "now": T0, "generation": 1}
    return Inputs(spec=policy, target=workload, readings=readings, **{**start, **changes})


@dataclass
class World:
    """One policy and its target, stepped by hand; status goes through JSON between evaluations."""

    policy: ScalingPolicySpec
    replicas: int
    ready: int | None = None
    status: ScalingPolicyStatus = field(default_factory=ScalingPolicyStatus)
    now: datetime = T0
    overrides: tuple[Override, ...] = ()
    pause: Pause = Pause.NOTHING
    approval: str | None = None

    def step(self, readings: Mapping[str, Any], *, outage: Outage | None = None, seconds: int = 15) -> Decision:
        """Evaluate once, carry the write out, move the clock."""
        workload = target(self.replicas)
        if self.ready is not None:
            workload = replace(workload, ready=min(self.ready, self.replicas))
        given = Inputs(
            spec=self.policy,
            status=self.status,
            readings={name: reading(value) for name, value in readings.items()},
            now=self.now,
            target=workload,
            overrides=self.overrides,
            pause=self.pause,
            approval=self.approval,
            outage=outage,
            generation=1,
        )
        decision = decide(given)
        text = next_status(given, decision).model_dump_json()
        self.status = ScalingPolicyStatus.model_validate_json(text)
        if decision.write is not None:
            self.replicas = decision.write
        self.now += timedelta(seconds=seconds)
        return decision

    def cpu(self, *values: Any) -> list[int]:
        """Replicas after each of these readings."""
        after = []
        for value in values:
            self.step({"cpu": value})
            after.append(self.replicas)
        return after
