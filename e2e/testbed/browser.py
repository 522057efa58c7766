"""A real browser without a window, driven through its own DevTools protocol.

The protocol is JSON over a WebSocket: https://chromedevtools.github.io/devtools-protocol/.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

import aiohttp

from e2e.testbed import packages
from e2e.testbed.processes import Process

_PATIENCE_SECONDS = 30.0
_FLAGS = (
    "--headless",
    "--no-sandbox",  # it opens only what we wrote, and root may not use it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
_LOUD = ("warning", "error", "assert")


class PageError(RuntimeError):
    """The browser refused a command, or a script that was evaluated in the page threw; the message is its own."""


class Browser:
    """One browser process with an empty profile; stopped with the block."""

    def __init__(self, run_directory: Path) -> None:
        """Take the folder for its profile and its log; starts nothing."""
        self._profile = run_directory / "profile"
        found = packages.program("chromium-headless-shell")
        self._process = Process(
            "chromium",
            [found.binary, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            log=run_directory / "chromium.log",
            env=found.environment,
        )

    def __enter__(self) -> Self:
        """Start it and wait until it can be driven."""
        self._process.start()
        try:
            self._process.wait_ready(lambda: bool(self._address()))
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop it."""
        self._process.stop()

    @asynccontextmanager
    async def tab(self) -> AsyncIterator["Tab"]:
        """A tab of its own, without anything that another one left behind."""
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://{self._address()}/json/new?about:blank") as answer:
                address = (await answer.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                try:
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await tab.call(f"{domain}.enable")
                    yield tab
                finally:
                    listening.cancel()

    def _address(self) -> str:
        """Where it listens: host and port; empty until it does."""
        told = self._profile / "DevToolsActivePort"
        port = told.read_text().split("\n")[0] if told.exists() else ""
        return f"127.0.0.1:{port}" if port else ""


class Tab:
    """One page.

    Attributes:
        requests: The address of every request since the page was opened, the page itself included.
        complaints: What it wrote on its console as a warning or worse, what it threw, what the browser refused it.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take the connection to a tab that is open."""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()

    async def listen(self) -> None:
        """Take in answers and events until the tab is closed."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._happened(told["method"], told["params"])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command and return its result.

        Raises:
            PageError: It was refused.
        """
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        told = await asyncio.wait_for(answer, _PATIENCE_SECONDS)
        if "error" in told:
            raise PageError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, page: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Show a file in a window of so many pixels, as somebody with a light or dark screen sees it.

        Returns when it is loaded.

        Raises:
            PageError: There is no such file.
        """
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.requests.clear()
        self.complaints.clear()
        self._loaded.clear()
        told = await self.call("Page.navigate", url=page.as_uri())
        if "errorText" in told:
            raise PageError(f"{page}: {told['errorText']}")
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE_SECONDS)

    async def evaluate(self, script: str) -> Any:
        """Run an expression in the page and return its value, which must be JSON.

        Raises:
            PageError: It threw.
        """
        told = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise PageError(told["exceptionDetails"]["exception"]["description"])
        return told["result"].get("value")

    async def press(self, key: str, code: int) -> None:
        """Press a key that has no text, such as Tab (9)."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def point_at(self, x: float, y: float) -> None:
        """Move the mouse to a place of the window."""
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def picture(self, *, whole: bool = False) -> bytes:
        """What is to be seen, as a PNG; or the whole page."""
        told = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(told["data"])

    def _happened(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.consoleAPICalled" if params["type"] in _LOUD:
                self.complaints.append(str(params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"]["text"])
            case "Log.entryAdded" if params["entry"]["level"] in _LOUD:
                self.complaints.append(params["entry"]["text"])
