"""The open watches: their events pass, are dropped, held, repeated or swapped; a watch can be frozen, or ended."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp
from aiohttp import web

from e2e.chaos.exchanges import Exchange
from e2e.chaos.tampering import DropEvents, HoldEvents, RepeatEvents, Rule, SwapEvents

LONGEST_LINE_BYTES = 8 * 1024 * 1024
"""The longest event."""
LOOK_SECONDS = 0.05
"""How often a held thing looks whether its rule was lifted."""


class Stream:
    """The events of one watch, as lines. Belongs to the proxy's event loop.

    Attributes:
        resource: What is watched.
        frozen: True when nothing comes through any more, though the connection stays open.
    """

    def __init__(self, opened: Exchange) -> None:
        """Take the request that opened it."""
        self.resource = opened.resource
        self.frozen = False
        self._namespace = opened.namespace
        self._held: list[tuple[Rule, bytes]] = []
        self._swapped: list[bytes] = []

    def take(self, line: bytes, rules: Sequence[Rule]) -> list[bytes]:
        """Pass one event through the rules; returns the lines to send now."""
        event = self._event(line)
        if event is None:
            return [line]
        fault = next((rule for rule in rules if _is_for_events(rule) and rule.meets(event)), None)
        match fault.fault if fault is not None else None:
            case DropEvents():
                return []
            case HoldEvents():
                assert fault is not None, "its fault was matched"
                self._held.append((fault, line))
                return []
            case SwapEvents():
                self._swapped.append(line)
                return []
            case RepeatEvents():
                return [line, line, *self._overtaken()]
            case _:
                return [line, *self._overtaken()]

    def released(self) -> Iterator[bytes]:
        """What was held by rules that have been lifted, in its order."""
        due = [line for rule, line in self._held if rule.lifted]
        self._held = [(rule, line) for rule, line in self._held if not rule.lifted]
        yield from due

    def _overtaken(self) -> list[bytes]:
        lines, self._swapped = self._swapped, []
        return lines

    def _event(self, line: bytes) -> Exchange | None:
        """The event as rules match it: its type for a verb, the object's names."""
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            return None
        metadata = event.get("object", {}).get("metadata", {})
        namespace = metadata.get("namespace", self._namespace)
        return Exchange(0.0, str(event.get("type")), self.resource, namespace, metadata.get("name", ""))


class Streams:
    """Every watch that is open. Belongs to the proxy's event loop."""

    def __init__(self, rules: Callable[[], Sequence[Rule]]) -> None:
        """Take how to get the rules that hold now."""
        self._rules = rules
        self._open: dict[Stream, asyncio.Queue[bytes | None]] = {}

    async def end_with(self, line: bytes, resource: str) -> int:
        """Put a line into every watch of a resource, and end it; returns how many."""
        queues = [queue for stream, queue in self._open.items() if stream.resource == resource]
        for queue in queues:
            queue.put_nowait(line)
            queue.put_nowait(None)
        return len(queues)

    async def freeze(self) -> int:
        """Let nothing come through those that are open now; returns how many."""
        for stream in self._open:
            stream.frozen = True
        return len(self._open)

    async def serve(self, opened: Exchange, reply: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        """Pass the events of one watch on until either side ends it."""
        stream, queue = Stream(opened), asyncio.Queue[bytes | None]()
        self._open[stream] = queue
        reading = asyncio.create_task(self._read(reply, opened, stream))
        try:
            await self._deliver(response, stream)
        finally:
            del self._open[stream]
            reading.cancel()

    async def _read(self, reply: aiohttp.ClientResponse, opened: Exchange, stream: Stream) -> None:
        """Read events from the server behind, through the rules, into the stream's queue; None is its end."""
        queue = self._open[stream]
        try:
            async for line in reply.content:
                if line.startswith(b'{"type":"ERROR"'):
                    opened.answer += line
                for passed in stream.take(line, self._rules()):
                    queue.put_nowait(passed)
        except (aiohttp.ClientError, OSError):
            pass  # ends the stream towards the client, too
        finally:
            queue.put_nowait(None)

    async def _deliver(self, response: web.StreamResponse, stream: Stream) -> None:
        while True:
            lines: list[bytes | None] = []
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    lines.append(await self._open[stream].get())
            except TimeoutError:
                lines.extend(stream.released())
            for line in lines:
                while stream.frozen:
                    await asyncio.sleep(LOOK_SECONDS)
                if line is None:
                    return
                await response.write(line)


def _is_for_events(rule: Rule) -> bool:
    return isinstance(rule.fault, DropEvents | HoldEvents | RepeatEvents | SwapEvents)
