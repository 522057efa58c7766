"""The image runs as a number that no password file knows."""

import getpass
import threading
from typing import NoReturn

import kopf
import pytest

from deadband.handlers.watching import Watching


def test_the_watches_start_for_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> NoReturn:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    asked = threading.Event()

    async def login() -> kopf.ConnectionInfo:
        asked.set()
        raise kopf.TemporaryError("the test ends here", delay=60)

    watching = Watching(print, login)
    watching.start()
    try:
        assert asked.wait(10), "Kopf ended before it asked for credentials"
    finally:
        watching.stop()
