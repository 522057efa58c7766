"""Stand-ins for Alertmanagers on loopback: they hold what they are sent, as the real ones do, and answer as told."""

import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


class Replica:
    """One server; `status` is what it answers, `requests` what it was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.requests: list[web.Request] = []
        self.bodies: list[list[dict[str, Any]]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, port, ssl_context=tls).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def up(self) -> bool:
        return self._runner is not None

    def lasting(self) -> list[dict[str, str]]:
        now, held = datetime.now(UTC), {}
        for body in self.bodies:
            for alert in body:
                held[json.dumps(alert["labels"], sort_keys=True)] = alert
        return [one["labels"] for one in held.values() if datetime.fromisoformat(one["endsAt"]) > now]

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.json())
        return web.Response(status=self.status, headers=self.headers, text="s3cret-from-a-body")
