"""The project's own decision table: every scenario under tests/cases is one test, named as the scenario is."""

from pathlib import Path

import pytest

from deadband.scenario.compare import judge
from deadband.scenario.files import load
from deadband.scenario.model import Scenario
from deadband.scenario.outcome import Outcome
from deadband.scenario.play import play
from deadband.scenario.report import rows

CASES = Path(__file__).parents[1] / "cases"
SCENARIOS, UNUSABLE = load(CASES)
PUBLIC = [*(f"S{number:02d}" for number in range(1, 19)), "S13b"]


def differences(outcome: Outcome) -> str:
    return "\n".join("  ".join(row) for row in rows(outcome))


def test_every_case_file_is_usable() -> None:
    assert UNUSABLE == []


@pytest.mark.parametrize("scenario", [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS])
def test_the_decision_is_as_the_case_says(scenario: Scenario) -> None:
    outcome = judge(play(scenario))
    assert outcome.ok, differences(outcome)


@pytest.mark.parametrize("scenario", [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS])
def test_the_same_time_line_gives_the_same_ticks_byte_for_byte(scenario: Scenario) -> None:
    assert play(scenario).as_json() == play(scenario).as_json()


def test_every_public_case_is_there_once() -> None:
    ids = [scenario.name.split()[0] for scenario in SCENARIOS]
    assert sorted(PUBLIC) == sorted(each for each in ids if each.startswith("S"))


def test_every_rule_has_a_case_of_its_number() -> None:
    ids = {scenario.name.split()[0] for scenario in SCENARIOS}
    assert {f"R{number:02d}" for number in range(1, 22)} - ids == set()
