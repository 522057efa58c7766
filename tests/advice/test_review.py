"""The whole review: its order, and that it is silent about what is right."""

from pathlib import Path

import pytest
import yaml

from deadband.advice.finding import FindingId
from deadband.advice.review import review
from deadband.cli.asked import promql
from deadband.engine.validity import check_policy
from tests.core.builders import down, spec, up

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "tuning.md"


def test_what_matters_most_comes_first() -> None:
    policy = spec(
        scaleUp=up(selectPolicy="Disabled", forSeconds=5),
        scaleDown=down(allOf=[{"metric": "cpu", "below": 60}], forSeconds=5),
    )

    found = [(each.severity.value, each.field) for each in review(policy, {"cpu": "cpu"})]

    assert found == [
        ("warning", "spec.scaleUp.selectPolicy"),
        ("info", "spec.scaleDown.allOf[0].below"),
        ("info", "spec.scaleDown.forSeconds"),
        ("info", "spec.scaleUp.forSeconds"),
    ]


@pytest.mark.parametrize("name", ["api-pods", "lead-workers", "leads-db"])
def test_the_examples_leave_nothing_to_say(name: str) -> None:
    policy = check_policy(yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text()))

    assert review(policy, promql(policy, "leadgen", {}, "")) == []


def test_the_guide_describes_every_finding() -> None:
    text = GUIDE.read_text()

    assert [each.value for each in FindingId if f"`{each.value}`" not in text] == []
