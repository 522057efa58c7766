"""The words between the engine and a Prometheus: needs go in, questions go out, answers come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.scalingpolicy import ScaleTargetRef


class Key(NamedTuple):
    """Names one reading of one policy."""

    policy: str
    """The policy's UID."""
    name: str
    """The metric's or the veto's name."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one metric of one policy wants to know.

    Attributes:
        key: Whose reading it is.
        namespace: The policy's namespace; recipes never look outside it.
        metric: The metric; for a veto, a raw query.
        target: The policy's target, for recipes that measure it.
        source: Name of the MetricSource, already resolved.
        highest: The highest threshold of the metric in its policy, in its unit: what a pod that is not measured may
            use at most, where that is more than 100 % (R1).
    """

    key: Key
    namespace: str
    metric: Metric
    target: ScaleTargetRef | None
    source: str
    highest: Fraction = Fraction(100)


@dataclass(frozen=True, slots=True)
class Question:
    """One instant query to one source; equal questions are asked once.

    Attributes:
        source: Name of the MetricSource.
        promql: The expression.
        limit: The most series the answer may have.
    """

    source: str
    promql: str
    limit: int


@dataclass(frozen=True, slots=True)
class Series:
    """One element of an instant vector.

    Attributes:
        labels: Without the metric's name where the expression drops it.
        value: Exact decimal of the text Prometheus sent; None for NaN, the infinities and histograms.
        time: The time that the answer gives for the value. Prometheus gives the evaluation's, not the sample's; an
            older one comes from a cache in between or from a backend that gives the sample's. None: not given.
    """

    labels: Mapping[str, str]
    value: Fraction | None
    time: datetime | None = None


IS_PARTIAL = "the backend says isPartial"
"""The warning that an answer carries in place of words of the source (VictoriaMetrics)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: an instant vector (a scalar counts as one series without labels).

    Attributes:
        series: In the order of the answer.
        warnings: What Prometheus warned of, in its words, which nothing shows; one makes every reading Partial (R1).
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer.

    Attributes:
        reason: Error or Timeout; SourceNotFound when the source is not there.
        message: Class of the failure and the HTTP status; never the body of an answer.
    """

    reason: Reason
    message: str


Answer = Answered | Failed
