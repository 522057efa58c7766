"""Three-valued triggers: what a reading means for an expression (R1, R4, R5), now or after a step (R9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from deadband.api.behavior import Direction, Trigger
from deadband.api.conditions import Reason
from deadband.api.metrics import Assumption, Metric, Per
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.types import Absent, Reading, Sample

Truth = bool | None
"""True, False, or None for unknown."""

ANSWERED_BY_ON_NO_DATA = frozenset({Reason.EMPTY, Reason.NOT_A_NUMBER, Reason.NO_REQUESTS})
"""The absences that onNoData answers: a broken source stays unknown."""


@dataclass(frozen=True, slots=True)
class Load:
    """A known metric as its triggers see it.

    Attributes:
        compared: u of R8: the reading, divided by max(1, ready) for Average.
        per: How it relates to replicas.
    """

    compared: Fraction
    per: Per

    def projected(self, ready: int, replicas: int) -> "Load | Assumption":
        """The same load carried by `replicas` pods instead of `ready` (R9).

        At 0 replicas a load of 0 stays 0 and any other is above every threshold.
        """
        if self.per is Per.TOTAL:
            return self
        whole = self.compared * ready
        if replicas == 0:
            return self if whole == 0 else Assumption.ABOVE
        return Load(whole / replicas, self.per)


Observed = Load | Assumption | Absent


def observe(metric: Metric, reading: Reading, ready: int | None) -> Observed:
    """Turn a reading into what triggers compare, with onNoData applied.

    Args:
        metric: The metric that was read.
        reading: The sample, or why there is none.
        ready: r, the ready replicas; None where the target cannot be read, so that nothing can be said per replica.
    """
    if isinstance(reading, Absent):
        answer = metric.on_no_data
        if answer is None or reading.reason not in ANSWERED_BY_ON_NO_DATA:
            return reading
        if answer.assume is not None:
            return answer.assume
        assert answer.value is not None, "validation: onNoData has exactly one key"
        reading = Sample(answer.value)
    per = metric.effective_per
    if per is not Per.AVERAGE:
        return Load(reading.value, per)
    if ready is None:
        return Absent(Reason.ERROR, "the target's ready replicas, by which it is divided, are not known")
    return Load(reading.value / max(1, ready), per)


def observe_all(spec: ScalingPolicySpec, readings: Mapping[str, Reading], ready: int | None) -> dict[str, Observed]:
    """Observe every metric of the policy; one that was not read at all is an Error, never 0."""
    missing = Absent(Reason.ERROR, "it was not read")
    return {metric.name: observe(metric, readings.get(metric.name, missing), ready) for metric in spec.metrics}


def holds(trigger: Trigger, observed: Observed) -> Truth:
    """Compare strictly (R4); None when the metric is absent."""
    match observed:
        case Absent():
            return None
        case Assumption.ABOVE:
            return trigger.above is not None
        case Assumption.BELOW:
            return trigger.below is not None
        case Load(compared=value):
            return value > trigger.threshold if trigger.above is not None else value < trigger.threshold


def expression(direction: Direction, observed: Mapping[str, Observed]) -> Truth:
    """Evaluate anyOf or allOf in three values (R5); a Disabled direction is false, a Manual one is evaluated."""
    if not direction.enabled:
        return False
    truths = [holds(trigger, observed[trigger.metric]) for trigger in direction.triggers]
    decisive = direction.any_of is not None
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def true_triggers(direction: Direction, observed: Mapping[str, Observed]) -> list[Trigger]:
    """The triggers that are known true: the ones a step is computed from (R8)."""
    return [trigger for trigger in direction.triggers if holds(trigger, observed[trigger.metric])]
