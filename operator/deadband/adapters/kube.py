"""One way to call the API server: raw JSON through the official asyncio client, a timeout on every call.

The client's generated models are not used: they cost more than the decision does (5,000 policies are listed at every
resync), they do not know our kinds, and what the store needs are the same plain objects that a watch delivers.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from deadband.adapters.kube_errors import (
    OPERATOR,
    Call,
    Caller,
    ExpiredError,
    OverloadedError,
    from_failure,
    from_status,
)
from deadband.adapters.kube_pressure import Pressure
from deadband.ports import ConflictError, DeniedError, GoneError, WriteError

FIELD_MANAGER = OPERATOR.manager
"""Who owns what we write (R18); also how a later start recognizes its own writes."""

PAGE_SIZE = 100
"""Objects per list request: what a page unpacks to is held at once, some 25 kB for each (ADR 49)."""

Json = dict[str, Any]

Observe = Callable[[Call, str, float], None]
"""Told of every finished call: the call, its outcome (ok, conflict, gone, denied, unreachable) and its seconds."""

_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Resource:
    """Where a kind is served.

    Attributes:
        group: API group; empty for the core group.
        version: Such as v1.
        plural: As in the URL.
        kind: As in manifests.
        namespaced: False for cluster-scoped kinds.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in manifests: group/version, or the version alone."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, *parts: str) -> str:
        """URL path; an empty namespace means all of them, or none for a cluster-scoped kind."""
        root = ["apis", self.group, self.version] if self.group else ["api", self.version]
        scope = ["namespaces", namespace] if namespace and self.namespaced else []
        return "/" + "/".join(quote(part, safe="") for part in [*root, *scope, self.plural, *parts])


class Kube:
    """The API server, for all adapters of one process; close it when done."""

    def __init__(
        self,
        client: ApiClient,
        *,
        timeout_seconds: float = 10,
        observe: Observe | None = None,
        caller: Caller = OPERATOR,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap a configured client.

        Args:
            client: From kube_connect.
            timeout_seconds: For one whole call, connection included.
            observe: Told of every finished call.
            caller: Whose field manager writes, and in whose words failures are told.
            monotonic: Clock of what the API server asks to wait for.
        """
        client.user_agent = f"deadband/{version('deadband')}"
        self.client = client
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=timeout_seconds / 2)
        self._observe = observe
        self._caller = caller
        self._pressure = Pressure(monotonic, caller)

    async def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> Json:
        """Read one object, or its subresource, past every cache.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say; so for every call below.
        """
        plural, parts = _addressed(resource, name, subresource)
        call = Call("get", resource.group, plural, namespace, name)
        return await self._send(call, "GET", resource.path(namespace, *parts))

    async def list_all(self, resource: Resource, namespace: str = "", *, fields: str = "") -> list[Json]:
        """Read all objects of a kind, or those that a field selector names, in pages of one consistent snapshot.

        Items carry apiVersion and kind, as watch events do (the API server leaves them out of most lists).
        """
        call = Call("list", resource.group, resource.plural, namespace)
        query = {"fieldSelector": fields} if fields else {}
        try:
            pages = [page async for page in self._pages(call, resource, namespace, {**query, "limit": str(PAGE_SIZE)})]
        except ExpiredError:  # the snapshot was compacted away between two pages: once more, in one piece
            pages = [page async for page in self._pages(call, resource, namespace, query)]
        return [each for page in pages for each in page]

    async def pages(self, resource: Resource, namespace: str = "") -> AsyncIterator[list[Json]]:
        """Read all objects of a kind page by page: thousands at once take memory that is never given back.

        When the snapshot expires between two pages all objects come once more; some were in the pages before, some of
        those are gone by now.
        """
        call = Call("list", resource.group, resource.plural, namespace)
        try:
            async for page in self._pages(call, resource, namespace, {"limit": str(PAGE_SIZE)}):
                yield page
        except ExpiredError:
            async for page in self._pages(call, resource, namespace, {}):
                yield page

    async def find(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "", most: int
    ) -> list[Json]:
        """Read the first objects of a kind that selectors choose, in one page.

        Args:
            resource: The kind.
            namespace: Where.
            labels: Label selector; empty for all.
            fields: Field selector, of fields that the kind can be selected by; empty for all.
            most: How many at most.
        """
        call = Call("list", resource.group, resource.plural, namespace)
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(most)}
        page = await self._send(
            call, "GET", resource.path(namespace), query={key: value for key, value in query.items() if value}
        )
        return list(page.get("items") or ())

    async def create(self, resource: Resource, namespace: str, body: Mapping[str, Any]) -> Json:
        """Create an object; ConflictError when one of that name exists."""
        call = Call("create", resource.group, resource.plural, namespace)
        return await self._send(call, "POST", resource.path(namespace), body=body)

    async def patch(
        self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any], *, subresource: str = ""
    ) -> Json:
        """Merge-patch an object or its subresource; metadata.resourceVersion in the body is a precondition.

        Raises:
            ConflictError: The precondition failed.
        """
        plural, parts = _addressed(resource, name, subresource)
        call = Call("patch", resource.group, plural, namespace, name)
        return await self._send(call, "PATCH", resource.path(namespace, *parts), body=body)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> Json:
        """Replace an object as a whole; the resourceVersion in it is a precondition.

        Raises:
            ConflictError: The precondition failed.
        """
        call = Call("update", resource.group, resource.plural, namespace, name)
        return await self._send(call, "PUT", resource.path(namespace, name), body=body)

    async def served(self, group: str, version: str) -> frozenset[str]:
        """Plurals that the API server serves in a group; empty when it does not know the group."""
        return frozenset(entry["name"] for entry in await self.resources(group, version) if "/" not in entry["name"])

    async def resources(self, group: str, version: str) -> list[Json]:
        """What the API server serves in a group and version, subresources included; nothing when it knows no such."""
        call = Call("get", group, "apiresources")
        root = f"/apis/{quote(group, safe='')}" if group else "/api"
        try:
            found = await self._send(call, "GET", f"{root}/{quote(version, safe='')}")
        except GoneError:
            return []
        return list(found.get("resources") or ())

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()  # type: ignore[no-untyped-call]  # the client leaves it unannotated

    async def _pages(
        self, call: Call, resource: Resource, namespace: str, query: Mapping[str, str]
    ) -> AsyncIterator[list[Json]]:
        token = ""
        while True:
            part = {"continue": token} if token else {}
            page = await self._send(call, "GET", resource.path(namespace), query={**query, **part})
            yield [
                {"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in page.get("items") or ()
            ]
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return

    async def _send(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        self._pressure.refuse(call)
        started = time.perf_counter()
        outcome = "unreachable"
        try:
            answer = await self._exchange(call, method, path, query or {}, body)
            outcome = "ok"
        except WriteError as refusal:
            if isinstance(refusal, OverloadedError):
                self._pressure.note(call, refusal)
            outcome = _OUTCOMES.get(type(refusal), outcome)
            raise
        else:
            return answer
        finally:
            if self._observe is not None:
                self._observe(call, outcome, time.perf_counter() - started)

    async def _exchange(
        self, call: Call, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> Json:
        headers = {"Accept": "application/json"}
        parameters = dict(query)
        if body is not None:
            headers["Content-Type"] = _MERGE_PATCH if method == "PATCH" else "application/json"
            parameters["fieldManager"] = self._caller.manager
        try:
            request = await self.client.param_serialize(
                method,
                path,
                query_params=list(parameters.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self.client.call_api(*request, _request_timeout=self._timeout)
            content = await response.read()  # type: ignore[no-untyped-call]  # the client leaves it unannotated
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise from_status(
                    call, response.status, content, response.headers.get("Retry-After"), caller=self._caller
                )
            return _object(content)
        except (aiohttp.ClientError, TimeoutError, OSError, ConfigException, ValueError) as failure:
            raise from_failure(call, failure, caller=self._caller) from failure


def _object(content: bytes) -> Json:
    """Read the answer.

    Raises:
        ValueError: It is no JSON object, as a proxy's page is.
    """
    try:
        answer = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(answer, dict):
        raise ValueError("no object")  # noqa: TRY004 - as what is no JSON at all
    return answer


def _addressed(resource: Resource, name: str, subresource: str) -> tuple[str, tuple[str, ...]]:
    """The resource as RBAC names it, and the end of the path."""
    return (f"{resource.plural}/{subresource}", (name, subresource)) if subresource else (resource.plural, (name,))


_OUTCOMES: Mapping[type[WriteError], str] = {ConflictError: "conflict", GoneError: "gone", DeniedError: "denied"}


def micro_time(instant: datetime) -> str:
    """Write a time as MicroTime, which the API server takes with exactly six digits."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
