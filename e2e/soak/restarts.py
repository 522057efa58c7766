"""What is restarted, when and how: a seeded course, and how each restart is brought about."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from e2e.chaos.supervisor import Supervisor
from e2e.soak.ground import Ground
from e2e.testbed.processes import Process

_PAUSE_SECONDS = (5.0, 30.0)
_ETCD_GRACE_SECONDS = 2.0


class Part(Enum):
    """What is restarted."""

    LEADER = "the leader"
    FOLLOWER = "the follower"
    API_SERVER = "API server"
    ETCD = "etcd"
    PROMETHEUS = "Prometheus"


_LONGEST_AWAY = {Part.API_SERVER: 8.0, Part.ETCD: 5.0, Part.PROMETHEUS: 40.0}
"""Seconds; an operator is away for as long as its start takes."""


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart that is planned.

    Attributes:
        part: What.
        kill: True for SIGKILL, False for SIGTERM.
        away: Seconds before it is started again; an operator is started by its supervisor, a second later.
        pause: Seconds of quiet after everything has settled.
    """

    part: Part
    kill: bool
    away: float = 0.0
    pause: float = 0.0

    @property
    def words(self) -> str:
        """What is done, for people."""
        away = f", away for {self.away:.0f} s" if self.away else ""
        return f"{'SIGKILL' if self.kill else 'SIGTERM'} to {self.part.value}{away}"


@dataclass(frozen=True, slots=True)
class Break:
    """One restart that was.

    Attributes:
        restart: As planned.
        begin, end: Unix times between which the part was away; an operator's end is when the other one, or itself, led.
        settled: Unix time at which everything was found working again.
    """

    restart: Restart
    begin: float
    end: float
    settled: float


def course(seed: int) -> Iterator[Restart]:
    """Restart everything in every way, again and again in another order, with times at random."""
    chance = random.Random(seed)
    ways = [(part, kill) for part in Part for kill in (False, True)]
    while True:
        chance.shuffle(ways)
        for part, kill in ways:
            away = chance.uniform(0, _LONGEST_AWAY.get(part, 0.0))
            yield Restart(part, kill, round(away, 1), round(chance.uniform(*_PAUSE_SECONDS), 1))


def carry_out(restart: Restart, ground: Ground) -> tuple[float, float]:
    """Restart a part, and return between which Unix times it was away."""
    match restart.part:
        case Part.LEADER:
            return _operator(restart, ground.leader())
        case Part.FOLLOWER:
            return _operator(restart, ground.follower())
        case Part.PROMETHEUS:
            begin = _down(restart, ground.prometheus.process)
            end = _now()
            ground.prometheus.start()
            return begin, end
        case Part.API_SERVER:
            begin = _now()
            if restart.kill:
                ground.cluster.api_server.kill()
            else:
                ground.cluster.stop_api_server()
            time.sleep(restart.away)
            ground.cluster.start_api_server()
            return begin, _now()
        case Part.ETCD:
            begin = _down(restart, ground.cluster.etcd)
            ground.cluster.etcd.start()
            ground.wait_for_api()
            return begin, _now()


def _operator(restart: Restart, supervisor: Supervisor) -> tuple[float, float]:
    begin, ends = _now(), len(supervisor.exits)
    if restart.kill:
        supervisor.kill()
    else:
        supervisor.operator.process.stop()
    while len(supervisor.exits) == ends or not supervisor.operator.ready():
        time.sleep(0.2)
    return begin, _now()


def _down(restart: Restart, process: Process) -> float:
    """Stop it, and return the time from which on it answered nobody."""
    if restart.kill:
        process.kill()
    else:
        process.stop(timeout=_ETCD_GRACE_SECONDS)
    begin = _now()
    time.sleep(restart.away)
    return begin


def _now() -> float:
    return datetime.now(UTC).timestamp()
