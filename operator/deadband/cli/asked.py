"""What a policy asks, as PromQL for people: with a source's own names where it is known. Pure text."""

from collections.abc import Iterator, Mapping

from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.core.types import Absent
from deadband.engine.gathering import VETO_PREFIX
from deadband.queries import plan
from deadband.queries.recipes import recipe_for
from deadband.queries.types import Key, Need

UNKNOWN = MetricSourceSpec(url="http://prometheus.invalid")
"""Stands in for a source that is not known here: recipes are written with their own names and windows."""


def promql(
    spec: ScalingPolicySpec,
    namespace: str,
    sources: Mapping[str, MetricSourceSpec],
    default: str,
    *,
    measured: ScaleTargetRef | None = None,
) -> dict[str, str]:
    """What is asked for each metric and veto.

    Args:
        spec: A valid policy.
        namespace: Of the policy.
        sources: By name; one that is missing is stood in for.
        default: Name of the source for metrics that name none.
        measured: Whose pods a resource metric reads; None: those of the target that the policy names.

    Returns:
        By name; before that of a veto stands `veto/`.
    """
    return {
        need.key.name: plan.describe(need, sources.get(need.source, UNKNOWN))
        for _, need in _needs(spec, namespace, default, measured)
    }


def refusals(
    spec: ScalingPolicySpec, namespace: str, sources: Mapping[str, MetricSourceSpec], default: str
) -> dict[str, str]:
    """Which of a policy's own queries are never sent, because their source allows none or binds them and cannot.

    Args:
        spec: A valid policy.
        namespace: Of the policy.
        sources: By name; nothing is said of what asks one that is missing.
        default: Name of the source for metrics that name none.

    Returns:
        By field, such as `spec.metrics[0].query`, the message of the reading, which is Error for as long as that is so.
    """
    found = {}
    for field, need in _needs(spec, namespace, default, None):
        source = sources.get(need.source)
        if need.metric.query is not None and source is not None:
            recipe = recipe_for(need, source)
            if isinstance(recipe, Absent):
                found[f"{field}.query"] = recipe.message
    return found


def _needs(
    spec: ScalingPolicySpec, namespace: str, default: str, measured: ScaleTargetRef | None
) -> Iterator[tuple[str, Need]]:
    """Metrics and vetoes as needs, each with its field."""
    named = [(f"spec.metrics[{index}]", metric.name, metric) for index, metric in enumerate(spec.metrics)]
    named += [
        (f"spec.vetoes[{index}]", VETO_PREFIX + veto.name, Metric(name=veto.name, query=veto.query))
        for index, veto in enumerate(spec.vetoes)
    ]
    for field, key, metric in named:
        target = measured or spec.scale_target_ref
        yield field, Need(Key("", key), namespace, metric, target, metric.source or default)
