"""What the bench makes of what it read: counters, quantiles, the table, the curve, and the page they stand in."""

import json
import os
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from e2e.bench import meter
from e2e.bench.fleet import Role, fleet, of_role
from e2e.bench.pace import Pace
from e2e.bench.page import BEGIN, END, described, put, table
from e2e.bench.plot import plot
from e2e.bench.results import Load, Naive, Row, Start, document, load, save

KEPT = Path(__file__).parents[2] / "docs" / "benchmarks"
INFINITE = float("inf")

SHOWN = """# HELP deadband_decisions_total Evaluations.
# TYPE deadband_decisions_total counter
deadband_decisions_total{reason="WithinBand"} 7.0
deadband_decisions_total{reason="AtMaximum"} 2.0
deadband_decisions_total_of_others 5.0
"""

OPERATOR, OTHER = "system:serviceaccount:deadband-system:deadband", "system:admin"


def event(user: str, verb: str, resource: str, *, code: int = 200, name: str = "api", sub: str | None = None) -> object:
    reference = {"resource": resource, "namespace": "leadgen", "name": name, **({"subresource": sub} if sub else {})}
    return {
        "user": {"username": user},
        "verb": verb,
        "objectRef": reference,
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": "2026-03-01T12:00:00.5Z",
    }


def row(policies: int) -> Row:
    start = Start(ready=2.5, evaluated=3.5, cpu=1.0, writes={"scalingpolicies/status": policies})
    quiet = Load(
        operator_cpu=policies / 1000,
        prometheus_cpu=policies / 500,
        queries_per_second=0.4,
        evaluations_per_second=policies / 15,
        writes={"leases": 1800.0},
        lag_p50=0.005,
        lag_p99=0.02,
        resident=120.0,
    )
    return Row(
        policies=policies,
        pods=4 * policies,
        scraping_cpu=0.1,
        prometheus_resident=300.0,
        first_start=start,
        restart=start,
        quiet=quiet,
        noisy=replace(quiet, writes={"leases": 1800.0, "scalingpolicies/status": 14.4}),
        reaction=(4.0, 11.0, 25.0),
        peak_resident=150.0,
        naive=Naive(queries=2 * policies, client_cpu=policies / 200, prometheus_cpu=policies / 200, wall=9.0),
    )


ROWS = [row(100), row(5000)]


def test_a_counter_is_read_by_its_labels_and_not_by_the_beginning_of_its_name() -> None:
    assert meter.samples(SHOWN, "deadband_decisions_total") == {("WithinBand",): 7.0, ("AtMaximum",): 2.0}


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        pytest.param(0.5, {}, None, id="nothing was counted"),
        pytest.param(0.5, {0.1: 10, 1.0: 10, INFINITE: 10}, 0.05, id="in the first bucket"),
        pytest.param(0.99, {0.1: 0, 1.0: 100, INFINITE: 100}, 0.991, id="between two bounds"),
        pytest.param(0.99, {0.1: 0, 1.0: 50, INFINITE: 100}, 1.0, id="beyond the last bound"),
    ],
)
def test_a_quantile_is_estimated_as_prometheus_does(
    share: float, buckets: dict[float, float], expected: float | None
) -> None:
    assert meter.quantile(share, buckets) == (None if expected is None else pytest.approx(expected))


def test_only_what_the_operator_itself_changed_counts_as_written() -> None:
    events = [
        event(OPERATOR, "patch", "deployments", sub="scale"),
        event(OPERATOR, "patch", "deployments", sub="scale", code=409),
        event(OPERATOR, "watch", "deployments"),
        event(OTHER, "patch", "deployments", sub="scale"),
        event(OPERATOR, "update", "leases"),
    ]

    assert meter.written(events, OPERATOR) == {"deployments/scale": 1, "leases": 1}  # type: ignore[arg-type]
    assert meter.write_times(events, OPERATOR, "deployments/scale") == {  # type: ignore[arg-type]
        ("leadgen", "api"): "2026-03-01T12:00:00.5Z"
    }


def test_cpu_seconds_are_those_of_the_whole_process_to_less_than_a_clock_tick() -> None:
    before, read, after = time.process_time(), meter.cpu_seconds(os.getpid()), time.process_time()

    assert before <= read <= after


def test_this_process_has_used_memory() -> None:
    assert 0 < meter.memory(os.getpid()).now <= meter.memory(os.getpid()).peak


@pytest.mark.parametrize("count", [1, 60, 5000])
def test_every_policy_of_a_fleet_has_a_place_and_a_role(count: int) -> None:
    members = fleet(count)

    assert len({(member.namespace, member.name) for member in members}) == count
    assert len(list(of_role(members, Role.PROBE))) == (0 if count < 10 else min(20, count // 10))


def test_a_run_that_was_saved_is_read_back_as_it_was(tmp_path: Path) -> None:
    save(document(ROWS, Pace()), tmp_path / "results.json")

    assert load(tmp_path / "results.json") == ROWS


def test_the_table_tells_the_ratio_and_the_goals() -> None:
    text = table(ROWS)

    assert "| times as much for one query per metric | 3.3 | 3.3 |  |" in text
    assert "| operator, quiet: of one core | 0.7 % | 33.3 % | < 15 % |" in text
    assert "| writes per policy and hour, every reading changes | 14 | 14 |  |" in text


def test_the_curve_is_a_picture_with_a_line_and_a_name_for_each_cost() -> None:
    picture = ET.fromstring(plot(ROWS))
    spaces = {"svg": "http://www.w3.org/2000/svg"}
    texts = "".join(text.text or "" for text in picture.iterfind(".//svg:text", spaces))

    assert len(picture.findall(".//svg:path", spaces)) == 4
    assert "one query per metric" in texts
    assert "5 deadband, quiet" in texts


def test_figures_are_put_between_the_marks_and_nothing_else_of_a_page_changes(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    put("new", page)

    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("nothing\n")

    with pytest.raises(ValueError, match="no place for figures"):
        put("new", page)
    assert page.read_text() == "nothing\n"


def test_the_kept_page_and_curve_are_those_of_the_kept_figures() -> None:
    found = json.loads((KEPT / "results.json").read_text())
    rows = load(KEPT / "results.json")

    assert f"{described(found['machine'], found['settings'])}\n{table(rows)}" in (KEPT / "README.md").read_text()
    assert (KEPT / "cost.svg").read_text() == plot(rows)
