"""Histories in few words: a policy, what was read at each instant, and what really ran."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from deadband.api.metricsource import MetricSourceSpec
from deadband.engine.validity import check_policy
from deadband.queries.ranges import Grid, RangeAnswered, RangeSeries
from deadband.scenario.recorded.recording import Recording, Track
from deadband.scenario.recorded.replay import Ran, replay
from deadband.scenario.recorded.run import Run
from deadband.scenario.recorded.wanted import wanted

START = 1767600000  # 2026-01-05T08:00:00Z
STEP = 15
SOURCES = {"": MetricSourceSpec(url="http://prometheus.invalid")}

SPEC: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
    "minReplicas": 1,
    "maxReplicas": 20,
    "metrics": [{"name": "cpu", "query": "cpu", "per": "Replica"}],
    "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}], "limits": []},
    "scaleDown": {
        "allOf": [{"metric": "cpu", "below": 20}],
        "forSeconds": 0,
        "cooldownSeconds": 0,
        "limits": [],
        "step": {"type": "Pods", "pods": 1},
    },
}

Values = Sequence[float | None]


def played(
    values: Values | Mapping[str, Values],
    *,
    real: Sequence[int | None] = (),
    ready: Sequence[int | None] = (),
    start: int | None = None,
    label: str = "leadgen/api",
    told: Callable[[int], None] = lambda _: None,
    **spec: Any,
) -> Run:
    """Play: `values` by query (of the metric cpu when not a mapping); None is no sample; `real` stays at its last."""
    by_query = values if isinstance(values, Mapping) else {"cpu": values}
    count = max(len(each) for each in by_query.values())
    policy = check_policy(
        {
            "apiVersion": "deadband.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "api", "namespace": "leadgen"},
            "spec": {key: value for key, value in {**SPEC, **spec}.items() if value is not None},
        }
    )
    grid = Grid(START, STEP, count)
    asked = wanted(policy, "leadgen", SOURCES, "")
    tracks = {question: track(grid, question, by_query.get(question.promql, ())) for question in asked.questions}
    ran = extended(real, count)
    return replay(
        label=label,
        spec=policy,
        recording=Recording(asked.plan, tracks, grid),
        ran=Ran(ran, extended(ready, count) if ready else ran),
        start=start,
        played=told,
    )


def track(grid: Grid, question: Any, values: Values) -> Track:
    """The answer to one question with one series."""
    known = [(grid.start + index * grid.step, value) for index, value in enumerate(values) if value is not None]
    points = [(float(at), None if value != value else Fraction(str(value))) for at, value in known]  # noqa: PLR0124 - NaN
    made = Track(grid, question)
    made.add(RangeAnswered(grid, (RangeSeries({}, points),) if points else ()))
    return made


def extended(numbers: Sequence[int | None], count: int) -> list[int | None]:
    return [*numbers, *([numbers[-1] if numbers else None] * (count - len(numbers)))]
