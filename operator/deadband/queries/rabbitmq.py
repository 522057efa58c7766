"""The `queue` recipe for RabbitMQ: messages ready in a queue.

Series and labels (rabbitmq/rabbitmq-server deps/rabbitmq_prometheus/metrics-detailed.md and metrics.md):
rabbitmq_detailed_queue_messages_ready {vhost, queue} of /metrics/detailed?family=queue_coarse_metrics, or, under the
name rabbitmq_queue_messages_ready with the same labels, /metrics/per-object. The default endpoint /metrics has that
name too but no queue label: it never answers here, since a queue is always named.

Tenancy: a queue belongs to a broker, not to a namespace, so a policy can read the depth (nothing else) of any queue
that its source knows; who may use a source is the administrator's to say (MetricSource `allowedNamespaces`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deadband.api.metrics import QueueMetric
from deadband.core.types import Reading
from deadband.queries.promql import Dialect, Matcher, one_of
from deadband.queries.readings import single
from deadband.queries.types import Need, Series


@dataclass(frozen=True, slots=True)
class RabbitMqRecipe:
    """Depth of queues; one series for each.

    A queue is told of by the node that leads it. Where several series tell of one queue of one virtual host (both
    endpoints are scraped, or two jobs) the largest counts, not their sum. Two brokers that both have the virtual host
    and the queue need a source each.

    Attributes:
        by_vhost: True when the needs name a virtual host; otherwise a queue's name is added up over all of them.
    """

    by_vhost: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """What names a queue in the answer."""
        return ("vhost", "queue") if self.by_vhost else ("queue",)

    def place(self, need: Need) -> tuple[str, ...]:
        """The queue, with its virtual host where that matters."""
        queue = _queue(need)
        return (queue.vhost or "", queue.name) if self.by_vhost else (queue.name,)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the depth of these needs' queues, or of every queue."""
        matchers: tuple[Matcher, ...] = (Matcher("queue", "!=", ""),)
        if named:
            matchers = (one_of("queue", (_queue(need).name for need in needs)),)
            if self.by_vhost:
                matchers += (one_of("vhost", (_queue(need).vhost or "" for need in needs)),)
        detailed = dialect.instant("rabbitmq_detailed_queue_messages_ready", *matchers)
        per_object = dialect.instant("rabbitmq_queue_messages_ready", *matchers)
        depth = f"max by (vhost,queue) ({detailed} or {per_object})"
        return depth if self.by_vhost else f"sum by (queue) ({depth})"

    def most(self, needs: Sequence[Need]) -> int:
        """Every pairing of virtual host and queue."""
        return len({_queue(need).name for need in needs}) * len({_queue(need).vhost for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """Messages ready; Empty when no series has the queue's name."""
        return single(rows)


def _queue(need: Need) -> QueueMetric:
    assert need.metric.queue is not None
    return need.metric.queue
