"""What the queues hold, as a function of the scrape, and the exporter that tells Prometheus of it.

The truth is known: the oracles ask the same function that filled the page. Names and labels are those of RabbitMQ's
per-object endpoint, which deadband.queries.rabbitmq cites.
"""

import bisect
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from e2e.soak.fleet import PULSE_SERIES, Member, Role
from e2e.testbed.exporter import METRICS, Exporter

_MIDDLE, _AMPLITUDE, _NOISE = 50.0, 45.0, 8.0
_ABSENT = (0.55, 0.75)
"""Part of a wave in which a flickering queue has no series; it lies in the trough, so that scaling down is begun."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One page.

    Attributes:
        number: From 0.
        at: Unix time.
    """

    number: int
    at: float


def depth(member: Member, scrape: Scrape, wave: int) -> float | None:
    """Messages in a member's queue on a page; None when the page does not name it.

    Args:
        member: The queue's.
        scrape: The page.
        wave: Seconds of a wave.
    """
    noise = (crc32(f"{member.number} {scrape.number}".encode()) / 2**31 - 1) * _NOISE
    if member.role in (Role.STEADY, Role.CALENDAR):
        return round(_MIDDLE + noise, 3)
    place = (scrape.at / wave + member.number * 0.381966) % 1
    if member.role in (Role.FLICKER, Role.REFUGE) and _ABSENT[0] <= place < _ABSENT[1]:
        return None
    return round(max(0.0, _MIDDLE + _AMPLITUDE * math.sin(2 * math.pi * place) + noise), 3)


def seen_at(scrapes: Sequence[Scrape], at: float) -> Sequence[Scrape]:
    """The pages that Prometheus may have known at an instant as the newest: the last one may not have arrived yet.

    Args:
        scrapes: All, oldest first.
        at: Unix time. A page's sample has the time at which Prometheus asked for it, shortly before the page was made.
    """
    end = bisect.bisect_right(scrapes, at + 0.5, key=lambda scrape: scrape.at)
    return scrapes[max(0, end - 2) : end]


class Loads(Exporter):
    """The exporter; a context manager that serves on a free port of loopback."""

    def __init__(self, members: Sequence[Member], wave: int) -> None:
        """Prepare the page of so many members."""
        self._members = members
        self._wave = wave
        self._lock = threading.Lock()
        self.scrapes: list[Scrape] = []
        """Every page that was served, oldest first."""
        super().__init__({METRICS: self.page})

    def page(self) -> bytes:
        """What every queue holds now."""
        with self._lock:
            scrape = Scrape(len(self.scrapes), datetime.now(UTC).timestamp())
            self.scrapes.append(scrape)
        return "".join(self._lines(scrape)).encode()

    def _lines(self, scrape: Scrape) -> Iterator[str]:
        yield f"# TYPE {PULSE_SERIES} counter\n{PULSE_SERIES} {scrape.number}\n"
        yield "# TYPE rabbitmq_queue_messages_ready gauge\n"
        for member in self._members:
            value = depth(member, scrape, self._wave)
            if value is not None:
                yield f'rabbitmq_queue_messages_ready{{vhost="/",queue="{member.name}"}} {value!r}\n'
