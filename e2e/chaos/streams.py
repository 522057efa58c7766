"""One open watch: its events pass, are dropped, held, repeated or swapped, and others can be put among them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from e2e.chaos.exchanges import Exchange
from e2e.chaos.faults import DropEvents, HoldEvents, RepeatEvents, Rule, SwapEvents


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


def _is_for_events(rule: Rule) -> bool:
    return isinstance(rule.fault, DropEvents | HoldEvents | RepeatEvents | SwapEvents)
