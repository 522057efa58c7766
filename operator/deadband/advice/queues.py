"""Findings of queues that an exporter may not show, or not the whole of: no query can read what is not there."""

from collections.abc import Callable, Iterator

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.advice.past import Past
from deadband.api.metrics import Assumption, Metric, QueueSystem
from deadband.api.scalingpolicy import ScalingPolicySpec


def queue_findings(spec: ScalingPolicySpec, past: Past | None = None) -> Iterator[Finding]:
    """Queues whose exporters are known to hide some of them.

    Args:
        spec: The policy.
        past: What Prometheus recorded; a metric that had a value in the last day is shown. None: not known.
    """
    sleeps = 0 in (spec.min_replicas, *(override.min_replicas for override in spec.overrides))
    for index, metric in enumerate(spec.metrics):
        if metric.queue is None or metric.queue.system not in _HIDES:
            continue
        shown = past is not None and past.metrics[metric.name].known_last_day > 0
        for id_, sentence, change in _HIDES[metric.queue.system](metric, sleeps and not shown, shown):
            yield Finding(id_, Severity.INFO, f"spec.metrics[{index}].queue", sentence, change)


_Told = Iterator[tuple[FindingId, str, str]]


def _celery(metric: Metric, sleeps: bool, _shown: bool) -> _Told:
    name = _queue(metric)
    if sleeps and not _starts_without_data(metric):
        hidden = f"celery-exporter shows queue {name} from its first worker on{_nothing_starts(metric)}"
        yield FindingId.QUEUE_MAY_BE_HIDDEN, hidden, f"Start it with --queues={name}, or set minReplicas to 1."
    in_part = (
        f"On Redis, tasks of {name} with a priority wait in lists of their own: celery-exporter counts those it knows."
    )
    change = "Name these lists with --queues, if tasks have priorities (docs/policies.md, R1)."
    yield FindingId.QUEUE_COUNTED_IN_PART, in_part, change


def _kafka(metric: Metric, sleeps: bool, _shown: bool) -> _Told:
    if sleeps and not _starts_without_data(metric):
        hidden = f"kafka_exporter shows group {_queue(metric)} from its first commit on{_nothing_starts(metric)}"
        change = "Let the group commit once, write onNoData: {assume: Above}, or set minReplicas to 1."
        yield FindingId.QUEUE_MAY_BE_HIDDEN, hidden, change


def _redis_list(metric: Metric, _sleeps: bool, shown: bool) -> _Told:
    if not shown:
        hidden = (
            f"redis_exporter 1.69.0 to 1.72.1 hides list {_queue(metric)} while one that it checks before is empty."
        )
        change = "Use 1.73.0 or newer, or scrape each list on its own (docs/policies.md, R1)."
        yield FindingId.QUEUE_MAY_BE_HIDDEN, hidden, change


def _queue(metric: Metric) -> str:
    assert metric.queue is not None
    return metric.queue.name


def _nothing_starts(metric: Metric) -> str:
    return f": at 0 replicas {metric.name} may have no value, and nothing scales up."


def _starts_without_data(metric: Metric) -> bool:
    return metric.on_no_data is not None and metric.on_no_data.assume is Assumption.ABOVE


_HIDES: dict[QueueSystem, Callable[[Metric, bool, bool], _Told]] = {
    QueueSystem.CELERY: _celery,
    QueueSystem.KAFKA: _kafka,
    QueueSystem.REDIS_LIST: _redis_list,
}
