"""Readings as they would have been, had other replicas carried the same load (R9)."""

from collections.abc import Mapping
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.metrics import Metric, Per
from deadband.core.types import Absent, Reading, Sample


def projected(metric: Metric, reading: Reading, *, real: int | None, simulated: int) -> Reading:
    """The reading with `simulated` ready replicas instead of the `real` ones.

    A metric per Replica becomes v · real / simulated. Total stays; Average does too, since the core divides the whole
    by the simulated replicas anyway. Where the real ones are not known, or are none, there is nothing to project by.

    Args:
        metric: The metric.
        reading: As recorded.
        real: Ready replicas that really ran; None when nothing tells.
        simulated: Ready replicas of the simulation; with none, nobody would be there to be measured.
    """
    if metric.effective_per is not Per.REPLICA or isinstance(reading, Absent) or not real or real == simulated:
        return reading
    if simulated == 0:
        return Absent(Reason.EMPTY, "no pod would be there to measure")
    value = reading.value
    return Sample(Fraction(value.numerator * real, value.denominator * simulated), reading.time)


def concerned(metrics: Mapping[str, Metric], *, real: int | None, simulated: int) -> tuple[str, ...]:
    """Names of the metrics whose compared value is another than the recorded one: per Replica and Average."""
    if not real or real == simulated:
        return ()
    return tuple(name for name, metric in metrics.items() if metric.effective_per is not Per.TOTAL)
