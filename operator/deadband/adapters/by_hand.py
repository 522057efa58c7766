"""What people do to a policy by hand: annotate it, and read what was recorded of it."""

from collections.abc import Mapping
from typing import Any

from deadband.adapters.events import EVENTS
from deadband.adapters.kube import Json, Kube
from deadband.adapters.policies import POLICIES
from deadband.ports import ObjectRef


class ByHand:
    """A person's own calls, with that person's rights."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def annotate(self, ref: ObjectRef, annotations: Mapping[str, str | None]) -> Mapping[str, Any]:
        """Set annotations of a policy; None removes one.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say; so for the call below.
        """
        body = {"metadata": {"annotations": dict(annotations)}}
        return await self._kube.patch(POLICIES, ref.namespace, ref.name, body)

    async def events(self, ref: ObjectRef) -> list[Json]:
        """The Events about an object that are still kept, in no order (the API server keeps them for an hour)."""
        about = f"regarding.kind={ref.kind},regarding.name={ref.name}"
        return await self._kube.list_all(EVENTS, ref.namespace, fields=about)
