"""One moment of the play as it is shown: pure data that both views draw from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from e2e.testbed.demo.observed import METRICS_AVAILABLE, PolicySeen, Snapshot, WorkloadSeen

Zone = Literal["below", "inside", "above"]
_UNITS = {"cpu": " %", "memory": " %", "connections": " %"}


@dataclass(frozen=True, slots=True)
class Band:
    """A metric of a policy with the thresholds that it is compared with; None where a side has none."""

    name: str
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Gauge:
    """What a metric really is now; None when the simulator has no pod to tell of."""

    band: Band
    value: float | None

    @property
    def zone(self) -> Zone:
        """Where the value stands; a threshold itself is inside, and so is what is not known."""
        if self.value is not None and self.band.high is not None and self.value > self.band.high:
            return "above"
        if self.value is not None and self.band.low is not None and self.value < self.band.low:
            return "below"
        return "inside"


@dataclass(frozen=True, slots=True)
class Row:
    """One workload with its policy; a policy without one stands under its own name, and nothing of it is scaled."""

    workload: str
    seen: WorkloadSeen | None
    policy: PolicySeen
    gauges: tuple[Gauge, ...]

    @property
    def blind(self) -> bool:
        """Whether the policy says that it cannot read its metrics."""
        return self.policy.conditions.get(METRICS_AVAILABLE) == "False"


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything at one moment; `act` is the running act's title."""

    at: float
    act: str
    rows: tuple[Row, ...]


def bands(policy: Mapping[str, Any]) -> tuple[Band, ...]:
    """Return the metrics of a policy manifest with their thresholds, in its order."""
    spec = policy["spec"]
    return tuple(
        Band(
            metric["name"],
            _UNITS.get(metric["name"], ""),
            low=_threshold(spec["scaleDown"], metric["name"], "below"),
            high=_threshold(spec["scaleUp"], metric["name"], "above"),
        )
        for metric in spec["metrics"]
    )


def frame(act: str, snapshot: Snapshot, metrics: Mapping[str, Sequence[Gauge]]) -> Frame:
    """Join a snapshot with the gauges of each policy, by name; a policy whose workload is not there is left out."""
    rows = [
        Row(policy.target or name, snapshot.workloads.get(policy.target or ""), policy, tuple(metrics[name]))
        for name, policy in sorted(snapshot.policies.items())
        if policy.target is None or policy.target in snapshot.workloads
    ]
    return Frame(snapshot.at, act, tuple(rows))


def _threshold(direction: Mapping[str, Any], metric: str, side: str) -> float | None:
    triggers = direction.get("anyOf") or direction.get("allOf") or []
    found = [trigger[side] for trigger in triggers if trigger["metric"] == metric and side in trigger]
    return float(found[0]) if found else None
