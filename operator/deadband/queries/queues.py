"""The `queue` recipe for every system whose exporter has one gauge for a queue: what gauge and labels are called.

RabbitMQ, with two endpoints for the same queue, and Kafka, whose lag means nothing without other series, have modules
of their own; what rabbitmq.py says of tenancy holds here. Series and labels, from the exporters' documentation and
source:

RedisList  redis_key_size {db, key} (oliver006/redis_exporter, exporter/keys.go), for the keys of --check-single-keys;
           a list without elements is no key in Redis, and the exporter then shows 0. Releases 1.69.0 to 1.72.1 show no
           key after the first missing one, which looks the same as a list that nobody named to the exporter.
Celery     celery_queue_length {queue_name} (danihodovic/celery-exporter, src/exporter.py). On Redis it is the length
           of the one list that has the queue's name. Tasks with a priority wait in further lists: the name, the bytes
           06 and 16 (hex) and the priority (kombu/transport/redis.py, `sep` and `priority_steps`). They count where
           the exporter shows them.
BullMQ     bullmq_job_count {queue, state} (docs.bullmq.io, guide "Prometheus", queue.exportPrometheusMetrics). Jobs
           without a priority wait in the state `waiting`, those with one in `prioritized`. While a queue is paused
           BullMQ 5 shows its waiting jobs as `paused`, BullMQ 6 as `waiting` still. `delayed` jobs are not due, and
           `waiting-children` wait for other jobs: no worker could take them.
Sidekiq    sidekiq_queue_enqueued_jobs {name} (Strech/sidekiq-prometheus-exporter README). Sidekiq keeps scheduled jobs
           and retries elsewhere until they are due.
SQS        aws_sqs_approximate_number_of_messages_visible_average, by the label queue_name (prometheus/
           cloudwatch_exporter README: namespace, metric and statistic in snake case, as the dimensions) or
           dimension_QueueName (prometheus-community/yet-another-cloudwatch-exporter README; with -labels-snake-case
           name it in the source's `recipes`). CloudWatch is minutes behind, so a source with it needs a
           staleAfterSeconds of about 900.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deadband.api.metrics import QueueSystem
from deadband.core.types import Reading
from deadband.queries.promql import Dialect, Matcher, one_of, quote, regex, renamed
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
        suffix: RE2 expression for what may follow the name in `label`, with one group that becomes the label `suffix`.
    """

    series: str
    label: str
    parts: tuple[str, ...] = ()
    also: tuple[Matcher, ...] = ()
    other_label: str | None = None
    suffix: str | None = None


GAUGES = {
    QueueSystem.REDIS_LIST: QueueGauge("redis_key_size", "key", parts=("db",)),
    QueueSystem.CELERY: QueueGauge("celery_queue_length", "queue_name", parts=("suffix",), suffix=r"\x06\x16([0-9]+)"),
    QueueSystem.BULLMQ: QueueGauge(
        "bullmq_job_count", "queue", parts=("state",), also=(one_of("state", ("waiting", "prioritized", "paused")),)
    ),
    QueueSystem.SIDEKIQ: QueueGauge("sidekiq_queue_enqueued_jobs", "name"),
    QueueSystem.SQS: QueueGauge(
        "aws_sqs_approximate_number_of_messages_visible_average", "queue_name", other_label="dimension_QueueName"
    ),
}
"""Every system but RabbitMQ and Kafka."""


@dataclass(frozen=True, slots=True)
class GaugeRecipe:
    """Depth of queues; one series for each.

    Where several series tell of one part of one queue (two replicas of the exporter, or of the broker) the largest
    counts, not their sum. Two brokers that both have a queue of the name need a source each.

    Attributes:
        system: A key of GAUGES.
    """

    system: QueueSystem

    @property
    def labels(self) -> tuple[str, ...]:
        """What names a queue in the answer."""
        return (GAUGES[self.system].label,)

    def place(self, need: Need) -> tuple[str, ...]:
        """The queue."""
        return (_name(need),)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the depth of these needs' queues, or of every queue."""
        gauge = GAUGES[self.system]
        names = sorted({_name(need) for need in needs}) if named else None
        depth = dialect.instant(gauge.series, _names(gauge.label, names, gauge.suffix), *gauge.also)
        if gauge.other_label is not None:
            other = dialect.instant(gauge.series, _names(gauge.other_label, names), *gauge.also)
            depth = f"({depth} or {renamed(other, gauge.other_label, gauge.label)})"
        if gauge.suffix is not None:
            depth = _split(depth, gauge.label, gauge.suffix)
        depth = f"max by ({','.join((gauge.label, *gauge.parts))}) ({depth})"
        return f"sum by ({gauge.label}) ({depth})" if gauge.parts else depth

    def most(self, needs: Sequence[Need]) -> int:
        """One series for each queue."""
        return len({_name(need) for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """What waits; Empty when no series has the queue's name."""
        return single(rows)


def _names(label: str, names: Sequence[str] | None, suffix: str | None = None) -> Matcher:
    """Match these names, each with or without the suffix; None: every name."""
    if names is None:
        return Matcher(label, "!=", "")
    if suffix is None:
        return one_of(label, names)
    return Matcher(label, "=~", f"(?:{'|'.join(map(regex, names))})(?:{suffix})?")


def _split(expression: str, label: str, suffix: str) -> str:
    """Move what follows the name in `label` into the label `suffix`; series without it stay as they are."""
    apart = f'label_replace({expression},"suffix","$1","{label}",{quote(f".+{suffix}")})'
    return f'label_replace({apart},"{label}","$1","{label}",{quote(f"(.+?){suffix}")})'


def _name(need: Need) -> str:
    assert need.metric.queue is not None
    return need.metric.queue.name
