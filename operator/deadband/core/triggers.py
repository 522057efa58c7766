"""Three-valued triggers: what a reading means for an expression (R1, R4, R5), now or after a step (R9)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from deadband.api.behavior import Direction, Trigger
from deadband.api.conditions import Reason
from deadband.api.metrics import Assumption, Metric, Per
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.types import Absent, Interval, Reading, Sample

Truth = bool | None
"""True, False, or None for unknown."""

ANSWERED_BY_ON_NO_DATA = frozenset({Reason.EMPTY, Reason.NOT_A_NUMBER, Reason.NO_REQUESTS})
"""The absences that onNoData answers: a broken source stays unknown."""


@dataclass(frozen=True, slots=True)
class Load:
    """A known metric as its triggers see it: a number, or an interval that the number lies in (R1).

    Attributes:
        low: u of R8, which is the reading, divided by max(1, ready) for Average; of an interval the low end.
        high: The high end; equal to `low` for a number.
        per: How it relates to replicas.
        ready: r of this metric: the pods that a `resource` reading counts, else the target's.
        coverage: Pods measured and pods counted of an interval, where it says so.
        simulated: It is what the shadow's pods would show, not what was read (R14).
    """

    low: Fraction
    high: Fraction
    per: Per
    ready: int
    coverage: tuple[int, int] | None = None
    simulated: bool = False

    @classmethod
    def exactly(cls, value: Fraction, per: Per, ready: int) -> "Load":
        """A number: an interval of width 0."""
        return cls(value, value, per, ready)

    @property
    def exact(self) -> bool:
        """Whether it is a number."""
        return self.low == self.high

    @property
    def whole(self) -> Fraction:
        """What all pods carry together: v of an Average and of a Total, r times u of a Replica; by the high end."""
        if self.per is Per.REPLICA:
            return self.high * self.ready
        return self.high * max(1, self.ready) if self.per is Per.AVERAGE else self.high

    def shown_by(self, shadow: int) -> "Load":
        """The same load as the shadow's pods would show it (R14); with no pod on either side, as it is and with r 0.

        Args:
            shadow: The shadow replicas, all of them ready.
        """
        pods = shadow if self.ready else 0
        if self.per is Per.TOTAL:
            return replace(self, ready=pods)
        if self.per is Per.REPLICA:
            share = Fraction(self.ready, pods) if pods else Fraction(1)
        else:
            share = Fraction(max(1, self.ready), max(1, pods))
        simulated = self.per is Per.REPLICA and share != 1
        return replace(self, low=self.low * share, high=self.high * share, ready=pods, simulated=simulated)

    def projected(self, replicas: int) -> "Load | Assumption":
        """The same load carried by `replicas` pods (R9); an interval by its high end.

        At 0 replicas a load of 0 stays 0 and any other is above every threshold.
        """
        if self.per is Per.TOTAL:
            return Load.exactly(self.high, self.per, self.ready)
        if replicas == 0:
            return Load.exactly(self.high, self.per, 0) if self.whole == 0 else Assumption.ABOVE
        return Load.exactly(self.whole / replicas, self.per, replicas)


Observed = Load | Assumption | Absent


def observe(metric: Metric, reading: Reading, ready: int | None) -> Observed:
    """Turn a reading into what triggers compare, with onNoData applied.

    Args:
        metric: The metric that was read.
        reading: The sample or the interval, or why there is none.
        ready: r of the target; None where the target cannot be read, so that nothing can be said per replica.
    """
    if isinstance(reading, Absent):
        answer = metric.on_no_data
        if answer is None or reading.reason not in ANSWERED_BY_ON_NO_DATA:
            return reading
        if answer.assume is not None:
            return answer.assume
        assert answer.value is not None, "validation: onNoData has exactly one key"
        reading = Sample(answer.value)
    low, high, coverage = _ends(reading)
    per = metric.effective_per
    pods = ready if reading.pods is None else reading.pods
    if per is not Per.AVERAGE:
        return Load(low, high, per, pods or 0, coverage)
    if pods is None:
        return Absent(Reason.ERROR, "the target's ready replicas, by which it is divided, are not known")
    divisor = max(1, pods)
    return Load(low / divisor, high / divisor, per, pods, coverage)


def _ends(reading: Sample | Interval) -> tuple[Fraction, Fraction, tuple[int, int] | None]:
    """Both ends of a reading, and what an interval says of its pods; one of width 0 is a number."""
    if isinstance(reading, Sample):
        return reading.value, reading.value, None
    known = reading.measured is not None and reading.pods is not None and reading.low != reading.high
    return reading.low, reading.high, (reading.measured or 0, reading.pods or 0) if known else None


def observe_all(spec: ScalingPolicySpec, readings: Mapping[str, Reading], ready: int | None) -> dict[str, Observed]:
    """Observe every metric of the policy; one that was not read at all is an Error, never 0."""
    missing = Absent(Reason.ERROR, "it was not read")
    return {metric.name: observe(metric, readings.get(metric.name, missing), ready) for metric in spec.metrics}


def holds(trigger: Trigger, observed: Observed) -> Truth:
    """Compare strictly (R4); None when the metric is absent, and where an interval reaches across the threshold."""
    match observed:
        case Absent():
            return None
        case Assumption.ABOVE:
            return trigger.above is not None
        case Assumption.BELOW:
            return trigger.below is not None
        case Load(low=low, high=high) if trigger.above is not None:
            return _agreed(low > trigger.threshold, high > trigger.threshold)
        case Load(low=low, high=high):
            return _agreed(low < trigger.threshold, high < trigger.threshold)


def _agreed(low: bool, high: bool) -> Truth:
    """What both ends of an interval say, and with them all between; unknown where they differ."""
    return low if low == high else None


def expression(direction: Direction, observed: Mapping[str, Observed]) -> Truth:
    """Evaluate anyOf or allOf in three values (R5); a Disabled direction is false, a Manual one is evaluated."""
    if not direction.enabled:
        return False
    truths = [holds(trigger, observed[trigger.metric]) for trigger in direction.triggers]
    decisive = direction.any_of is not None
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def undecided(direction: Direction, observed: Mapping[str, Observed]) -> bool:
    """Whether the expression is unknown by intervals alone: nothing is absent that it needs (R1, R17)."""
    truths = [(trigger, holds(trigger, observed[trigger.metric])) for trigger in direction.triggers]
    return expression(direction, observed) is None and not any(
        truth is None and isinstance(observed[trigger.metric], Absent) for trigger, truth in truths
    )


def true_triggers(direction: Direction, observed: Mapping[str, Observed]) -> list[Trigger]:
    """The triggers that are known true: the ones a step is computed from (R8)."""
    return [trigger for trigger in direction.triggers if holds(trigger, observed[trigger.metric])]
