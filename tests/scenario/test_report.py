"""Outcomes for programs: JUnit XML that every reader takes, JSON that stands on one line."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from deadband.scenario.compare import judge
from deadband.scenario.parse import UnusableError
from deadband.scenario.places import Fault
from deadband.scenario.play import play
from deadband.scenario.report import fault_lines, json_lines, junit, summary
from tests.scenario.builders import WHOLE, scenario

HOLDS = judge(play(scenario(WHOLE)))
DIFFERS = judge(play(scenario(WHOLE.replace("name: case", 'name: "<&\\" \\x01 ]]>"') + "expect: {replicas: [4]}\n")))
UNUSABLE = UnusableError(Path("b.yaml"), [Fault(3, "ticks", "wrong"), Fault(1, "", "<worse>")])


def test_junit_counts_and_carries_any_text() -> None:
    root = ET.fromstring(junit([HOLDS, DIFFERS], [UNUSABLE]))

    played, broken = root.findall("testsuite")
    assert (played.get("tests"), played.get("failures"), played.get("errors")) == ("2", "1", "0")
    assert (broken.get("tests"), broken.get("failures"), broken.get("errors")) == ("1", "0", "1")
    holds, differs = played.findall("testcase")
    assert holds.find("failure") is None
    assert differs.get("name") == '<&" \ufffd ]]>'
    failure = differs.find("failure")
    assert failure is not None
    assert "replicas: expected 4, got 3" in (failure.text or "")
    error = broken.find("testcase/error")
    assert error is not None
    assert error.text == "b.yaml:1: <worse>\nb.yaml:3: ticks: wrong"


def test_json_is_one_object_on_one_line_for_each_scenario() -> None:
    lines = json_lines([HOLDS, DIFFERS]).splitlines()

    assert [json.loads(line)["ok"] for line in lines] == [True, False]


def test_the_summary_counts() -> None:
    assert summary([HOLDS, DIFFERS], []) == "2 scenarios: 1 hold, 1 differ"
    assert summary([HOLDS], [UNUSABLE]) == "1 scenario: 1 hold, 0 differ; 1 file unusable"
    assert fault_lines(UNUSABLE)[0] == "b.yaml:1: <worse>"
