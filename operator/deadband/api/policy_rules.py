"""Contradictions within a ScalingPolicy's spec, apart from those of its target and of one direction alone."""

from collections.abc import Iterator
from typing import Any

from deadband.api.behavior import Trigger
from deadband.api.metrics import Metric, OnNoData, QueueMetric, QueueSystem
from deadband.api.rule import Broken, Rule, exactly_one, triggers, twice, when
from deadband.api.scalingpolicy import Fallback, FallbackBehavior, Override, ScalingPolicySpec
from deadband.api.types import render_decimal


def _policy_triggers(spec: ScalingPolicySpec) -> list[tuple[str, Trigger]]:
    return [*triggers(spec.scale_up, "scaleUp."), *triggers(spec.scale_down, "scaleDown.")]


def _lists(*paths: str) -> list[tuple[str, str]]:
    """For each direction its two expressions: (guard that it is there, CEL path of the list)."""
    return [
        (f"has(self.{path}) && has(self.{path}.{key})", f"self.{path}.{key}")
        for path in paths
        for key in ("anyOf", "allOf")
    ]


def _known_metric(way: str) -> Rule[ScalingPolicySpec]:
    def broken(spec: ScalingPolicySpec) -> Iterator[Broken]:
        names = {metric.name for metric in spec.metrics}
        for path, trigger in _policy_triggers(spec):
            if path.startswith(way) and trigger.metric not in names:
                yield Broken(f"{path}.metric", trigger.metric)

    return Rule(
        ScalingPolicySpec,
        way,
        "a trigger's metric must be the name of one of spec.metrics: correct it, or add the metric",
        " && ".join(
            f"(!({there}) || {listed}.all(t, self.metrics.exists(m, m.name == t.metric)))"
            for there, listed in _lists(way)
        ),
        broken,
    )


def _unused_metrics(spec: ScalingPolicySpec) -> Iterator[Broken]:
    used = {trigger.metric for _, trigger in _policy_triggers(spec)}
    for index, metric in enumerate(spec.metrics):
        if metric.name not in used:
            yield Broken(f"metrics[{index}].name", metric.name)


def _no_band(spec: ScalingPolicySpec) -> Iterator[Broken]:
    ups = list(triggers(spec.scale_up))
    for path, down in triggers(spec.scale_down, "scaleDown."):
        for _, up in ups:
            if up.metric != down.metric:
                continue
            if up.above is not None and down.below is not None and down.below >= up.above:
                yield Broken(f"{path}.below", f"{render_decimal(down.below)} against {render_decimal(up.above)}")
            if up.below is not None and down.above is not None and down.above <= up.below:
                yield Broken(f"{path}.above", f"{render_decimal(down.above)} against {render_decimal(up.below)}")


def _band_cel() -> str:
    pair = (
        "u.metric != d.metric"
        " || ((!has(u.above) || !has(d.below) || double(d.below) < double(u.above))"
        " && (!has(u.below) || !has(d.above) || double(d.above) > double(u.below)))"
    )
    return " && ".join(
        f"(!({up_there} && {down_there}) || {ups}.all(u, {downs}.all(d, {pair})))"
        for up_there, ups in _lists("scaleUp")
        for down_there, downs in _lists("scaleDown")
    )


POLICY_RULES: tuple[Rule[Any], ...] = (
    Rule(
        ScalingPolicySpec,
        "minReplicas",
        "must not be greater than maxReplicas: lower it, or raise maxReplicas",
        "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        lambda spec: when(
            spec.min_replicas is not None and spec.max_replicas is not None and spec.min_replicas > spec.max_replicas,
            "minReplicas",
            f"{spec.min_replicas} against {spec.max_replicas}",
        ),
    ),
    Rule(
        ScalingPolicySpec,
        "minReplicas",
        "is required with a scaleTargetRef: say the least replicas that may run",
        "!has(self.scaleTargetRef) || has(self.minReplicas)",
        lambda spec: when(spec.scale_target_ref is not None and spec.min_replicas is None, "minReplicas"),
    ),
    Rule(
        ScalingPolicySpec,
        "maxReplicas",
        "is required with a scaleTargetRef: say the most replicas that may run",
        "!has(self.scaleTargetRef) || has(self.maxReplicas)",
        lambda spec: when(spec.scale_target_ref is not None and spec.max_replicas is None, "maxReplicas"),
    ),
    Rule(
        ScalingPolicySpec,
        "",
        "at least one of scaleUp and scaleDown must be given",
        "has(self.scaleUp) || has(self.scaleDown)",
        lambda spec: when(spec.scale_up is None and spec.scale_down is None),
    ),
    Rule(
        ScalingPolicySpec,
        "metrics",
        "a resource metric reads the target's pods: give a scaleTargetRef, or use a query",
        "has(self.scaleTargetRef) || self.metrics.all(m, !has(m.resource))",
        lambda spec: (
            Broken(f"metrics[{index}].resource")
            for index, metric in enumerate(spec.metrics)
            if metric.resource is not None and spec.scale_target_ref is None
        ),
    ),
    Rule(ScalingPolicySpec, "metrics", "names must be unique", "", lambda spec: twice(spec.metrics, "metrics")),
    Rule(ScalingPolicySpec, "vetoes", "names must be unique", "", lambda spec: twice(spec.vetoes, "vetoes")),
    Rule(ScalingPolicySpec, "overrides", "names must be unique", "", lambda spec: twice(spec.overrides, "overrides")),
    _known_metric("scaleUp"),
    _known_metric("scaleDown"),
    Rule(
        ScalingPolicySpec,
        "metrics",
        "every metric must be used by a trigger: remove it, or add the trigger",
        "self.metrics.all(m, "
        + " || ".join(
            f"({there} && {listed}.exists(t, t.metric == m.name))" for there, listed in _lists("scaleUp", "scaleDown")
        )
        + ")",
        _unused_metrics,
    ),
    Rule(
        ScalingPolicySpec,
        "scaleDown",
        "the thresholds of one metric must leave a band: below of scaleDown less than above of scaleUp,"
        " or above of scaleDown greater than below of scaleUp",
        _band_cel(),
        _no_band,
    ),
    exactly_one(Metric, resource="resource", queue="queue", database="database", query="query"),
    Rule(
        QueueMetric,
        "vhost",
        "belongs to RabbitMQ: remove it",
        "!has(self.vhost) || self.system == 'RabbitMQ'",
        lambda queue: when(queue.vhost is not None and queue.system is not QueueSystem.RABBITMQ, "vhost"),
    ),
    Rule(
        QueueMetric,
        "topic",
        "belongs to Kafka: remove it",
        "!has(self.topic) || self.system == 'Kafka'",
        lambda queue: when(queue.topic is not None and queue.system is not QueueSystem.KAFKA, "topic"),
    ),
    exactly_one(OnNoData, assume="assume", value="value"),
    Rule(
        Override,
        "",
        "at least one of minReplicas and maxReplicas must be given",
        "has(self.minReplicas) || has(self.maxReplicas)",
        lambda override: when(override.min_replicas is None and override.max_replicas is None),
    ),
    Rule(
        Override,
        "minReplicas",
        "must not be greater than maxReplicas: lower it, or raise maxReplicas",
        "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        lambda it: when(
            it.min_replicas is not None and it.max_replicas is not None and it.min_replicas > it.max_replicas,
            "minReplicas",
            f"{it.min_replicas} against {it.max_replicas}",
        ),
    ),
    Rule(
        Fallback,
        "replicas",
        "is required with behavior Static and CurrentIfHigher",
        "self.behavior == 'Current' || has(self.replicas)",
        lambda it: when(it.behavior is not FallbackBehavior.CURRENT and it.replicas is None, "replicas"),
    ),
    Rule(
        Fallback,
        "replicas",
        "belongs to behavior Static and CurrentIfHigher: remove it, or change the behavior",
        "self.behavior != 'Current' || !has(self.replicas)",
        lambda it: when(it.behavior is FallbackBehavior.CURRENT and it.replicas is not None, "replicas"),
    ),
)
