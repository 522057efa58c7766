"""What has to be asked to play one policy over its history: its own questions, and what really ran."""

from collections.abc import Mapping
from dataclasses import dataclass

from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.engine.gathering import VETO_PREFIX
from deadband.queries.plan import Plan, plan
from deadband.queries.promql import Dialect, equals
from deadband.queries.types import Key, Need, Question

_REAL = {
    "Deployment": ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_ready", "deployment"),
    "StatefulSet": ("kube_statefulset_replicas", "kube_statefulset_status_replicas_ready", "statefulset"),
}
"""By kind: series of the replicas asked for and of the ready ones, and the label with the workload's name.

Source: kube-state-metrics, docs/metrics/workload/deployment-metrics.md and statefulset-metrics.md.
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The questions of one policy.

    Attributes:
        plan: Its metrics and vetoes, planned as on a cluster; the keys have no policy.
        replicas: spec.replicas of the real target; None where no exporter tells of such a kind.
        ready: Its ready replicas, likewise.
        sources: By name, as the plan was made with them.
    """

    plan: Plan
    replicas: Question | None
    ready: Question | None
    sources: Mapping[str, MetricSourceSpec]

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them, each once."""
        real = [question for question in (self.replicas, self.ready) if question is not None]
        return tuple(dict.fromkeys([*self.plan.questions, *real]))


def wanted(
    spec: ScalingPolicySpec,
    namespace: str,
    sources: Mapping[str, MetricSourceSpec],
    default: str,
    *,
    measured: ScaleTargetRef | None = None,
) -> Wanted:
    """Tell what to ask.

    Args:
        spec: A valid policy.
        namespace: Of the policy.
        sources: By name.
        default: Name of the source for metrics that name none, and for the replicas that really ran.
        measured: Whose pods carry the load; None: those of the target that the policy names.
    """
    target = measured or spec.scale_target_ref
    named = {metric.name: metric for metric in spec.metrics}
    named |= {VETO_PREFIX + veto.name: Metric(name=veto.name, query=veto.query) for veto in spec.vetoes}
    needs = [Need(Key("", name), namespace, metric, target, metric.source or default) for name, metric in named.items()]
    replicas, ready = _real(target, namespace, sources.get(default), default)
    return Wanted(plan(needs, sources), replicas, ready, sources)


def _real(
    target: ScaleTargetRef | None, namespace: str, source: MetricSourceSpec | None, name: str
) -> tuple[Question | None, Question | None]:
    if target is None or source is None or target.kind not in _REAL:
        return None, None
    dialect = Dialect.of(source)
    *series, label = _REAL[target.kind]
    whose = (equals("namespace", namespace), equals(label, target.name))
    # Two kube-state-metrics, or one that is scraped twice, tell of one workload twice.
    replicas, ready = (Question(name, f"max({dialect.instant(each, *whose)})", 2) for each in series)
    return replicas, ready
