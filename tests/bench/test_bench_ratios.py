"""What a comparison of two revisions makes of its windows: medians, ratios, the table and the JSON file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from e2e.bench.__main__ import main
from e2e.bench.exporters import Exporters
from e2e.bench.fleet import PODS, fleet
from e2e.bench.pace import Pace, of_comparison
from e2e.bench.ratios import Comparison, Ratio, Round, Window, document, ratio, ratios, report
from e2e.bench.revision import Code

CODES = (
    Code("v1", "1" * 40, Path("revision"), Path("python")),
    Code("working tree", "2" * 40 + "-dirty", Path("tree"), Path("python")),
)
WINDOW = Window(
    start_cpu=2.0,
    operator_cpu=0.04,
    prometheus_cpu=0.12,
    queries=0.4,
    evaluations=66.7,
    writes=0,
    resident=120.0,
    exporters_samples=6000,
    operator_samples=2000,
)


def comparison(*operator_cpu: tuple[float, float], idle: tuple[float, ...] = (0.02,)) -> Comparison:
    """A round for each pair of the revision's and the working tree's operator CPU."""
    idles = idle * len(operator_cpu) if len(idle) == 1 else idle
    rounds = tuple(
        Round(alone, replace(WINDOW, operator_cpu=revision), replace(WINDOW, operator_cpu=tree, prometheus_cpu=0.07))
        for alone, (revision, tree) in zip(idles, operator_cpu, strict=True)
    )
    return Comparison(1000, Pace(window=45.0), rounds)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([(2.0, 1.0)], Ratio(2.0, 1.0, 0.5, 0.5, 0.5), id="one round"),
        pytest.param([(1, 3), (1, 1), (1, 2)], Ratio(1, 2, 2, 1, 3), id="medians, and the spread of the rounds"),
        pytest.param([(1, 1), (2, 2), (90, 3)], Ratio(2, 2, 1, 3 / 90, 1), id="one round that went wrong"),
        pytest.param([(1, 1), (4, 2)], Ratio(2.5, 1.5, 0.6, 0.5, 1), id="an even number of rounds"),
        pytest.param([(0, 3), (0, 0)], Ratio(0, 1.5, None, None, None), id="nothing to compare with"),
        pytest.param([(-1, 1), (2, 1), (2, 1)], Ratio(2, 1, 0.5, None, None), id="a round below what idle costs"),
    ],
)
def test_a_ratio_is_that_of_medians_with_the_spread_of_single_rounds(
    pairs: list[tuple[float, float]], expected: Ratio
) -> None:
    assert ratio(pairs) == expected


def test_prometheus_cpu_for_the_operator_leaves_out_the_median_of_what_it_takes_alone() -> None:
    found = ratios(comparison((0.04, 0.04), (0.04, 0.04), (0.04, 0.04), idle=(0.02, 0.01, 0.11)))["prometheus_cpu"]

    assert (found.revision, found.tree, found.ratio) == pytest.approx((0.10, 0.05, 0.5))


def test_the_report_shows_both_figures_their_ratio_and_its_spread() -> None:
    text = report(comparison((0.04, 0.05), (0.04, 0.04), (0.05, 0.06)), CODES)

    assert "1,000 policies, 3 rounds of 45s for each, evaluations every 15s" in text
    assert "Prometheus alone takes 2.00% of one core" in text
    assert "|  | v1 | working tree | ratio | ratios of single rounds |" in text
    assert "| operator CPU, of one core | 4.00% | 5.00% | 1.25 | 1.00 to 1.25 |" in text
    assert "| Prometheus CPU for the operator, of one core | 10.00% | 5.00% | 0.50 | 0.50 to 0.50 |" in text


def test_the_report_leaves_a_ratio_out_when_there_is_nothing_to_divide_by() -> None:
    assert "| writes for policies in a window | 0 | 0 |  |  |" in report(comparison((1.0, 1.0)), CODES)


def test_the_report_names_each_window_that_was_not_quiet() -> None:
    calm = comparison((1.0, 1.0), (1.0, 1.0), (1.0, 1.0))
    second = replace(calm.rounds[1], tree=replace(WINDOW, writes=208))
    disturbed = replace(calm, rounds=(calm.rounds[0], second, calm.rounds[2]))

    assert "Not quiet" not in report(calm, CODES)
    assert report(disturbed, CODES).endswith("\nNot quiet: working tree wrote 208 times in round 2. Measure again.")


def test_the_json_file_has_what_was_compared_the_ratios_and_every_round() -> None:
    found = json.loads(json.dumps(document(CODES, [comparison((0.04, 0.05), (0.04, 0.05))])))
    (compared,) = found["comparisons"]

    assert found["revision"] == {"name": "v1", "commit": "1" * 40}
    assert found["working_tree"]["commit"].endswith("-dirty")
    assert compared["policies"] == 1000
    assert compared["settings"] == {"interval_seconds": 15, "scrape_seconds": 15.0, "measured_seconds": 45.0}
    assert compared["ratios"]["operator_cpu"]["ratio"] == pytest.approx(1.25)
    assert compared["ratios"].keys() == {
        "operator_cpu", "prometheus_cpu", "start_cpu", "resident", "queries", "evaluations", "writes",
        "exporters_samples", "operator_samples",
    }  # fmt: skip
    assert [each["revision"]["operator_cpu"] for each in compared["rounds"]] == [0.04, 0.04]


@pytest.mark.parametrize("policies", [20, 999, 1000, 5000])
def test_a_window_of_a_comparison_holds_whole_intervals_and_scrapes(policies: int) -> None:
    pace = of_comparison(policies)

    assert pace.window % pace.interval == 0
    assert pace.window % pace.scrape == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--rounds", "2"], "--rounds needs --against", id="rounds of what"),
        pytest.param(["--against", "HEAD", "--write", "."], "use --json with --against", id="figures of two"),
    ],
)
def test_an_option_that_would_do_nothing_is_rejected(options: list[str], message: str) -> None:
    done = CliRunner().invoke(main, options)

    assert done.exit_code == 2
    assert message in done.output


def test_the_exporters_have_every_series_that_a_reading_over_ready_pods_needs() -> None:
    members = fleet(30)
    exporters = Exporters(members)
    with exporters:
        state, cadvisor = exporters.state().decode(), exporters.cadvisor().decode()
    pods = PODS * len(members)

    assert {
        name: state.count(f"\n{name}{{")
        for name in ("kube_pod_info", "kube_pod_status_ready_time", "kube_pod_container_state_started")
    } == dict.fromkeys(("kube_pod_info", "kube_pod_status_ready_time", "kube_pod_container_state_started"), pods)
    assert state.count('condition="Ready",status="true"} 1\n') == 30
    assert cadvisor.count("\nup{") == 30
