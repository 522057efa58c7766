"""The bench in small: it runs, it counts what it says it counts, and grouped questions are fewer and cheaper.

Two revisions are compared in small, too. Their figures depend on the machine, so only their presence is checked.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.bench.course import measure
from e2e.bench.fleet import Role, fleet, of_role
from e2e.bench.pace import Pace
from e2e.bench.page import per_policy_hour, table
from e2e.bench.results import Row

COUNT = 60
QUICK = Pace(interval=5, scrape=1.0, window=6.0)
ROOT = Path(__file__).parents[1]
COMPARE = (sys.executable, "-m", "e2e.bench", "--policies", "20", "--against", "HEAD", "--rounds", "1")


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    return measure(COUNT, QUICK, tmp_path_factory.mktemp("bench"), print)


def test_policies_share_queries_and_the_naive_design_shares_none(row: Row) -> None:
    asked_in_an_interval = row.quiet.queries_per_second * QUICK.interval

    assert row.naive.queries == 2 * COUNT
    assert 0 < asked_in_an_interval < 10
    # A window of 6 s holds one or two evaluations of each policy, and the reading at its end takes a moment.
    assert 0.9 * COUNT <= row.quiet.evaluations_per_second * QUICK.window <= 2 * COUNT


def test_one_query_per_metric_costs_prometheus_more(row: Row) -> None:
    assert row.naive.prometheus_cpu > row.quiet.prometheus_cpu * QUICK.interval / 15


def test_quiet_metrics_write_nothing_and_changing_ones_write_status(row: Row) -> None:
    assert per_policy_hour(row.quiet) == 0
    assert row.noisy.writes["scalingpolicies/status"] > 0


def test_a_restart_scales_nothing_and_every_crossing_is_written(row: Row) -> None:
    assert "deployments/scale" not in row.restart.writes
    assert len(row.reaction) == len(list(of_role(fleet(COUNT), Role.PROBE)))
    assert min(row.reaction) > 0


def test_the_table_has_a_column_for_each_number_of_policies(row: Row) -> None:
    first, *lines = table([row, row]).splitlines()

    assert first.count("| 60 ") == 2
    assert all(line.count("|") == first.count("|") for line in lines)


@pytest.mark.timeout(400)
def test_a_comparison_with_the_last_commit_prints_ratios_and_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [*COMPARE, "--seconds", "5", "--json", str(file)],
        check=False,
        cwd=ROOT,
        env=scratch(tmp_path),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"\| operator CPU, of one core \| [\d.]+% \| [\d.]+% \| \d+\.\d\d \|", done.stdout), done.stdout
    (compared,) = json.loads(file.read_text())["comparisons"]
    (one,) = compared["rounds"]
    assert math.isfinite(compared["ratios"]["operator_cpu"]["ratio"])
    assert one["revision"]["exporters_samples"] == one["tree"]["exporters_samples"] > 0
    assert one["revision"]["evaluations"] > 0
    assert one["tree"]["evaluations"] > 0
    assert remains(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_leaves_no_worktree_behind(tmp_path: Path, number: signal.Signals) -> None:
    started = subprocess.Popen(COMPARE, cwd=ROOT, env=scratch(tmp_path), stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    said = next((line for line in started.stderr if line.startswith("creating 20 policies")), "")
    there = remains(tmp_path)
    started.send_signal(number)
    started.communicate(timeout=120)

    assert said
    assert there
    assert remains(tmp_path) == []


def scratch(folder: Path) -> dict[str, str]:
    """An environment whose temporary files go to a folder."""
    return os.environ | {"TMPDIR": str(folder)}


def remains(folder: Path) -> list[str]:
    """The bench's folders in a folder, and the worktrees that git knows there."""
    listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [*map(str, folder.glob("deadband-bench-*")), *(line for line in listed.splitlines() if str(folder) in line)]
