"""The bench in small: it runs, it counts what it says it counts, and grouped questions are fewer and cheaper."""

import pytest

from e2e.bench.course import measure
from e2e.bench.fleet import Role, fleet, of_role
from e2e.bench.pace import Pace
from e2e.bench.page import per_policy_hour, table
from e2e.bench.results import Row

COUNT = 60
QUICK = Pace(interval=5, scrape=1.0, window=6.0)


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
