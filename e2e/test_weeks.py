"""`deadband simulate` over weeks: how it reads what no server gives at once, goes on where it stopped, and how fast."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
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


def test_prometheus_refuses_one_point_more_than_is_asked_for(prometheus: Prometheus) -> None:
    def asked(points: int) -> tuple[int, str]:
        span = {"start": str(START), "end": str(START + (points - 1) * 15), "step": "15"}
        answer = prometheus.session.post(
            f"{prometheus.url}/api/v1/query_range", data={"query": "cpu", **span}, timeout=30
        )
        return answer.status_code, answer.json().get("error", "")

    assert asked(MOST_POINTS) == (200, "")
    status, error = asked(MOST_POINTS + 1)
    assert status == 400
    assert "exceeded maximum resolution of 11,000 points per timeseries" in error


def test_seven_days_at_fifteen_seconds_take_less_than_ten(prometheus: Prometheus, tmp_path: Path) -> None:
    """Two metrics, from the start of the process to its end, everything read; CPU time, since others run beside us."""
    before = os.times()
    told = simulate(written(tmp_path / "api.yaml"), prometheus, tmp_path / "cache", *WEEK)
    after = os.times()

    assert told["evaluations"] == 7 * DAY // 15 + 1
    assert told["scalings"] > 10
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < WEEK_SECONDS, f"{spent:.1f} s of CPU"


def test_a_reading_that_is_interrupted_goes_on_where_it_stopped(prometheus: Prometheus, tmp_path: Path) -> None:
    policy, cache = written(tmp_path / "api.yaml"), tmp_path / "cache"
    whole = simulate(policy, prometheus, tmp_path / "elsewhere", *WEEK)

    with begun(policy, prometheus, cache) as stopped:
        wait_until(lambda: len(files(cache)) >= 2, timeout=60, what="two answers are kept")
        stopped.send_signal(signal.SIGINT)
        assert stopped.communicate(timeout=30)[1].endswith("Error: interrupted\n")
    assert stopped.returncode == 130
    kept = files(cache)
    told = simulate(policy, prometheus, cache, *WEEK)

    assert told == whole
    assert files(cache).items() > kept.items(), "what was read before is not read again"


def test_a_server_that_goes_away_is_told_and_a_later_call_goes_on(prometheus: Prometheus, tmp_path: Path) -> None:
    policy, cache = written(tmp_path / "api.yaml"), tmp_path / "cache"
    with begun(policy, prometheus, cache) as running:
        wait_until(lambda: bool(files(cache)), timeout=60, what="an answer is kept")
        prometheus.stop()
        try:
            error = running.communicate(timeout=60)[1]
        finally:
            prometheus.start()
    kept = files(cache)
    simulate(policy, prometheus, cache, *WEEK)

    if running.returncode:  # else it was quicker than the server's end
        assert error.count("\n") == 1
        assert "what was read is kept: the same command goes on from there" in error
    assert files(cache).items() >= kept.items()


def test_the_next_day_is_read_alone(prometheus: Prometheus, tmp_path: Path) -> None:
    policy, cache = written(tmp_path / "api.yaml"), tmp_path / "cache"
    simulate(policy, prometheus, cache, *WEEK)
    questions = len({Path(path).parent for path in files(cache)})
    before = ranges_asked(prometheus)

    moved = simulate(policy, prometheus, cache, "--from", "2026-01-06T00:00:00Z", "--to", "2026-01-13T00:00:00Z")

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


def test_the_cache_folder_is_a_default_one_where_none_is_named(prometheus: Prometheus, tmp_path: Path) -> None:
    policy = written(tmp_path / "api.yaml")
    asked = [sys.executable, "-m", "deadband", "simulate", str(policy), *FROM, "--to", "2026-01-05T01:00:00Z"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "xdg")}

    subprocess.run([*asked, "--source", prometheus.url], env=environment, check=True, capture_output=True, timeout=60)

    assert files(tmp_path / "xdg" / "deadband" / "history")
