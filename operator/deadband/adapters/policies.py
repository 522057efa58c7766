"""Policies and sources on the API server: read, list, write status. Also the lists that repair the store (K1)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from deadband.adapters.autoscalers import AUTOSCALERS
from deadband.adapters.kube import Json, Kube, Resource
from deadband.adapters.scaled_objects import SCALED_OBJECTS, scaled_object_from_object
from deadband.adapters.targets import DEPLOYMENTS, STATEFUL_SETS
from deadband.api import GROUP, VERSION
from deadband.api.conditions import Reason
from deadband.ports import GoneError, ObjectRef, ScaledObject

POLICIES = Resource(GROUP, VERSION, "scalingpolicies", "ScalingPolicy")
SOURCES = Resource(GROUP, VERSION, "metricsources", "MetricSource", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)

HELD = {resource.kind: resource for resource in (POLICIES, SOURCES, DEPLOYMENTS, STATEFUL_SETS, AUTOSCALERS)}
"""The kinds that the store holds."""


class KubePolicies:
    """ports.Policies on the API server, and the lists of everything the store holds."""

    def __init__(self, kube: Kube, *, namespaces: Sequence[str] = ()) -> None:
        """Share the process's client.

        Args:
            kube: The client.
            namespaces: Those that the operator serves; empty: all, listed in one request per kind.
        """
        self._kube = kube
        self._namespaces = tuple(namespaces) or ("",)

    async def read(self, ref: ObjectRef) -> Mapping[str, Any]:
        """Read the policy from the API server, past every cache.

        Raises:
            GoneError: There is none of that name, or it is another one (another UID).
            DeniedError, UnreachableError: As their names say.
        """
        policy = await self._kube.get(POLICIES, ref.namespace, ref.name)
        if ref.uid and policy["metadata"]["uid"] != ref.uid:
            raise GoneError(
                Reason.TARGET_NOT_FOUND,
                f"policy {ref.namespace}/{ref.name} is another one now: its UID changed",
            )
        return policy

    async def write_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        """Merge-patch /status of a policy with our field manager; None removes a key, lists are replaced whole.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say.
        """
        await self._kube.patch(POLICIES, ref.namespace, ref.name, {"status": status}, subresource="status")

    async def write_source_status(self, name: str, status: Mapping[str, Any]) -> None:
        """Merge-patch /status of a MetricSource, as write_status does for a policy."""
        await self._kube.patch(SOURCES, "", name, {"status": status}, subresource="status")

    async def pages(self, kind: str) -> AsyncIterator[list[Json]]:
        """All objects of a kind that the store holds, as far as the operator serves them, page by page."""
        resource = HELD[kind]
        for namespace in self._namespaces if resource.namespaced else ("",):
            async for page in self._kube.pages(resource, namespace):
                yield page

    async def list_policies(self) -> list[Json]:
        """All policies that the operator serves."""
        return await self._everywhere(POLICIES)

    async def list_sources(self) -> list[Json]:
        """All sources; they are cluster-scoped, so this needs a ClusterRole in namespaced mode, too."""
        return await self._kube.list_all(SOURCES)

    async def list_autoscalers(self) -> list[Json]:
        """All HorizontalPodAutoscalers, as autoscaler_from_object reads them."""
        return await self._everywhere(AUTOSCALERS)

    async def list_scaled_objects(self) -> list[ScaledObject]:
        """All of KEDA's ScaledObjects; none where the cluster does not know the kind, which costs one look."""
        served = await self._kube.served(SCALED_OBJECTS.group, SCALED_OBJECTS.version)
        if SCALED_OBJECTS.plural not in served:
            return []
        return [scaled_object_from_object(each) for each in await self._everywhere(SCALED_OBJECTS)]

    async def namespace_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of every namespace by its name; a right that the chart grants only where it is wanted."""
        found = await self._kube.list_all(NAMESPACES)
        return {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in found}

    async def missing_kinds(self) -> tuple[str, ...]:
        """Which of our kinds the API server does not serve: their CRDs are not installed."""
        served = await self._kube.served(GROUP, VERSION)
        return tuple(resource.kind for resource in (POLICIES, SOURCES) if resource.plural not in served)

    async def _everywhere(self, resource: Resource) -> list[Json]:
        found: list[Json] = []
        for namespace in self._namespaces:
            found += await self._kube.list_all(resource, namespace)
        return found
