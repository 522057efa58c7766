"""An API server in this process: it records what it was asked and answers what the test wrote down."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from deadband.adapters.kube import Kube


class FakeApi:
    """Answers what the test wrote down, in order, then an empty object; `seen` is what arrived."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.silent: asyncio.Event | None = None
        self.answers: list[tuple[int, Any, dict[str, str]]] = [(200, {}, {})]

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        self.answers.append((status, {} if body is None else body, headers))

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.seen.append(
            {
                "method": request.method,
                "path": request.rel_url.raw_path,
                "query": dict(request.query),
                "type": request.content_type,
                "agent": request.headers.get("User-Agent"),
                "token": request.headers.get("Authorization"),
                "body": json.loads(body) if body else None,
            }
        )
        if self.silent is not None:
            await self.silent.wait()
        status, answer, headers = self.answers.pop(1) if len(self.answers) > 1 else self.answers[0]
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(status=status or 200, text=text, content_type="application/json", headers=headers)


@asynccontextmanager
async def kube_of(api: FakeApi, **options: Any) -> AsyncIterator[Kube]:
    """A client of that server."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as server:
        kube = Kube(ApiClient(Configuration(host=str(server.make_url("")).rstrip("/"))), **options)
        yield kube
        await kube.close()
