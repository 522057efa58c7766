"""Kopf in a thread and an event loop of its own: parsing a large listing there never delays an evaluation here."""

import asyncio
import contextlib
import functools
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import kopf

from deadband.handlers import Sink, register
from deadband.handlers.session import PAGE_SIZE, session_of, tasks_named

logger = logging.getLogger(__name__)

Login = Callable[[], Awaitable[kopf.ConnectionInfo]]
"""Reads the credentials anew; awaited in Kopf's loop."""

KOPF_IDENTITY = "deadband"
"""Kopf wants a name even without peering; by default that of the user, and a container's numeric user has none."""

WATCHER_NAME = "watcher for "
"""How Kopf names the task of each watch stream (kopf, orchestration.py)."""

NAMESPACED_KINDS = 4
CLUSTER_KINDS = 1

INACTIVITY_SECONDS = 70.0
"""Bookmarks come every minute; a stream that is silent for longer is dead (K6)."""

SERVER_TIMEOUT_SECONDS = 300
"""The API server ends a stream after this; a belt to the braces above. The API server takes
whole numbers only."""

ANSWER_SECONDS = 5.0
"""Kopf's loop answers within this, or it is stuck."""


class NothingKept(kopf.DiffBaseStorage):
    """Kopf's memory of what an object was, empty: only its own kinds of handlers ask for it, and deadband has none.

    To make it Kopf copies every object of every event, which was a fifth of the cost of a start.
    """

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002
        """Nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        """Nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


class Backoffs:
    """Endless pauses between attempts, in seconds: a watch that gives up is a deaf operator (K3).

    Iterable again and again, without a length: that is how Kopf tells endless ones from a list.
    """

    def __iter__(self) -> Iterator[float]:
        """Begin anew."""
        spread = random.SystemRandom()
        for base in (1.0, 1.0, 2.0, 3.0, 5.0, 8.0):
            yield base * spread.uniform(0.8, 1.2)
        while True:
            yield 10.0 * spread.uniform(0.8, 1.2)


def settings() -> kopf.OperatorSettings:
    """Kopf as a source of watch events and nothing else."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.peering.standalone = True
    made.networking.error_backoffs = Backoffs()
    made.networking.connect_timeout = 5.0
    made.networking.request_timeout = 60.0
    made.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    made.watching.inactivity_timeout = INACTIVITY_SECONDS
    made.watching.chunk_size = PAGE_SIZE
    # How long Kopf holds an object after its event; with its own 5 s, all objects of a start are held at once.
    made.queueing.idle_timeout = 0.1
    made.persistence.diffbase_storage = NothingKept()
    # The process ends when the main thread says so; Kopf would kill its own thread, and with it the process.
    made.process.ultimate_exiting_timeout = None
    return made


class Watching:
    """The watch streams of one process."""

    def __init__(self, sink: Sink, login: Login, *, namespaces: Sequence[str] = ()) -> None:
        """Prepare; nothing is connected yet.

        Args:
            sink: Called in Kopf's thread with every event.
            login: Reads the credentials, at the start and whenever the API server refused them.
            namespaces: Those that are watched; empty: all.
        """
        self._namespaces = tuple(namespaces)
        self._registry = kopf.OperatorRegistry()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        register(self._registry, sink)
        # Equal credentials are one session: so Kopf sees which were refused before, and does not try those for ever.
        session = functools.lru_cache(maxsize=1)(session_of)

        @kopf.on.login(registry=self._registry, errors=kopf.ErrorsMode.TEMPORARY, backoff=5)
        async def log_in(**_: Any) -> kopf.AiohttpSession:
            return session(await login())

    @property
    def expected(self) -> int:
        """How many streams there are when all are alive."""
        return CLUSTER_KINDS + NAMESPACED_KINDS * (len(self._namespaces) or 1)

    def start(self) -> None:
        """Connect and watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the streams to end; the thread is a daemon, so nobody has to wait for it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def alive(self) -> int:
        """How many streams are alive; 0 also when Kopf ended, or when its loop does not answer."""
        loop = self._loop
        if loop is None or not self._thread.is_alive():
            return 0
        try:
            counted = asyncio.run_coroutine_threadsafe(_count_watchers(), loop)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.wrap_future(counted)
        except (TimeoutError, RuntimeError, asyncio.CancelledError):
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return 0

    def _run(self) -> None:
        # The end of this thread is seen by `alive`, whatever ended it; here it is only told.
        try:
            asyncio.run(self._operate())
        except Exception as error:  # noqa: BLE001 - the thread ends with it, and is missed
            # What ends Kopf is what the API server said; where in Kopf that surfaced helps nobody who is woken up.
            logger.error("the watches ended: %s: %s", type(error).__name__, error)  # noqa: TRY400 - as said above
        finally:
            self._loop = None

    async def _operate(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(tell_in_brief)
        with contextlib.suppress(asyncio.CancelledError):
            await kopf.operator(
                registry=self._registry,
                settings=settings(),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                identity=KOPF_IDENTITY,  # type: ignore[arg-type]  # a NewType of str that Kopf does not export
                stop_flag=self._stop,
            )


def tell_in_brief(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Tell in a line what asyncio has to say of Kopf's tasks and callbacks; this loop has no others."""
    what = str(context["message"]).partition("\n")[0]
    logger.warning("inside of Kopf: %s: %r", what, context.get("exception"))


async def _count_watchers() -> int:
    return tasks_named(WATCHER_NAME)
