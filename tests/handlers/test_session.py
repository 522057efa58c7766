"""Whom the watches trust, and at which pace Kopf lists: a next page when what was before it is handled."""

import asyncio
import inspect
import itertools
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kopf._core.reactor import queueing

from deadband.handlers import session
from deadband.handlers.session import HOLDER_NAME, MOST_HELD, Connection, session_of
from deadband.handlers.watching import Watching
from tests.engine.fakes import until

PAGE = "/apis/apps/v1/deployments?limit=100&continue=more"


class Api:
    """A server that notes what it is asked, through the session that Kopf gets."""

    status = 200
    rotating: Iterator[int] = itertools.repeat(0)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self._held: list[asyncio.Task[bool]] = []
        self.release = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.tokens.add(request.headers.get("Authorization"))
        return web.Response(status=self.status)

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/{path:.*}", self.answer)
        self.server = TestServer(application)
        await self.server.start_server()
        self.session = session_of(await self.credentials()).aiohttp_session

    async def credentials(self) -> Connection:
        token = "t" * (1 + next(self.rotating))
        return Connection(server=str(self.server.make_url("")), scheme="Bearer", token=token)

    def hold(self, objects: int) -> None:
        """Let so many tasks live until they are released, named as Kopf's."""
        for number in range(objects):
            self._held.append(asyncio.create_task(self.release.wait(), name=f"{HOLDER_NAME}{number}"))

    async def get(self, path: str) -> None:
        async with self.session.get(self.server.make_url(path)):
            pass

    async def stop(self) -> None:
        self.release.set()
        await asyncio.gather(*self._held)
        await self.session.close()
        await self.server.close()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    await made.start()
    yield made
    await made.stop()


async def test_the_next_page_is_asked_for_when_most_objects_are_handled(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    counted = session.tasks_named

    def looking(beginning: str) -> int:
        looked.set()
        return counted(beginning)

    monkeypatch.setattr(session, "tasks_named", looking)
    api.hold(MOST_HELD + 1)
    asking = asyncio.create_task(api.get(PAGE))
    await looked.wait()
    assert api.asked == []

    api.release.set()
    await asking
    assert api.asked == [PAGE]


@pytest.mark.parametrize(
    ("path", "held"),
    [
        pytest.param("/apis/apps/v1/deployments?limit=100", MOST_HELD + 1, id="a first page"),
        pytest.param("/apis/apps/v1/deployments?watch=true&resourceVersion=7", MOST_HELD + 1, id="a watch"),
        pytest.param(PAGE, MOST_HELD, id="a next page while few objects are held"),
    ],
)
async def test_what_does_not_wait(api: Api, path: str, held: int) -> None:
    api.hold(held)

    await api.get(path)

    assert api.asked == [path]


async def test_a_page_waits_no_longer_than_its_patience(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PATIENCE_SECONDS", 0.05)
    api.hold(MOST_HELD + 1)

    await api.get(PAGE)

    assert api.asked == [PAGE]


async def test_the_session_shows_the_credentials(api: Api) -> None:
    await api.get("/version")

    assert api.tokens == {"Bearer t"}


async def test_credentials_that_stay_refused_end_the_watches_instead_of_being_tried_for_ever(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "status", 401)
    watching = Watching(print, api.credentials)
    watching.start()

    await asyncio.to_thread(watching._thread.join, 20)

    assert not watching._thread.is_alive()
    assert api.tokens == {"Bearer t"}


async def test_credentials_that_are_other_ones_now_are_tried(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "status", 401)
    monkeypatch.setattr(api, "rotating", itertools.count())
    watching = Watching(print, api.credentials)
    watching.start()

    await until(lambda: len(api.tokens) > 2)

    watching.stop()
    await asyncio.to_thread(watching._thread.join, 20)


def test_an_authority_without_key_identifiers_is_accepted_but_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    lenient = ssl.create_default_context

    def strict(*args: object, **options: object) -> ssl.SSLContext:
        """What Python 3.13 and later do."""
        context = lenient(*args, **options)  # type: ignore[arg-type]  # passed on as they came
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)

    context = Connection(server="https://api.example").as_ssl_context()

    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_kopf_still_names_the_tasks_that_hold_objects_so() -> None:
    """Another name in a later Kopf would only cost memory, which no other test would tell."""
    assert f"name=f'{HOLDER_NAME}{{key}}'" in inspect.getsource(queueing.watcher)
