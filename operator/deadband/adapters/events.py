"""Kubernetes Events: repeats raise a count, similar ones share an Event, and no object can flood the API server.

Events are written as events.k8s.io/v1: it is the stored form of which core/v1 is only another view, its `series` is
made for counting, and a repeat is one patch of two fields. Its notes cannot change, which is why only identical
messages share an Event until an object has said too many different ones.
"""

import asyncio
import logging
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from deadband.adapters.kube import Json, Kube, Resource, micro_time
from deadband.api.conditions import EventReason
from deadband.ports import GoneError, ObjectRef, WriteError

EVENTS = Resource("events.k8s.io", "v1", "events", "Event")

CONTROLLER = "deadband.dev/operator"
"""reportingController of every Event."""

NOTE_LENGTH = 1024
"""What the API server takes of a note, in bytes."""

BURST = 25
REFILL_SECONDS = 300
"""Per object: so many Events at once, then one per five minutes (client-go's spam filter)."""

SIMILAR = 10
WINDOW_SECONDS = 600
"""So many different messages of one object and reason in ten minutes; further ones share one Event (client-go)."""

_REMEMBERED = 4096
_NUMBERS = re.compile(r"\d+([.,]\d+)?")
_ACTIONS = {EventReason.SCALED_UP: "Scale", EventReason.SCALED_DOWN: "Scale"}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """One Event as it is, or is to be, on the API server."""

    about: ObjectRef
    type: Literal["Normal", "Warning"]
    reason: EventReason
    note: str
    first: datetime
    last: datetime
    seen: float
    count: int = 1
    name: str = ""


@dataclass(slots=True)
class _Budget:
    """The tokens of one object and the messages it said lately."""

    tokens: float = BURST
    filled: float = 0.0
    said: dict[EventReason, OrderedDict[str, float]] = field(default_factory=dict)


class KubeEvents:
    """ports.Events on the API server; `run` must be running for anything to be posted."""

    def __init__(
        self,
        kube: Kube,
        instance: str,
        *,
        queue_length: int = 1000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Share the process's client.

        Args:
            kube: The client.
            instance: reportingInstance, such as the pod's name.
            queue_length: Events that may wait to be posted; beyond it the oldest are dropped.
            now: Wall clock of the Events' times.
            monotonic: Clock of windows and budgets.
        """
        self._kube = kube
        self._instance = instance[:128]
        self._queue_length = queue_length
        self._now = now
        self._monotonic = monotonic
        self._entries: OrderedDict[tuple[str, EventReason, str], _Entry] = OrderedDict()
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, EventReason, str], _Entry] = OrderedDict()
        self._wake = asyncio.Event()
        self.dropped = 0
        """Events that were not posted: over an object's budget, out of the full queue, or refused."""

    def record(self, about: ObjectRef, type_: Literal["Normal", "Warning"], reason: EventReason, message: str) -> None:
        """Queue an Event; never blocks, never raises. A repeat within ten minutes raises a count instead.

        Args:
            about: The object; Events of a cluster-scoped one are kept in namespace default, as the API server demands.
            type_: Normal or Warning.
            reason: Of the stable vocabulary.
            message: Cut to 1024 bytes.
        """
        at = self._monotonic()
        owner = about.uid or f"{about.kind}/{about.namespace}/{about.name}"
        budget = self._budget(owner, at)
        if budget.tokens < 1:
            self.dropped += 1
            return
        budget.tokens -= 1
        note = message if _is_new_or_known(budget, reason, message, at) else f"(similar events) {_masked(message)}"
        key = (owner, reason, note)
        entry = self._entries.pop(key, None)
        now = self._now()
        if entry is None or at - entry.seen > WINDOW_SECONDS:
            entry = _Entry(about, type_, reason, _cut(note), now, now, at)
        else:
            entry.count += 1
            entry.last, entry.seen = now, at
        self._entries[key] = entry
        self._waiting.setdefault(key, entry)
        _shrink(self._entries, _REMEMBERED)
        self.dropped += _shrink(self._waiting, self._queue_length)
        self._wake.set()

    async def run(self) -> None:
        """Post what is recorded, one after the other, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Post everything that waits; for a last time after `run` has ended, too.

        An Event that is refused is logged and dropped: it is a courtesy, not a record.
        """
        while self._waiting:
            key, entry = self._waiting.popitem(last=False)
            try:
                await self._post(entry)
            except WriteError as refusal:
                self.dropped += 1
                _log.warning("event %s on %s %s was not recorded: %s", entry.reason, entry.about.kind, key[0], refusal)

    async def _post(self, entry: _Entry) -> None:
        namespace = entry.about.namespace or "default"
        if entry.name:
            try:
                await self._kube.patch(EVENTS, namespace, entry.name, {"series": _series(entry)})
            except GoneError:  # it lived for an hour, as Events do
                entry.first, entry.count = entry.last, 1
            else:
                return
        name = f"{entry.about.name[:230]}.{uuid.uuid4().hex[:16]}"
        await self._kube.create(EVENTS, namespace, self._body(entry, namespace, name))
        entry.name = name

    def _body(self, entry: _Entry, namespace: str, name: str) -> Json:
        about = entry.about
        regarding = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
        optional = {"namespace": about.namespace, "uid": about.uid}
        body: Json = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": micro_time(entry.first),
            "type": entry.type,
            "reason": entry.reason.value,
            "note": entry.note,
            "action": _ACTIONS.get(entry.reason, "Evaluate"),
            "regarding": regarding | {key: value for key, value in optional.items() if value},
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
        }
        return body | ({"series": _series(entry)} if entry.count > 1 else {})

    def _budget(self, owner: str, at: float) -> _Budget:
        budget = self._budgets.pop(owner, None) or _Budget(filled=at)
        budget.tokens = min(BURST, budget.tokens + (at - budget.filled) / REFILL_SECONDS)
        budget.filled = at
        self._budgets[owner] = budget
        _shrink(self._budgets, _REMEMBERED)
        return budget


def _is_new_or_known(budget: _Budget, reason: EventReason, message: str, at: float) -> bool:
    """Whether a message may have an Event of its own: it has one, or not too many others have."""
    said = budget.said.setdefault(reason, OrderedDict())
    for old in [text for text, when in said.items() if at - when > WINDOW_SECONDS]:
        del said[old]
    if message not in said and len(said) >= SIMILAR:
        return False
    said[message] = at
    return True


def _masked(message: str) -> str:
    """Make messages that differ in their numbers alone the same."""
    return _NUMBERS.sub("…", message)


def _cut(note: str) -> str:
    return note.encode()[:NOTE_LENGTH].decode(errors="ignore")


def _series(entry: _Entry) -> Json:
    return {"count": entry.count, "lastObservedTime": micro_time(entry.last)}


def _shrink(kept: OrderedDict[Any, Any], length: int) -> int:
    """Forget the oldest beyond a length; returns how many."""
    surplus = max(0, len(kept) - length)
    for _ in range(surplus):
        kept.popitem(last=False)
    return surplus
