"""Probes and metrics over HTTP: /livez, /readyz, /metrics."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from deadband.adapters.telemetry import CONTENT_TYPE

Probe = Callable[[], Awaitable[list[str]]]
"""What is wrong, in words; empty when all is well."""


class HttpServer:
    """Serves the three paths until it is closed."""

    def __init__(self, address: str, *, live: Probe, ready: Probe, expose: Callable[[], bytes]) -> None:
        """Prepare.

        Args:
            address: host:port; the host may be an IPv6 address in brackets, or empty for all.
            live: What of this process only a restart would mend.
            ready: What keeps it from taking over now.
            expose: The own metrics.
        """
        self._host, _, port = address.rpartition(":")
        self.port = int(port)
        """Where it listens; with port 0 known once it has started."""
        self._live = live
        self._ready = ready
        self._expose = expose
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address is in use or not ours.
        """
        app = web.Application()
        app.router.add_get("/livez", self._answer_live)
        app.router.add_get("/readyz", self._answer_ready)
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host.strip("[]") or None, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer_live(self, _: web.Request) -> web.Response:
        return _probed(await self._live())

    async def _answer_ready(self, _: web.Request) -> web.Response:
        return _probed(await self._ready())

    async def _answer_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._expose(), headers={"Content-Type": CONTENT_TYPE})


def _probed(faults: list[str]) -> web.Response:
    return web.Response(text="\n".join(faults) + "\n", status=503) if faults else web.Response(text="ok\n")
