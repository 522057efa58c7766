"""What a policy asks, as PromQL for people: with a source's own names where it is known. Pure text."""

from collections.abc import Mapping

from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.engine.gathering import VETO_PREFIX
from deadband.queries import plan
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
    named = {metric.name: metric for metric in spec.metrics}
    named |= {VETO_PREFIX + veto.name: Metric(name=veto.name, query=veto.query) for veto in spec.vetoes}
    asked = {}
    for key, metric in named.items():
        source = metric.source or default
        need = Need(Key("", key), namespace, metric, measured or spec.scale_target_ref, source)
        asked[key] = plan.describe(need, sources.get(source, UNKNOWN))
    return asked
