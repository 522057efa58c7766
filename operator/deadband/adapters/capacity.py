"""Whether the cluster takes the pods of a workload: those that stay unschedulable, and those that a quota denies (R12).

Pods are not watched: a cluster has a hundred times more of them than of workloads. What is asked here is asked about
one workload, when an up depends on it; each question is one request with a limit.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from deadband.adapters.kube import Kube, Resource
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import Workload

PODS = Resource("", "v1", "pods", "Pod")
EVENTS = Resource("", "v1", "events", "Event")

STAYS = timedelta(seconds=30)
"""A pod that could not be scheduled for so long stays unschedulable; a shorter wait is how scheduling works."""

DENIED_LATELY = timedelta(minutes=20)
"""A controller whose pods are denied tries again after 16 min 40 s at the latest (client-go's rate limiter), and each
time tells it in an Event; an older Event is about something that is over."""

MOST_READ = 100
"""Pods or Events looked at; one that shows the trouble is enough."""

QUOTA = "exceeded quota"
"""What the API server's quota admission says (kubernetes, resourcequota/controller.go)."""


class KubeCapacity:
    """ports.Capacity on the API server."""

    def __init__(self, kube: Kube) -> None:
        """Share the process's client."""
        self._kube = kube

    async def shortage(
        self, namespace: str, ref: ScaleTargetRef, workload: Workload, *, now: datetime, since: datetime | None
    ) -> Reason | None:
        """Look for what keeps the workload's missing pods away.

        Raises:
            DeniedError, UnreachableError: As their names say.
        """
        if workload.uncreated and await self._denied(namespace, ref, now=now, since=since):
            return Reason.QUOTA_EXCEEDED
        if workload.selector and await self._unschedulable(namespace, workload.selector, now=now):
            return Reason.INSUFFICIENT_CAPACITY
        return None

    async def _unschedulable(self, namespace: str, selector: str, *, now: datetime) -> bool:
        pending = await self._kube.find(PODS, namespace, labels=selector, fields="status.phase=Pending", most=MOST_READ)
        return any(_stays_unschedulable(pod, now) for pod in pending)

    async def _denied(self, namespace: str, ref: ScaleTargetRef, *, now: datetime, since: datetime | None) -> bool:
        fields = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name},reason=FailedCreate"
        events = await self._kube.find(EVENTS, namespace, fields=fields, most=MOST_READ)
        oldest = max(now - DENIED_LATELY, since or now - DENIED_LATELY)
        return any(QUOTA in event.get("message", "") and _last(event) >= oldest for event in events)


def _stays_unschedulable(pod: Mapping[str, Any], now: datetime) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "PodScheduled":
            reason = (condition["status"], condition.get("reason"))
            since = condition.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"]
            return reason == ("False", "Unschedulable") and now - datetime.fromisoformat(since) >= STAYS
    return False


def _last(event: Mapping[str, Any]) -> datetime:
    """When an Event was last told; recorders of either API leave other times behind."""
    return max(map(datetime.fromisoformat, _times(event)))


def _times(event: Mapping[str, Any]) -> Iterator[str]:
    yield event["metadata"]["creationTimestamp"]
    for told in (
        event.get("lastTimestamp"),
        event.get("eventTime"),
        (event.get("series") or {}).get("lastObservedTime"),
    ):
        if told:
            yield told
