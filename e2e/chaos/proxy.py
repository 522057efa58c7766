"""An HTTP proxy that does harm: before the API server (TLS on both sides, watches stream through) or a Prometheus.

It runs in a thread of its own; tests add rules, lift them, and read what was exchanged from any other thread.
"""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

from e2e.chaos.exchanges import Exchange, Read
from e2e.chaos.streams import LONGEST_LINE_BYTES, LOOK_SECONDS, Streams
from e2e.chaos.tampering import (
    Answer,
    Delay,
    Edit,
    Freeze,
    LoseAnswer,
    Match,
    Refuse,
    RequestFault,
    Reset,
    Rule,
    ShiftDate,
    StreamFault,
    Then,
    Truncate,
    status_body,
)
from e2e.testbed.pki import KeyPair

_HOP_BY_HOP = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding", "upgrade", "te"}
)


class _BrokenOffError(Exception):
    """The connection is closed without an answer, or without the rest of it."""


class Proxy:
    """One proxy before one server; a context manager."""

    def __init__(
        self,
        upstream: str,
        read: Read,
        *,
        trusted: Path | None = None,
        serving: KeyPair | None = None,
        answered: Callable[[Exchange], None] = lambda _: None,
        name: str = "",
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            upstream: Base URL of the server behind.
            read: Names its requests.
            trusted: The authority of the server behind; None for plain HTTP.
            serving: What the proxy shows its clients; None for plain HTTP.
            answered: Told of every exchange as soon as the server behind has answered; in the proxy's thread.
            name: Whose way it is.
        """
        self.url = ""
        """Where it listens, once it does."""
        self.exchanges: list[Exchange] = []
        """Everything that came in, oldest first; only ever appended to."""
        self.reachable = True
        """False closes every connection at once, as a partition of the network would."""
        self._upstream = upstream.rstrip("/")
        self.name = name
        self._read = read
        self._answered = answered
        self._trusted = ssl.create_default_context(cafile=str(trusted)) if trusted is not None else None
        self._serving = _serving_context(serving) if serving is not None else None
        self._rules: tuple[Rule, ...] = ()
        self._streams = Streams(lambda: self._rules)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-proxy", daemon=True)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *exception: object) -> None:
        """Lift every rule, close every connection, and end the thread."""
        self.clear()
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, match: Match, fault: RequestFault | StreamFault, *, first: int = 1, times: int | None = None) -> Rule:
        """Put a rule before the ones there are; arguments as in Rule."""
        rule = Rule(match, fault, first=first, times=times)
        self._rules = (rule, *self._rules)
        return rule

    def clear(self) -> None:
        """Lift every rule, and let everybody through again."""
        rules, self._rules = self._rules, ()
        self.reachable = True
        for rule in rules:
            rule.lift()

    def seen(self, match: Match, *, since: float = 0.0) -> list[Exchange]:
        """The requests that a match fits, from an instant of the monotonic clock on."""
        return [one for one in list(self.exchanges) if one.at >= since and match.fits(one)]

    def inject_error(self, resource: str, code: int, reason: str) -> int:
        """Put an ERROR event into every open watch of a resource, which ends with it; returns how many."""
        event = {"type": "ERROR", "object": status_body(code, reason)}
        reached: int = self._call(self._streams.end_with(json.dumps(event).encode() + b"\n", resource))
        return reached

    def freeze_watches(self) -> int:
        """Let nothing come through the watches that are open now, which stay open; returns how many."""
        frozen: int = self._call(self._streams.freeze())
        return frozen

    def cut(self) -> None:
        """Close every connection there is; new ones are let in."""
        self._call(self._cut())

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trusted or True, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=LONGEST_LINE_BYTES,
            auto_decompress=False,
        )
        server = web.Application(client_max_size=64 * 1024 * 1024)
        server.router.add_route("*", "/{path:.*}", self._handle)
        # A client that goes away takes its request with it, as it would at the server itself.
        self._runner = web.AppRunner(server, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._serving)
        await site.start()
        self.url = f"{'https' if self._serving else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        assert self._runner is not None, "started"
        assert self._session is not None, "started"
        await self._cut()
        await self._runner.cleanup()
        await self._session.close()

    async def _cut(self) -> None:
        assert self._runner is not None, "started"
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        exchange = self._read(time.monotonic(), request.method, request.path, request.query_string, body)
        exchange.through = self.name
        self.exchanges.append(exchange)
        try:
            return await self._meet(request, exchange, body)
        except (_BrokenOffError, aiohttp.ClientError, OSError):
            # What befell the connection behind befalls the one before.
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)

    async def _meet(self, request: web.Request, exchange: Exchange, body: bytes) -> web.StreamResponse:
        """Let the first fault that meets the request befall it; without one, pass it on."""
        if not self.reachable:
            raise _BrokenOffError
        rules = (rule for rule in self._rules if not isinstance(rule.fault, StreamFault))
        rule = next((rule for rule in rules if rule.meets(exchange)), None)
        exchange.fault = type(rule.fault).__name__ if rule is not None else ""
        match rule.fault if rule is not None else None:
            case Refuse():
                raise _BrokenOffError
            case Freeze():
                assert rule is not None, "its fault was matched"
                await _until_lifted(rule)
                raise _BrokenOffError
            case Answer(status, answer, headers):
                exchange.status = status
                return web.Response(status=status, body=answer, headers=dict(headers))
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case _:
                pass
        if exchange.verb == "watch":
            return await self._watch(request, exchange, body)
        return await self._answer(request, exchange, body, rule)

    async def _answer(
        self, request: web.Request, exchange: Exchange, body: bytes, rule: Rule | None
    ) -> web.StreamResponse:
        async with self._forward(request, body) as reply:
            exchange.answer = await reply.read()
            exchange.upstream, exchange.answered = reply.status, time.monotonic()
            headers = _passed(reply.headers)
        self._answered(exchange)
        content = exchange.answer
        match rule.fault if rule is not None else None:
            case LoseAnswer():
                raise _BrokenOffError
            case Then(do):
                await asyncio.to_thread(do, exchange)
                if request.transport is None or request.transport.is_closing():
                    raise _BrokenOffError
            case Reset(after):
                await self._break_off(request, exchange, headers, content[:after], len(content))
            case Truncate(to):
                content = content[:to]
            case Edit(made_of):
                content = made_of(content)
            case ShiftDate(seconds):
                headers["Date"] = _shifted(headers.get("Date"), seconds)
            case _:
                pass
        exchange.status = exchange.upstream
        return web.Response(status=exchange.upstream, body=content, headers=headers)

    async def _break_off(
        self, request: web.Request, exchange: Exchange, headers: Mapping[str, str], part: bytes, length: int
    ) -> None:
        response = web.StreamResponse(status=exchange.upstream, headers=headers)
        response.content_length = max(length, len(part) + 1)
        await response.prepare(request)
        await response.write(part)
        raise _BrokenOffError

    async def _watch(self, request: web.Request, exchange: Exchange, body: bytes) -> web.StreamResponse:
        async with self._forward(request, body) as reply:
            exchange.upstream, exchange.answered = reply.status, time.monotonic()
            exchange.status = reply.status
            if reply.status != web.HTTPOk.status_code:
                return web.Response(status=reply.status, body=await reply.read(), headers=_passed(reply.headers))
            response = web.StreamResponse(headers=_passed(reply.headers))
            await response.prepare(request)
            await self._streams.serve(exchange, reply, response)
            return response

    @asynccontextmanager
    async def _forward(self, request: web.Request, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "started"
        url = URL(f"{self._upstream}{request.raw_path}", encoded=True)
        headers = _passed(request.headers) | {"Accept-Encoding": "identity"}  # faults look into the bodies
        async with self._session.request(
            request.method, url, data=body or None, headers=headers, allow_redirects=False
        ) as reply:
            yield reply

    def _call(self, coroutine: Any) -> Any:
        """Run something in the proxy's loop and wait for it."""
        done: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return done.result(timeout=30)


async def _until_lifted(rule: Rule) -> None:
    while not rule.lifted:
        await asyncio.sleep(LOOK_SECONDS)


def _serving_context(pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _shifted(date: str | None, seconds: float) -> str:
    shown = parsedate_to_datetime(date).timestamp() if date else 0.0
    return formatdate(shown + seconds, usegmt=True)
