"""What a policy reads: named metrics, each by a recipe or by raw PromQL (scaling-policy reference, section 2)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from deadband.api.types import ApiModel, Decimal, Name


class Per(StrEnum):
    """How a reading relates to the number of replicas; R8 and R9 rest on it."""

    REPLICA = "Replica"
    """Falls as replicas rise: utilization, latency."""
    TOTAL = "Total"
    """A value of the whole: queue depth."""
    AVERAGE = "Average"
    """A value of the whole, divided by the ready replicas before it is compared."""


class ResourceName(StrEnum):
    """What of a container is measured."""

    CPU = "cpu"
    MEMORY = "memory"


class ResourceBase(StrEnum):
    """What 100 percent is."""

    REQUESTS = "Requests"
    LIMITS = "Limits"


class QueueSystem(StrEnum):
    """The message broker or job library whose exporter is asked."""

    RABBITMQ = "RabbitMQ"
    REDIS_LIST = "RedisList"
    CELERY = "Celery"
    BULLMQ = "BullMQ"
    SIDEKIQ = "Sidekiq"
    KAFKA = "Kafka"
    SQS = "SQS"


class DatabaseSystem(StrEnum):
    """The database whose exporter is asked."""

    POSTGRESQL = "PostgreSQL"


class DatabaseMeasure(StrEnum):
    """Which percentage of a database instance is read."""

    CPU = "Cpu"
    CONNECTIONS = "Connections"


class Assumption(StrEnum):
    """What an unanswered question is taken for."""

    ABOVE = "Above"
    BELOW = "Below"


LabelValue = Annotated[str, Field(min_length=1, max_length=253)]
PromQL = Annotated[str, Field(min_length=1, max_length=4096)]


class ResourceMetric(ApiModel):
    """Percent of what the target's pods request, or are limited to, that they use; pods that were Ready once count."""

    name: ResourceName
    """cpu or memory."""
    of: ResourceBase = ResourceBase.REQUESTS
    """What 100 percent is: the requests or the limits of the containers that have one."""
    container: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Only this container of each pod; absent: every container that has a request (or limit)."""


class QueueMetric(ApiModel):
    """Messages that wait in a whole queue."""

    system: QueueSystem
    """The broker or job library."""
    name: LabelValue
    """The queue's name, as its exporter labels it: RedisList the key, Kafka the consumer group."""
    vhost: LabelValue | None = None
    """RabbitMQ only: the virtual host; absent: the queue's name in every virtual host, added up."""
    topic: LabelValue | None = None
    """Kafka only: the topic; absent: the group's lag in every topic, added up."""


class DatabaseMetric(ApiModel):
    """Percent of a database instance's CPU, or of its usable connections."""

    system: DatabaseSystem
    """The database system."""
    instance: LabelValue
    """The instance, as the exporter's `instance` label or the pod's owner names it."""
    measure: DatabaseMeasure
    """Cpu, or Connections (percent of max_connections less the reserved ones)."""


class OnNoData(ApiModel):
    """What Empty, NotANumber and NoRequests stand for; a broken source stays unknown. Exactly one key."""

    assume: Assumption | None = None
    """Above or Below every threshold."""
    value: Decimal | None = None
    """This number."""


class Metric(ApiModel):
    """One named reading; exactly one of resource, queue, database, query."""

    name: Name
    """Unique within the policy; triggers refer to it."""
    resource: ResourceMetric | None = None
    """CPU or memory of the target's pods."""
    queue: QueueMetric | None = None
    """Depth of a queue."""
    database: DatabaseMetric | None = None
    """Load of a database instance."""
    query: PromQL | None = None
    """Raw PromQL that yields one sample."""
    per: Per | None = None
    """How the value relates to replicas; absent: by recipe (resource Replica, queue Total, database Cpu Replica and
    Connections Total, query Total)."""
    source: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of a MetricSource; absent: the source that is marked as default."""
    on_no_data: OnNoData | None = None
    """What an empty answer stands for; absent: nothing moves on it."""

    @property
    def effective_per(self) -> Per:
        """`per`, or what the recipe implies."""
        if self.per is not None:
            return self.per
        if self.resource is not None or (self.database and self.database.measure is DatabaseMeasure.CPU):
            return Per.REPLICA
        return Per.TOTAL

    @property
    def unit(self) -> str:
        """`%` for the recipes that yield a percentage, else empty."""
        return "%" if self.resource is not None or self.database is not None else ""
