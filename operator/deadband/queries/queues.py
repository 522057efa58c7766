"""The `queue` recipe for every system whose exporter has one gauge for a queue: what gauge and labels are called.

RabbitMQ, with two endpoints that tell of the same queue, has a module of its own; what that says of tenancy holds here.
Series and labels, from the exporters' documentation and source:

RedisList  redis_key_size {db, key} (oliver006/redis_exporter, exporter/keys.go), for the keys of --check-single-keys; a
           list without elements is no key in Redis, and the exporter then shows 0.
Celery     celery_queue_length {queue_name} (danihodovic/celery-exporter README, pull request 118).
BullMQ     bullmq_job_count {queue, state} (docs.bullmq.io, guide "Prometheus", queue.exportPrometheusMetrics), of which
           `waiting` is what nobody works on yet.
Sidekiq    sidekiq_queue_enqueued_jobs {name} (Strech/sidekiq-prometheus-exporter README).
Kafka      kafka_consumergroup_lag {consumergroup, topic, partition} (danielqsj/kafka_exporter README). The lag of a
           partition is negative for a moment when the group's offset is read after the topic's: that counts as 0.
SQS        aws_sqs_approximate_number_of_messages_visible_average, by the label queue_name (prometheus/
           cloudwatch_exporter README: namespace, metric and statistic in snake case, as the dimensions) or
           dimension_QueueName (prometheus-community/yet-another-cloudwatch-exporter README; with -labels-snake-case
           name it in the source's `recipes`). CloudWatch is minutes behind, so a source with it needs a
           staleAfterSeconds of about 900.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deadband.api.metrics import QueueMetric, QueueSystem
from deadband.core.types import Reading
from deadband.queries.promql import Dialect, Matcher, equals, one_of, renamed
from deadband.queries.readings import single
from deadband.queries.types import Need, Series


@dataclass(frozen=True, slots=True)
class QueueGauge:
    """Where an exporter tells of queues.

    Attributes:
        series: The gauge.
        label: Its label with the queue's name.
        parts: Labels that tell the parts of one queue apart, which add up.
        also: Matchers that every selector has.
        other_label: What another exporter of the same gauge calls `label`.
        floored: True where a negative value stands for 0.
    """

    series: str
    label: str
    parts: tuple[str, ...] = ()
    also: tuple[Matcher, ...] = ()
    other_label: str | None = None
    floored: bool = False


GAUGES = {
    QueueSystem.REDIS_LIST: QueueGauge("redis_key_size", "key", parts=("db",)),
    QueueSystem.CELERY: QueueGauge("celery_queue_length", "queue_name"),
    QueueSystem.BULLMQ: QueueGauge("bullmq_job_count", "queue", also=(equals("state", "waiting"),)),
    QueueSystem.SIDEKIQ: QueueGauge("sidekiq_queue_enqueued_jobs", "name"),
    QueueSystem.KAFKA: QueueGauge(
        "kafka_consumergroup_lag", "consumergroup", parts=("topic", "partition"), floored=True
    ),
    QueueSystem.SQS: QueueGauge(
        "aws_sqs_approximate_number_of_messages_visible_average", "queue_name", other_label="dimension_QueueName"
    ),
}
"""Every system but RabbitMQ."""


@dataclass(frozen=True, slots=True)
class GaugeRecipe:
    """Depth of queues; one series for each.

    Where several series tell of one part of one queue (two replicas of the exporter, or of the broker) the largest
    counts, not their sum. Two brokers that both have a queue of the name need a source each.

    Attributes:
        system: A key of GAUGES.
        by_topic: Kafka only: True when the needs name a topic; otherwise a group's lag is added up over all of them.
    """

    system: QueueSystem
    by_topic: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """What names a queue in the answer."""
        label = GAUGES[self.system].label
        return (label, "topic") if self.by_topic else (label,)

    def place(self, need: Need) -> tuple[str, ...]:
        """The queue, with its topic where that matters."""
        queue = _queue(need)
        return (queue.name, queue.topic or "") if self.by_topic else (queue.name,)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the depth of these needs' queues, or of every queue."""
        gauge = GAUGES[self.system]
        topics: tuple[Matcher, ...] = ()
        if named and self.by_topic:
            topics = (one_of("topic", (_queue(need).topic or "" for need in needs)),)

        def selected(label: str) -> str:
            names = one_of(label, (_queue(need).name for need in needs)) if named else Matcher(label, "!=", "")
            return dialect.instant(gauge.series, names, *topics, *gauge.also)

        depth = selected(gauge.label)
        if gauge.other_label is not None:
            depth = f"({depth} or {renamed(selected(gauge.other_label), gauge.other_label, gauge.label)})"
        if gauge.floored:
            depth = f"clamp_min({depth}, 0)"
        depth = f"max by ({','.join((gauge.label, *gauge.parts))}) ({depth})"
        return f"sum by ({','.join(self.labels)}) ({depth})" if gauge.parts else depth

    def most(self, needs: Sequence[Need]) -> int:
        """Every pairing of queue and topic."""
        return len({_queue(need).name for need in needs}) * len({_queue(need).topic for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """What waits; Empty when no series has the queue's name."""
        return single(rows)


def _queue(need: Need) -> QueueMetric:
    assert need.metric.queue is not None
    return need.metric.queue
