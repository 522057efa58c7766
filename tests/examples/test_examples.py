"""The examples are what people copy: they validate, behave as their scenarios say, and match the program's table."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deadband.cli.entry import run

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = [
    path
    for path in sorted(EXAMPLES.glob("*.yaml"))
    if any(document["kind"] == "ScalingPolicy" for document in yaml.safe_load_all(path.read_text()))
]


def thresholds(name: str) -> dict[str, Any]:
    """Return direction -> (mode, what joins the triggers, the triggers as "metric above 70")."""
    spec = yaml.safe_load((EXAMPLES / name).read_text())["spec"]
    found: dict[str, Any] = {}
    for direction in ("scaleUp", "scaleDown"):
        given = spec[direction]
        [joined] = [key for key in given if key in {"anyOf", "allOf"}] or ["-"]
        triggers = {
            f"{trigger['metric']} {word} {trigger[word]}"
            for trigger in given.get(joined, [])
            for word in trigger
            if word != "metric"
        }
        found[direction] = (given.get("mode", "Automatic"), joined, triggers)
    return found


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [
        pytest.param(
            "api-pods.yaml",
            ("Automatic", "anyOf", {"cpu above 70", "memory above 80"}),
            ("Automatic", "allOf", {"cpu below 20"}),
            id="API pods: CPU > 70 % or memory > 80 %; CPU < 20 %",
        ),
        pytest.param(
            "lead-workers.yaml",
            ("Automatic", "anyOf", {"depth above 10000"}),
            ("Automatic", "allOf", {"depth below 100"}),
            id="worker pods: queue depth > 10,000; queue depth < 100",
        ),
        pytest.param(
            "leads-db.yaml",
            ("Manual", "anyOf", {"cpu above 60", "connections above 80"}),
            ("Disabled", "-", set()),
            id="DB instance: CPU > 60 % or connections > 80 %; a person scales it down",
        ),
    ],
)
def test_a_row_of_the_table_is_one_policy(name: str, up: object, down: object) -> None:
    assert thresholds(name) == {"scaleUp": up, "scaleDown": down}


def test_every_scenario_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["test", str(EXAMPLES / "scenarios")])

    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_has_a_scenario(path: Path) -> None:
    scenarios = (EXAMPLES / "scenarios" / path.name).read_text()

    assert f"{{file: ../{path.name}, name: {path.stem}}}" in scenarios


def test_every_manifest_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["validate", *(str(path) for path in sorted(EXAMPLES.glob("*.yaml")))])

    assert code == 0, capsys.readouterr().out
