"""`deadband simulate` over weeks: how it reads what no server gives at once, goes on where it stopped, and how fast."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deadband.queries.ranges import MOST_POINTS
from e2e.queries import weeks
from e2e.queries.weeks import DAY, START, written
from e2e.testbed.processes import wait_until
from e2e.testbed.prometheus import Prometheus

WEEK_SECONDS = 10.0
"""Seven days of one policy at 15 s take no longer (issue 4, item 6)."""
FROM = ("--from", "2026-01-05T00:00:00Z")
WEEK = (*FROM, "--to", "2026-01-12T00:00:00Z")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Eight days: the last one only to be read later."""
    with weeks.prometheus(tmp_path_factory.mktemp("week"), days=8) as server:
        yield server


def command(policy: Path, prometheus: Prometheus, cache: Path, *arguments: str) -> list[str]:
    own = ["--source", prometheus.url, "--cache", str(cache), "-o", "json"]
    return [sys.executable, "-m", "deadband", "simulate", str(policy), *arguments, *own]


def simulate(policy: Path, prometheus: Prometheus, cache: Path, *arguments: str) -> Any:
    done = subprocess.run(
        command(policy, prometheus, cache, *arguments), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    return told


@contextmanager
def begun(policy: Path, prometheus: Prometheus, cache: Path) -> "Iterator[subprocess.Popen[str]]":
    """The simulation of a week while it runs; it ends with the block."""
    asked = command(policy, prometheus, cache, *WEEK)
    # A shell that starts us in the background lets us ignore Ctrl-C, and our children would inherit that.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        signal.signal(signal.SIGINT, ours)
        try:
            yield running
        finally:
            running.kill()


def ranges_asked(prometheus: Prometheus) -> int:
    """How many range queries the server has answered since it started, as it counts them itself."""
    text = prometheus.session.get(f"{prometheus.url}/metrics", timeout=10).text
    counted = [line for line in text.splitlines() if 'handler="/api/v1/query_range"' in line and "_total{" in line]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in counted if line.startswith("prometheus_http_requests")))


def files(cache: Path) -> dict[str, int]:
    """What is kept: a file that is written anew has another inode."""
    return {str(path): path.stat().st_ino for path in cache.glob("*/*.json.gz")}


@pytest.mark.parametrize(
    ("points", "answer"),
    [
        pytest.param(MOST_POINTS, 200, id="what is asked for at most"),
        pytest.param(MOST_POINTS + 1, 200, id="11,000 steps: it counts these, and not the points"),
        pytest.param(MOST_POINTS + 2, 400, id="11,001 steps"),
    ],
)
def test_prometheus_refuses_more_than_eleven_thousand(prometheus: Prometheus, points: int, answer: int) -> None:
    span = {"start": str(START), "end": str(START + (points - 1) * 15), "step": "15"}

    told = prometheus.session.post(f"{prometheus.url}/api/v1/query_range", data={"query": "cpu", **span}, timeout=30)

    assert told.status_code == answer
    assert told.ok or "exceeded maximum resolution of 11,000 points per timeseries" in told.json()["error"]


@dataclass(frozen=True)
class Week:
    """Seven days that were read and played once.

    Attributes:
        policy: File of the policy.
        cache: Where the answers are kept.
        told: What was printed, as JSON has it.
        cpu_seconds: Of the whole process.
    """

    policy: Path
    cache: Path
    told: Any
    cpu_seconds: float


@pytest.fixture(scope="module")
def week(prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Week:
    folder = tmp_path_factory.mktemp("read")
    policy, cache = written(folder / "api.yaml"), folder / "cache"
    before = os.times()
    told = simulate(policy, prometheus, cache, *WEEK)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Week(policy, cache, told, spent)


def test_seven_days_at_fifteen_seconds_take_less_than_ten(week: Week) -> None:
    """Two metrics, all of it read from a server, and the start of Python; CPU time, since others run beside us."""
    assert week.told["evaluations"] == 7 * DAY // 15 + 1
    assert week.told["scalings"] > 10
    assert week.cpu_seconds < WEEK_SECONDS


def test_a_reading_that_is_interrupted_goes_on_where_it_stopped(
    prometheus: Prometheus, week: Week, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with begun(week.policy, prometheus, cache) as stopped:
        wait_until(lambda: bool(files(cache)), timeout=60, what="an answer is kept")
        prometheus.process.freeze()  # so that it is under way when the signal comes
        try:
            stopped.send_signal(signal.SIGINT)
            assert stopped.communicate(timeout=30)[1].endswith("Error: interrupted\n")
        finally:
            prometheus.process.thaw()
    assert stopped.returncode == 130
    kept = files(cache)

    told = simulate(week.policy, prometheus, cache, *WEEK)

    assert told == week.told
    assert files(cache).items() > kept.items(), "what was read before is not read again"


def test_a_server_that_goes_away_is_told_in_one_line(prometheus: Prometheus, week: Week, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with begun(week.policy, prometheus, cache) as running:
        wait_until(lambda: bool(files(cache)), timeout=60, what="an answer is kept")
        prometheus.process.freeze()
        try:
            # Far less than the whole: of four questions, each in four parts, one can be under way.
            assert len(files(cache)) < 15
            prometheus.process.kill()
            error = running.communicate(timeout=60)[1]
        finally:
            prometheus.process.kill()
            prometheus.start()

    assert running.returncode == 2
    assert error.count("\n") == 1
    assert "what was read is kept: the same command goes on from there" in error


def test_the_next_day_is_read_alone(prometheus: Prometheus, week: Week) -> None:
    questions = len({Path(path).parent for path in files(week.cache)})
    before = ranges_asked(prometheus)

    moved = simulate(
        week.policy, prometheus, week.cache, "--from", "2026-01-06T00:00:00Z", "--to", "2026-01-13T00:00:00Z"
    )

    parts = -(-(7 * DAY // 15 + 1) // MOST_POINTS)
    assert ranges_asked(prometheus) - before == questions * (parts + 1), "the end of each kept part, and one new part"
    assert moved["from"] == "2026-01-06T00:00:00Z"
    assert moved["unknownMinutes"] == {}


def test_a_source_that_keeps_less_than_was_asked_for_is_said(tmp_path: Path) -> None:
    """Three weeks on a Prometheus that keeps fifteen days, what it does when nobody says otherwise."""
    with weeks.prometheus(tmp_path / "three-weeks", days=21) as server:
        wait_until(
            lambda: server.value("count(cpu)", at=START + DAY) is None, timeout=60, what="the oldest block is deleted"
        )
        told = simulate(
            written(tmp_path / "api.yaml"), server, tmp_path / "cache", *FROM, "--to", "2026-01-26T00:00:00Z", "--step",
            "60",
        )  # fmt: skip

    (note,) = (each for each in told["notes"] if "no sample" in each)
    begins = datetime.fromisoformat(note.partition(" before ")[2].partition("Z:")[0]).replace(tzinfo=UTC).timestamp()
    assert note.startswith("There is no sample of cpu and memory before 2026-01-")
    assert START + DAY < begins < START + 14 * DAY
    assert told["unknownMinutes"]["cpu"] == pytest.approx((begins - START) / 60, abs=1)
