"""What a simulation comes to, by numbers worked out by hand; tables, JSON and CSV."""

import csv
import io
import json

import pytest

from deadband.scenario.recorded import report
from deadband.scenario.recorded.measures import Beyond, measure
from tests.scenario.recorded.histories import played


def test_replica_hours_and_minutes_count_from_each_instant_to_the_next() -> None:
    """4 pods for one step of 15 s, 6 for two; the last instant begins no step. 105 and 105 are above 70 as recorded."""
    found = measure(played([60, 105, 105, 60], real=[4]))

    assert found.hours == pytest.approx(45 / 3600)
    assert found.replica_hours == pytest.approx((4 * 15 + 6 * 30) / 3600)
    assert found.real_replica_hours == pytest.approx(4 * 45 / 3600)
    assert (found.lowest, found.highest) == (4, 6)
    assert found.beyond == (
        Beyond("Up", "cpu", ">", 70.0, 0.25, 0.5),
        Beyond("Down", "cpu", "<", 20.0, 0.0, 0.0),
    )


def test_a_value_exactly_on_a_threshold_is_not_beyond_it() -> None:
    """0.1 + 0.2 as floats is above 0.3; the decimals as written are not."""
    thirds = {"scaleUp": {"anyOf": [{"metric": "cpu", "above": "0.3"}]}, "scaleDown": None}
    found = measure(played([0.3, 0.3, 0.3], real=[4], **thirds))

    assert [each.simulated_minutes for each in found.beyond] == [0]


def test_unknown_time_is_counted_by_metric() -> None:
    found = measure(played([60, None, float("nan"), 60, None], real=[4]))

    assert found.unknown_minutes == {"cpu": 0.5}


def test_reversals_are_counted_in_all_and_within_half_an_hour() -> None:
    """Up at 15 s and then down and up in turn each 15 s: 5 scalings turn 4 times, which is flapping (R21)."""
    steps = {
        "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}], "limits": [], "step": {"type": "Pods", "pods": 1}},
        "metrics": [{"name": "cpu", "query": "cpu"}],
    }
    found = measure(played([50, 71, 10, 71, 10, 71, 50], real=[4], **steps))

    assert (found.ups, found.downs, found.scalings) == (3, 2, 5)
    assert (found.reversals, found.most_reversals, found.flapping) == (4, 4, True)


def test_reversals_half_an_hour_apart_are_no_flapping() -> None:
    steps = {
        "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}], "limits": [], "step": {"type": "Pods", "pods": 1}},
        "metrics": [{"name": "cpu", "query": "cpu"}],
    }
    calm = [50.0] * 119
    found = measure(played([71, *calm, 10, *calm, 71, *calm, 10, *calm, 71, 50], real=[4], **steps))

    assert (found.reversals, found.most_reversals, found.flapping) == (4, 0, False)


def test_nothing_stands_against_the_simulation_where_nothing_is_recorded() -> None:
    run = played([60, 60])

    assert measure(run).real_replica_hours is None
    assert report.totals([run])[0][4:6] == ("-", "-")


def test_the_table_tells_the_difference_to_what_really_ran() -> None:
    """5 for both steps against 4."""
    (row,) = report.totals([played([60, 60, 60], real=[4], start=5)])

    assert row == ("leadgen/api", "0 (0 up, 0 down)", "0", "0.04", "0.03", "+25.0 %", "5 to 5")


def test_json_holds_every_number_and_every_scaling() -> None:
    told = json.loads(json.dumps(report.as_json(played([60, 105, 60], real=[4]))))

    assert told["policy"] == "leadgen/api"
    assert (told["from"], told["to"], told["stepSeconds"]) == ("2026-01-05T08:00:00Z", "2026-01-05T08:00:30Z", 15)
    assert told["replicaHours"] == pytest.approx((4 * 15 + 6 * 15) / 3600)
    assert told["events"] == [
        {
            "at": "2026-01-05T08:00:15Z",
            "kind": "scaling",
            "from": 4,
            "to": 6,
            "reason": "ScalingUp",
            "rule": "R8",
            "projected": [],
            "sentence": "Scaling up from 4 to 6: cpu 105 is above 70.",
        }
    ]


def test_csv_is_one_row_for_each_scaling() -> None:
    (row,) = csv.DictReader(io.StringIO(report.as_csv([played([60, 105, 60], real=[4])])))

    assert (row["policy"], row["at"], row["from"], row["to"]) == ("leadgen/api", "2026-01-05T08:00:15Z", "4", "6")
