"""What each policy looks at and where it stands, as Prometheus series.

Twenty series for each of thousands of policies: rendered when a policy changes, not when somebody scrapes, so that a
scrape is one concatenation. Text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from deadband.api.behavior import Direction
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.api.types import Decimal
from deadband.ports import ObjectRef


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name and its HELP."""

    name: str
    help: str


VALUE = Family(
    "deadband_policy_metric_value",
    "What was last compared with the thresholds of a metric, in its own unit (percent for resources); "
    "absent while unknown.",
)
THRESHOLD = Family(
    "deadband_policy_threshold", "Threshold of a trigger of a policy, in the unit of the metric it compares."
)
REPLICAS = Family("deadband_policy_replicas", "Replicas of a policy's target: current, desired, and both bounds.")
CONDITION = Family("deadband_policy_condition", "1 for the status that each condition of a policy has now.")
DECISION = Family("deadband_policy_decision", "1 for the reason that the last evaluation of a policy ended with.")

FAMILIES = (VALUE, THRESHOLD, REPLICAS, CONDITION, DECISION)

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class PolicySeries:
    """The rendered series of every policy that is shown."""

    def __init__(self) -> None:
        self._rendered: dict[Family, dict[tuple[str, str], str]] = {family: {} for family in FAMILIES}
        self._shown: dict[tuple[str, str], tuple[ScalingPolicySpec | None, ScalingPolicyStatus]] = {}

    def show(
        self,
        policy: ObjectRef,
        spec: ScalingPolicySpec | None,
        status: ScalingPolicyStatus,
        values: Mapping[str, Fraction],
    ) -> None:
        """Replace the series of one policy; without a spec its conditions are all there is."""
        key = policy.namespace, policy.name
        base = f'namespace="{_escaped(policy.namespace)}",policy="{_escaped(policy.name)}"'
        self._rendered[VALUE][key] = "".join(
            f'{VALUE.name}{{{base},metric="{metric}"}} {_float(value)!r}\n' for metric, value in values.items()
        )
        before, self._shown[key] = self._shown.get(key), (spec, status)
        if before is not None and before[0] is spec and (before[1] is status or _look(before[1]) == _look(status)):
            return
        reason = _reason(status)
        self._rendered[CONDITION][key] = "".join(
            f'{CONDITION.name}{{{base},type="{one.type}",status="{one.status}"}} 1\n' for one in status.conditions
        )
        self._rendered[DECISION][key] = f'{DECISION.name}{{{base},reason="{reason}"}} 1\n' if reason else ""
        self._rendered[REPLICAS][key] = "".join(_replicas(base, spec, status))
        self._rendered[THRESHOLD][key] = "".join(_thresholds(base, spec)) if spec is not None else ""

    def forget(self, policy: ObjectRef) -> None:
        """Drop the series of one policy."""
        self._shown.pop((policy.namespace, policy.name), None)
        for series in self._rendered.values():
            series.pop((policy.namespace, policy.name), None)

    def render(self) -> str:
        """Everything, each family under its HELP and TYPE."""
        return "".join(
            f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n{''.join(series.values())}"
            for family, series in self._rendered.items()
        )


def _look(status: ScalingPolicyStatus) -> object:
    """What is shown of a status beside the values."""
    conditions = [(condition.type, condition.status) for condition in status.conditions]
    return status.current_replicas, status.desired_replicas, _reason(status), conditions


def _reason(status: ScalingPolicyStatus) -> str | None:
    return status.decision.reason if status.decision is not None else None


def _thresholds(base: str, spec: ScalingPolicySpec) -> Iterable[str]:
    for direction, rules in (("up", spec.up), ("down", spec.down)):
        if not rules.enabled:
            continue
        for (metric, comparison), thresholds in _compared(rules).items():
            # Of several the one that decides: the first to be breached under anyOf, the last under allOf.
            deciding = min if (comparison == "above") is (rules.any_of is not None) else max
            labels = f'{base},metric="{metric}",direction="{direction}",comparison="{comparison}"'
            yield f"{THRESHOLD.name}{{{labels}}} {float(deciding(thresholds))!r}\n"


def _compared(rules: Direction) -> Mapping[tuple[str, str], list[Decimal]]:
    """The thresholds of a direction by metric and by how they are compared."""
    compared: dict[tuple[str, str], list[Decimal]] = {}
    for trigger in rules.triggers:
        comparison = "above" if trigger.above is not None else "below"
        compared.setdefault((trigger.metric, comparison), []).append(trigger.threshold)
    return compared


def _replicas(base: str, spec: ScalingPolicySpec | None, status: ScalingPolicyStatus) -> Iterable[str]:
    shown = {
        "current": status.current_replicas,
        "desired": status.desired_replicas,
        "min": spec.min_replicas if spec is not None else None,
        "max": spec.max_replicas if spec is not None else None,
    }
    for which, replicas in shown.items():
        if replicas is not None:
            yield f'{REPLICAS.name}{{{base},which="{which}"}} {replicas}\n'


def _float(value: Fraction) -> float:
    """The nearest float: what is compared is exact, and may be larger than any float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)
