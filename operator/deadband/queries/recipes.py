"""Which recipe answers a need. Needs with equal recipes on one source share a query; the plan sees to that."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from deadband.api.conditions import Reason
from deadband.api.metrics import (
    DatabaseMeasure,
    QueueMetric,
    QueueSystem,
    ResourceBase,
    ResourceMetric,
    ResourceName,
)
from deadband.api.metricsource import MetricSourceSpec, RawQueries
from deadband.api.scalingpolicy import AUTOSCALER_KIND, ScaleTargetRef
from deadband.core.types import Absent, Reading
from deadband.queries.kafka import KafkaRecipe
from deadband.queries.postgresql import ConnectionsRecipe
from deadband.queries.promql import Dialect
from deadband.queries.queues import GaugeRecipe
from deadband.queries.rabbitmq import RabbitMqRecipe
from deadband.queries.raw import RawRecipe
from deadband.queries.resource import ResourceRecipe
from deadband.queries.tenancy import NotEnforceableError, enforced
from deadband.queries.types import Need, Series


class Recipe(Protocol):
    """How needs of one shape are asked together and the answer is split. Hashable: equal recipes are one group."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the answer whose values are the place of a need."""

    def place(self, need: Need, /) -> tuple[str, ...]:
        """Values of `labels` that this need's series carry."""

    def promql(self, needs: Sequence[Need], dialect: Dialect, /, *, named: bool = True) -> str:
        """The expression for these needs.

        Args:
            needs: At least one.
            dialect: The source's names.
            named: Whether what they ask for is named one by one. False is for many: namespaces are all that is named.
        """

    def most(self, needs: Sequence[Need], /) -> int:
        """The most series that a whole answer for these needs can have; for raw PromQL, that are of interest."""

    def read(self, need: Need, rows: Sequence[Series], /) -> Reading:
        """The reading from the series at the need's place, which is Absent when there are none."""


def recipe_for(need: Need, source: MetricSourceSpec) -> Recipe | Absent:
    """Choose the recipe, or say why this need cannot be asked."""
    metric = need.metric  # asked of every need in every tick: patterns of classes would cost several times as much
    if metric.resource is not None:
        return _resource(metric.resource, need.target)
    if metric.queue is not None:
        return _queue(metric.queue)
    if metric.database is not None:
        if metric.database.measure is DatabaseMeasure.CONNECTIONS:
            return ConnectionsRecipe()
        return ResourceRecipe(ResourceName.CPU, ResourceBase.REQUESTS, kind=None)
    assert metric.query is not None, "a metric has exactly one of four kinds: validation sees to it"
    return _raw(metric.query, need, source.raw_queries)


def _raw(text: str, need: Need, allowed: RawQueries) -> RawRecipe | Absent:
    match allowed:
        case RawQueries.ALLOWED:
            return RawRecipe(text)
        case RawQueries.DENIED:
            return Absent(Reason.ERROR, f"source {need.source} does not allow raw queries")
        case RawQueries.NAMESPACE_ENFORCED:
            # Asked without its namespace, a query would show one tenant the series of another.
            try:
                return RawRecipe(enforced(text, need.namespace))
            except NotEnforceableError as error:
                return Absent(Reason.ERROR, f"source {need.source} binds queries to their namespace: {error}")


def _queue(queue: QueueMetric) -> RabbitMqRecipe | KafkaRecipe | GaugeRecipe:
    if queue.system is QueueSystem.RABBITMQ:
        return RabbitMqRecipe(by_vhost=queue.vhost is not None)
    if queue.system is QueueSystem.KAFKA:
        return KafkaRecipe(by_topic=queue.topic is not None)
    return GaugeRecipe(queue.system)


def _resource(resource: ResourceMetric, target: ScaleTargetRef | None) -> ResourceRecipe | Absent:
    if target is None:
        return Absent(Reason.ERROR, "a resource metric needs a scaleTargetRef, whose pods it measures")
    if target.kind == AUTOSCALER_KIND:
        return Absent(Reason.ERROR, f"which pods {AUTOSCALER_KIND} {target.name} scales is not known here")
    return _of_workloads(resource.name, resource.of, target.kind, resource.container is not None)


@lru_cache(maxsize=256)  # few differ, and each is asked for by every policy of a kind in every tick
def _of_workloads(name: ResourceName, of: ResourceBase, kind: str, by_container: bool) -> ResourceRecipe:
    return ResourceRecipe(name, of, kind, by_container=by_container)
