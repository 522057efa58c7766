"""The HTTP session of the watches: whom it trusts, and at which pace Kopf lists what there is at the start.

Kopf asks for the next page of a LIST at once, and holds every object until a task of its own has handled it. The API
server is the faster of the two, so that of a large fleet all objects would be held at the same time: 140 MB at 5,000
policies, which Python does not give back. So a page is asked for when most of the objects before it are handled.
"""

import asyncio
import contextlib
import ssl
from types import SimpleNamespace

import aiohttp
import kopf

PAGE_SIZE = 100
"""Objects of one page."""

MOST_HELD = 100
"""Objects of all kinds that Kopf may hold when the next page is asked for."""

LOOK_SECONDS = 0.02
"""Between two looks at how many it holds."""

PATIENCE_SECONDS = 5.0
"""A page is asked for after this in any case: better much memory than a deaf watch."""

HOLDER_NAME = "worker for "
"""How Kopf names the task that holds an object (kopf, queueing.py)."""


class Connection(kopf.ConnectionInfo):
    """Credentials for the watches, as lenient with the cluster's authority as every other call of the operator.

    Python 3.13 began to refuse authorities without key identifiers, which EKS and others still have
    (kubernetes-client/python#2394). Chain, dates and host name are verified all the same.
    """

    def as_ssl_context(self) -> ssl.SSLContext:
        """Kopf's own context without the strictness about the form of certificates."""
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def session_of(connection: kopf.ConnectionInfo) -> kopf.AiohttpSession:
    """The session that Kopf would make of the credentials, but for the pace; made and closed in Kopf's loop."""
    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(_hold_back)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=connection.as_ssl_context()),
        headers=connection.as_http_headers(),
        trace_configs=[tracing],
    )
    return kopf.AiohttpSession(server=connection.server, aiohttp_session=session)


async def _hold_back(_: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
    """Let the next page of a LIST wait; every other request, a watch above all, goes on at once."""
    if "continue" not in request.url.query:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while tasks_named(HOLDER_NAME) > MOST_HELD:  # noqa: ASYNC110 - Kopf has no event for it
                await asyncio.sleep(LOOK_SECONDS)


def tasks_named(beginning: str) -> int:
    """How many open tasks of this loop have a name that begins so: Kopf tells what it does in no other way."""
    return sum(task.get_name().startswith(beginning) for task in asyncio.all_tasks())
