"""What is watched, all on one screen.

Every handler is `on.event`: pure, without a write, a finalizer or an annotation (architecture, decision 1). It hands
the object over to the engine's loop and knows nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from deadband.api import GROUP, VERSION
from deadband.engine.store import Kind

Sink = Callable[[Kind, str | None, Mapping[str, Any]], None]
"""Takes the kind, the type of the event (None for an object of the first listing) and the object; called in Kopf's
thread, returns at once."""


def register(registry: kopf.OperatorRegistry, sink: Sink) -> None:
    """Put the whole watch surface into a registry of Kopf."""

    @kopf.on.event(GROUP, VERSION, "scalingpolicies", registry=registry)
    async def policies(event: kopf.RawEvent, **_: Any) -> None:
        sink("ScalingPolicy", event["type"], event["object"])

    @kopf.on.event(GROUP, VERSION, "metricsources", registry=registry)
    async def sources(event: kopf.RawEvent, **_: Any) -> None:
        sink("MetricSource", event["type"], event["object"])

    @kopf.on.event("apps", "v1", "deployments", registry=registry)
    async def deployments(event: kopf.RawEvent, **_: Any) -> None:
        sink("Deployment", event["type"], event["object"])

    @kopf.on.event("apps", "v1", "statefulsets", registry=registry)
    async def stateful_sets(event: kopf.RawEvent, **_: Any) -> None:
        sink("StatefulSet", event["type"], event["object"])

    @kopf.on.event("autoscaling", "v2", "horizontalpodautoscalers", registry=registry)
    async def autoscalers(event: kopf.RawEvent, **_: Any) -> None:
        sink("HorizontalPodAutoscaler", event["type"], event["object"])
