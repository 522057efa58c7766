"""Readings as they would have been, had other replicas carried the same load (R9)."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from deadband.api.conditions import Reason
from deadband.api.metrics import Metric, Per
from deadband.core.types import Absent, Reading, Sample


def projected(metric: Metric, reading: Reading, *, real: int | None, simulated: int) -> Reading:
    """The reading with `simulated` pods instead of those that it was read of.

    A metric per Replica becomes v · real / simulated, and so do both ends of an interval. Total stays; Average does
    too, since the core divides the whole by the simulated replicas anyway. Where the real ones are not known, or are
    none, there is nothing to project by.

    Args:
        metric: The metric.
        reading: As recorded; a `resource` reading may say itself how many pods it counts.
        real: Ready replicas that really ran; None when nothing tells.
        simulated: Ready replicas of the simulation; with none, no pod would be there to be measured.
    """
    if isinstance(reading, Absent) or not _differs(metric, reading, real=real, simulated=simulated):
        return reading
    if metric.effective_per is not Per.REPLICA:
        return reading
    if simulated == 0:
        return Absent(Reason.EMPTY, "no pod would be there to measure")
    share = Fraction(_pods(reading, real) or 0, simulated)
    if isinstance(reading, Sample):
        return Sample(reading.value * share, reading.time, None if reading.pods is None else simulated)
    return replace(reading, low=reading.low * share, high=reading.high * share, pods=simulated)


def concerned(
    metrics: Mapping[str, Metric], readings: Mapping[str, Reading], *, real: int | None, simulated: int
) -> tuple[str, ...]:
    """Names of the metrics whose compared value is another than the recorded one: per Replica and Average."""
    return tuple(
        name
        for name, metric in metrics.items()
        if metric.effective_per is not Per.TOTAL and _differs(metric, readings[name], real=real, simulated=simulated)
    )


def _differs(metric: Metric, reading: Reading, *, real: int | None, simulated: int) -> bool:
    pods = _pods(reading, real) if metric.effective_per is Per.REPLICA else real
    return bool(pods) and pods != simulated


def _pods(reading: Reading, real: int | None) -> int | None:
    """The pods that carried what was read."""
    return real if isinstance(reading, Absent) or reading.pods is None else reading.pods
