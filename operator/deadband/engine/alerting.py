"""Alerts while policies ask a person to act: sent at once, sent again while they last, told to be over afterwards.

Alertmanager forgets what is not repeated: every alert says when it ends, four sendings ahead, so that a dead operator's
alerts end by themselves. Evaluations only leave word here; the sending waits for nobody and nobody waits for it.
Source: Alertmanager's guide for clients of its API; Prometheus sends alike.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from deadband.api.status import ScalingPolicyStatus
from deadband.engine.asking import Ask, ask_of
from deadband.engine.clock import Clock
from deadband.engine.complaints import Complaints
from deadband.engine.records import PolicyRecord
from deadband.ports import Alert, Alerts, Leadership, ObjectRef, WriteError

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
"""How often what lasts, and what is over, is sent again."""

ENDS_AFTER = 4
"""An alert ends after so many sendings that did not come."""

OVER_FOR = timedelta(minutes=5)
"""For so long it is told that an alert is over: a replica may miss the first."""

GATHER_SECONDS = 1.0
"""Between two sendings at least: what thousands of policies ask in one evaluation goes out together."""


@dataclass(slots=True)
class _Entry:
    """One alert as Alertmanager is to see it.

    Attributes:
        ask: Labels and texts.
        over_since: When it ended; None while it lasts.
        told: It was sent as it is now.
    """

    ask: Ask
    over_since: datetime | None = None
    told: bool = False


class Alerting:
    """Keeps every Alertmanager told of what policies ask, while this process leads."""

    def __init__(
        self, alerts: Alerts, leadership: Leadership, clock: Clock, *, again_seconds: float = AGAIN_SECONDS
    ) -> None:
        """Know of nothing yet.

        Args:
            alerts: Where they are sent.
            leadership: Only a leader sends.
            clock: For times and waiting.
            again_seconds: How often an alert is sent again.
        """
        self._alerts = alerts
        self._leadership = leadership
        self._clock = clock
        self._again_seconds = again_seconds
        self._again_at = clock.monotonic()
        self._entries: dict[tuple[tuple[str, str], ...], _Entry] = {}
        self._asked: dict[str, Ask] = {}
        """What each policy asks now, by UID."""
        self._news = asyncio.Event()
        self._complaints = Complaints(logger, clock)

    def show(
        self, record: PolicyRecord, before: ScalingPolicyStatus, after: ScalingPolicyStatus, *, now: datetime
    ) -> None:
        """Take in what one evaluation came to; returns at once.

        Args:
            record: The policy.
            before: Its status before the evaluation: at the first one of a leadership what the last leader asked.
            after: Its status now.
            now: The evaluation's time.
        """
        uid = record.ref.uid
        earlier, ask = self._asked.pop(uid, None) or ask_of(record, before), ask_of(record, after)
        if earlier is not None and (ask is None or ask.identity != earlier.identity):
            self._end(earlier, now)
        if ask is not None:
            self._asked[uid] = ask
            self._begin(ask)

    def forget(self, policy: ObjectRef) -> None:
        """A policy is gone: what it asked is over."""
        ask = self._asked.pop(policy.uid, None)
        if ask is not None:
            self._end(ask, self._clock.now())

    def clear(self) -> None:
        """This process leads no more. Nothing is told to be over: the next leader goes on asking, or it ends itself."""
        self._entries.clear()
        self._asked.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self.send()
            await self._clock.sleep(GATHER_SECONDS)
            try:
                async with asyncio.timeout(max(0.0, self._again_at - self._clock.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def send(self) -> None:
        """Send what is new, and everything when that is due."""
        self._news.clear()
        if not self._leadership.leads():
            return
        now, monotonic = self._clock.now(), self._clock.monotonic()
        again = monotonic >= self._again_at
        if again:
            self._again_at = monotonic + self._again_seconds
            self._forget_old(now)
        entries = [entry for entry in self._entries.values() if again or not entry.told]
        if not entries:
            return
        for entry in entries:
            entry.told = True
        ends_at = now + timedelta(seconds=ENDS_AFTER * self._again_seconds)
        self._complain(await self._alerts.send([_alert(entry, ends_at) for entry in entries]))

    def _begin(self, ask: Ask) -> None:
        known = self._entries.get(ask.identity)
        # Texts change with every reading and wait for the next sending; another proposal is to be told at once.
        if known is not None and known.over_since is None and known.ask.proposal == ask.proposal:
            known.ask = ask
        else:
            self._put(_Entry(ask))

    def _end(self, ask: Ask, now: datetime) -> None:
        self._put(_Entry(ask, max(now, ask.since)))

    def _put(self, entry: _Entry) -> None:
        self._entries[entry.ask.identity] = entry
        self._news.set()

    def _forget_old(self, now: datetime) -> None:
        self._entries = {
            identity: entry
            for identity, entry in self._entries.items()
            if entry.over_since is None or now - entry.over_since <= OVER_FOR
        }

    def _complain(self, failures: Mapping[str, WriteError]) -> None:
        for address, error in failures.items():
            self._complaints.tell("send alerts to", ObjectRef("Alertmanager", "", address), error)


def _alert(entry: _Entry, ends_at: datetime) -> Alert:
    return Alert(
        labels=entry.ask.labels,
        annotations=entry.ask.annotations,
        starts_at=entry.ask.since,
        ends_at=ends_at if entry.over_since is None else entry.over_since,
    )
