"""Which kinds the API server can scale, asked of its discovery and remembered: policies may name any of them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from deadband.adapters.kube import Kube, Resource
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import GoneError

READ_AGAIN_SECONDS = 30.0
"""A kind that is not there may be installed at any time; so often at most it is looked for."""


@dataclass(frozen=True, slots=True)
class _Served:
    """One group and version, as it was read.

    Attributes:
        at: When, on the monotonic clock.
        kinds: Every kind by its name.
        scalable: Plurals of those that have the scale subresource.
    """

    at: float
    kinds: Mapping[str, Resource] = field(default_factory=dict)
    scalable: frozenset[str] = frozenset()


class Discovery:
    """Finds where a kind is served."""

    def __init__(self, kube: Kube) -> None:
        """Share the process's client."""
        self._kube = kube
        self._served: dict[str, _Served] = {}
        self._reading = asyncio.Lock()

    async def scalable(self, ref: ScaleTargetRef) -> Resource:
        """Where the target's kind is served.

        Raises:
            GoneError: Reason TargetNotFound when the API server does not know the kind, TargetNotScalable when it has
                no scale subresource or does not live in namespaces.
            DeniedError, UnreachableError: As their names say.
        """
        served = await self._of(ref)
        resource = served.kinds.get(ref.kind)
        if resource is None:
            raise GoneError(
                Reason.TARGET_NOT_FOUND,
                f"the API server serves no {ref.kind} of {ref.api_version}; install its CustomResourceDefinition, or "
                "correct spec.scaleTargetRef",
            )
        if not resource.namespaced or resource.plural not in served.scalable:
            what = "has no scale subresource" if resource.namespaced else "does not live in namespaces"
            raise GoneError(
                Reason.TARGET_NOT_SCALABLE,
                f"{ref.kind} ({ref.api_version}) {what}, so it cannot be scaled; name what can in spec.scaleTargetRef",
            )
        return resource

    def doubt(self, ref: ScaleTargetRef) -> None:
        """Read the target's kind anew when it is next asked for: a path that was found is not there (404)."""
        served = self._served.get(ref.api_version)
        if served is not None and not _is_fresh(served):
            del self._served[ref.api_version]

    async def _of(self, ref: ScaleTargetRef) -> _Served:
        """What is known of the group and version, read again where the kind is not in it."""
        async with self._reading:
            served = self._served.get(ref.api_version)
            if served is None or (ref.kind not in served.kinds and not _is_fresh(served)):
                served = self._served[ref.api_version] = await self._read(ref)
            return served

    async def _read(self, ref: ScaleTargetRef) -> _Served:
        group, _, version = ref.api_version.rpartition("/")
        entries = await self._kube.resources(group, version)
        scales = {entry["name"].partition("/")[0] for entry in entries if entry["name"].endswith("/scale")}
        kinds = {
            entry["kind"]: Resource(group, version, entry["name"], entry["kind"], namespaced=bool(entry["namespaced"]))
            for entry in entries
            if "/" not in entry["name"]
        }
        return _Served(time.monotonic(), kinds, frozenset(scales))


def _is_fresh(served: _Served) -> bool:
    return time.monotonic() - served.at < READ_AGAIN_SECONDS
