"""What other programs read of a simulation: JSON and CSV, to the letter, and that the document tells every field."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from deadband.scenario.recorded import report
from tests.scenario.recorded.histories import played

DOCUMENT = Path(__file__).parents[3] / "docs" / "simulate.md"


def test_json_tells_everything_of_a_run() -> None:
    """60, then 105 on four (six are due), then 105 on six as recorded on four, that is 70, then nothing."""
    run = played([60, 105, 105, None, 60], real=[4])

    assert report.as_json(run) == {
        "policy": "leadgen/api",
        "from": "2026-01-05T08:00:00Z",
        "to": "2026-01-05T08:01:00Z",
        "stepSeconds": 15,
        "evaluations": 5,
        "hours": 60 / 3600,
        "scalings": 1,
        "ups": 1,
        "downs": 0,
        "proposals": 0,
        "reversals": 0,
        "mostReversalsIn30Minutes": 0,
        "flapping": False,
        "replicaHours": pytest.approx((4 + 3 * 6) * 15 / 3600),
        "realReplicaHours": pytest.approx(4 * 60 / 3600),
        "lowestReplicas": 4,
        "highestReplicas": 6,
        "thresholds": [
            {
                "direction": "Up",
                "metric": "cpu",
                "sign": ">",
                "threshold": 70.0,
                "simulatedMinutes": 0.25,
                "recordedMinutes": 0.5,
            },
            {
                "direction": "Down",
                "metric": "cpu",
                "sign": "<",
                "threshold": 20.0,
                "simulatedMinutes": 0.0,
                "recordedMinutes": 0.0,
            },
        ],
        "unknownMinutes": {"cpu": 0.25},
        "notes": ["Rollouts, unavailable pods, pauses and other writers are not played: every pod is ready at once."],
        "events": [
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
        ],
    }


def test_json_of_a_policy_without_a_target_has_no_replicas() -> None:
    run = played([50, 105], scaleTargetRef=None, minReplicas=None, maxReplicas=None)

    told = report.as_json(run)

    assert [told[name] for name in ("replicaHours", "realReplicaHours", "lowestReplicas", "highestReplicas")] == [
        None
    ] * 4
    assert [(event["kind"], event["from"], event["to"]) for event in told["events"]] == [("proposal", None, None)]


def test_csv_has_a_row_for_each_happening_of_every_run() -> None:
    scaled = played([60, 105, 150], real=[4], label="leadgen/api (a, b.yaml)")
    advised = played([50, 105], scaleTargetRef=None, minReplicas=None, maxReplicas=None, label="leadgen/db")

    text = report.as_csv([scaled, advised])

    assert text.startswith("policy,at,kind,from,to,reason,rule,projected,sentence\r\n")
    assert [tuple(row)[:8] for row in csv.reader(io.StringIO(text))][1:] == [
        ("leadgen/api (a, b.yaml)", "2026-01-05T08:00:15Z", "scaling", "4", "6", "ScalingUp", "R8", ""),
        ("leadgen/api (a, b.yaml)", "2026-01-05T08:00:30Z", "scaling", "6", "9", "ScalingUp", "R8", "cpu"),
        ("leadgen/db", "2026-01-05T08:00:15Z", "proposal", "", "", "ApprovalRequired", "R13", ""),
    ]


def names(heading: str) -> list[str]:
    """The names in the first column of the document's table of that heading, in order."""
    _, _, rest = DOCUMENT.read_text().partition(f"| {heading} | |\n|---|---|\n")
    rows = rest.partition("\n\n")[0].splitlines()
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        pytest.param("field", list, id="a policy"),
        pytest.param("field of an event", lambda told: list(told["events"][0]), id="an event"),
    ],
)
def test_the_document_tells_every_field_in_its_order(heading: str, fields: Any) -> None:
    assert names(heading) == fields(report.as_json(played([60, 105], real=[4])))


def test_the_document_tells_every_field_of_a_threshold() -> None:
    (row,) = (line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `thresholds` |"))

    told = report.as_json(played([60, 105], real=[4]))["thresholds"][0]

    assert set(re.findall(r"`(\w+)`", row)) - {"thresholds"} == set(told)


def test_the_document_tells_every_column() -> None:
    assert sorted(names("column")) == sorted(report.COLUMNS)
