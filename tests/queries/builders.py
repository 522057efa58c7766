"""Needs and answers in one line each."""

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction

from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.queries.types import Answered, Key, Need, Series

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCES = {"main": MetricSourceSpec(url="http://prometheus:9090", default=True, stale_after_seconds=60)}


def need(metric: Mapping[str, object], target: str = "", *, policy: str = "p", source: str = "main") -> Need:
    """A need; `target` is namespace/kind/name, by default the policy is in leadgen and has none."""
    namespace, kind, name = target.split("/") if target else ("leadgen", "", "")
    ref = ScaleTargetRef(api_version="apps/v1", kind=kind, name=name) if target else None
    return Need(Key(policy, "m"), namespace, Metric.model_validate({"name": "m", **metric}), ref, source)


def cpu(target: str = "leadgen/Deployment/api", *, policy: str = "p", container: str | None = None) -> Need:
    return need({"resource": {"name": "cpu", "container": container}}, target, policy=policy)


def queue(name: str, vhost: str | None = None, *, policy: str = "p") -> Need:
    return need({"queue": {"system": "RabbitMQ", "name": name, "vhost": vhost}}, policy=policy)


def other_queue(system: str, name: str, *, topic: str | None = None, policy: str = "p", source: str = "main") -> Need:
    return need({"queue": {"system": system, "name": name, "topic": topic}}, policy=policy, source=source)


def raw(text: str, *, policy: str = "p", source: str = "main") -> Need:
    return need({"query": text}, policy=policy, source=source)


def series(value: float | str | None, time: datetime | None = NOW, **labels: str) -> Series:
    return Series(labels, None if value is None else Fraction(str(value)), time)


def parts(used: float | None = 0, whole: float = 0, *, doubt: bool = False, workload: str = "api") -> Answered:
    """What the first look of the resource recipe gives for one workload in leadgen; what is 0 has no series."""
    amounts = {"used": used, "whole": whole}
    rows = [
        series(value, namespace="leadgen", workload=workload, part=part)
        for part, value in amounts.items()
        if value != 0
    ]
    if doubt:  # presence counts, not the value
        rows.append(series(0, namespace="leadgen", workload=workload, part="doubt"))
    return Answered(tuple(rows))
