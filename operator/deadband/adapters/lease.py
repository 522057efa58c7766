"""The leader Lease: one process writes, the others keep their stores warm (architecture decision 6).

The algorithm is client-go's: a Lease that another holds may be taken when its record has not changed for its own
duration, measured by OUR monotonic clock since WE saw it change. Clocks of two machines are never compared. A Lease is
no fence, so writers ask `leads()` before every write and carry a resourceVersion besides.
"""

import asyncio
import inspect
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deadband.adapters.kube import Json, Kube, Resource, micro_time
from deadband.core.types import Outage
from deadband.ports import GoneError, WriteError

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")

Started = Callable[[Outage | None], Awaitable[None] | None]
Stopped = Callable[[], Awaitable[None] | None]

_log = logging.getLogger(__name__)
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; duration > renew_deadline > retry, or two could lead at once.

    Attributes:
        duration: How long the others leave an unchanged record alone; whole seconds on the wire, rounded up.
        renew_deadline: How long after its last renewal a leader still writes.
        retry: Between two attempts; a follower waits up to 2.2 times as long, at random.
    """

    duration: float = 15
    renew_deadline: float = 10
    retry: float = 2

    def __post_init__(self) -> None:
        """Refuse what is unsafe."""
        if not self.duration > self.renew_deadline > self.retry > 0:
            raise ValueError("a Lease needs duration > renew deadline > retry > 0")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests need not wait: a wall clock for the record, a monotonic one for every deadline."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = _random.random


class LeaseElector:
    """ports.Leadership on a coordination.k8s.io/v1 Lease."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        *,
        timing: Timing = Timing(),
        clock: Clock = Clock(),
    ) -> None:
        """Name the Lease and ourselves.

        Args:
            kube: The client.
            namespace: The operator's own.
            name: Of the Lease; it is made when it does not exist.
            identity: Unique to this process and this start of it: a pod keeps its name over container restarts.
            timing: The three durations.
            clock: Replaced by tests.
        """
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._turn = asyncio.Lock()
        self._lease: Json | None = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None
        self._last_led: datetime | None = None
        self._own_renewal: datetime | None = None
        self._released = False

    def leads(self) -> bool:
        """True while this process may write: the last renewal is younger than the renew deadline by our own clock.

        A renewal counts from before its request was sent, since that is the latest the others can have seen.
        """
        return not self._released and self._renewed_at is not None and self._left() > 0

    @property
    def transitions(self) -> int:
        """How often the Lease changed hands, as last seen: the number of this term while we lead."""
        return int(_spec(self._lease).get("leaseTransitions") or 0)

    @property
    def holder(self) -> str:
        """Who holds the Lease, as last seen; empty when nobody does or it was not seen yet."""
        return str(_spec(self._lease).get("holderIdentity") or "")

    async def run(self, on_started: Started, on_stopped: Stopped) -> None:
        """Stand for election until cancelled or released.

        Args:
            on_started: Called when this process becomes leader, with the time in which nobody led: from the last
                renewal by any holder to now. None when the Lease never existed (or has no renewal in it): then no
                outage is known: a first installation, or somebody deleted the Lease.
            on_stopped: Called at once when leadership is lost; not after `release`, whose caller is stopping anyway.

        Both are awaited before the next renewal if they return an awaitable, so they only start and stop things.
        """
        led = False
        while not self._released:
            await self._attempt()
            if self._released:
                return
            if self.leads() and not led:
                led = True
                outage = None if self._last_led is None else Outage(self._last_led, self._clock.now())
                _log.info("leading as %s, term %d", self._identity, self.transitions)
                await _settle(on_started(outage))
            elif led and not self.leads():
                led = False
                self._renewed_at = None
                if self.holder in {"", self._identity}:  # nobody has led since
                    self._last_led = self._own_renewal
                _log.warning("leadership lost; held by %s", self.holder or "nobody")
                await _settle(on_stopped())
            await self._clock.sleep(self._pause())

    async def release(self, *, within_seconds: float = 2) -> None:
        """Give the Lease up so that another takes over at its next attempt; never raises.

        From the first moment `leads()` is False, and no other attempt begins; `run` returns when it wakes up, or is
        cancelled by then. A Lease that cannot be given up in time expires.
        """
        self._released = True
        try:
            async with asyncio.timeout(within_seconds), self._turn:
                if self._renewed_at is not None and self._lease is None:  # the last renewal failed
                    self._observe(await self._kube.get(LEASES, self._namespace, self._name))
                if self.holder == self._identity:
                    await self._write({**_spec(self._lease), "holderIdentity": "", "renewTime": self._stamp()})
        except (WriteError, TimeoutError) as failure:
            _log.warning("the Lease was not given up and expires by itself: %s", str(failure) or type(failure).__name__)

    def _pause(self) -> float:
        """Until the next attempt: a leader keeps its rhythm up to its deadline, followers spread."""
        if self._renewed_at is None:
            return self._timing.retry * (1 + 1.2 * self._clock.jitter())
        return max(0.0, min(self._timing.retry, self._left()))

    def _left(self) -> float:
        """Seconds until this process must stop writing, or until an attempt of a follower has taken too long."""
        if self._renewed_at is None:
            return self._timing.renew_deadline
        return self._renewed_at + self._timing.renew_deadline - self._clock.monotonic()

    async def _attempt(self) -> None:
        """Try once to take or renew; a failure is logged and leaves the rest to the deadline."""
        async with self._turn:
            if self._released:
                return
            try:
                async with asyncio.timeout(max(0.0, min(self._timing.renew_deadline / 2, self._left()))):
                    await self._take_or_renew()
            except (WriteError, TimeoutError) as failure:
                # What the Lease carries now is not known: read it again before the next write.
                self._lease = None if self._renewed_at is not None else self._lease
                _log.warning("attempt on the Lease failed: %s", str(failure) or type(failure).__name__)

    async def _take_or_renew(self) -> None:
        started = self._clock.monotonic()
        if self._renewed_at is None or self._lease is None:
            try:
                self._observe(await self._kube.get(LEASES, self._namespace, self._name))
            except GoneError:
                await self._create(started)
                return
            if self._held_by_another():
                self._renewed_at = None
                return
        spec = _spec(self._lease)
        stamp = self._stamp()
        if self.holder != self._identity:
            spec = {"acquireTime": stamp, "leaseTransitions": self.transitions + 1}
        await self._write(self._record(spec, stamp), started)

    async def _create(self, started: float) -> None:
        stamp = self._stamp()
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._record({"acquireTime": stamp, "leaseTransitions": 0}, stamp),
        }
        self._observe(await self._kube.create(LEASES, self._namespace, body))
        self._renewed_at, self._own_renewal = started, _time(stamp)

    async def _write(self, spec: Json, started: float | None = None) -> None:
        """Replace the record that was seen; a conflict means that it is not the one any more."""
        assert self._lease is not None
        lease = {**self._lease, "spec": spec}
        self._observe(await self._kube.replace(LEASES, self._namespace, self._name, lease))
        self._renewed_at, self._own_renewal = started, _time(spec.get("renewTime"))

    def _record(self, kept: Json, stamp: str) -> Json:
        seconds = math.ceil(self._timing.duration)
        return {**kept, "holderIdentity": self._identity, "leaseDurationSeconds": seconds, "renewTime": stamp}

    def _observe(self, lease: Json) -> None:
        """Remember the record and, if it changed, when we saw that; and who led last before us, and until when."""
        if self._lease is None or _spec(lease) != _spec(self._lease):
            self._seen_at = self._clock.monotonic()
        self._lease = lease
        if self.holder != self._identity:
            self._last_led = _time(_spec(lease).get("renewTime"))

    def _held_by_another(self) -> bool:
        if self.holder in {"", self._identity}:
            return False
        lasts = float(_spec(self._lease).get("leaseDurationSeconds") or self._timing.duration)
        return self._clock.monotonic() - self._seen_at < lasts

    def _stamp(self) -> str:
        return micro_time(self._clock.now())


def _spec(lease: Json | None) -> Json:
    found: Any = (lease or {}).get("spec") or {}
    return dict(found)


def _time(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None


async def _settle(returned: Awaitable[None] | None) -> None:
    if inspect.isawaitable(returned):
        await returned
