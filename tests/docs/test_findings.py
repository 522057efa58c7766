"""The scripts of findings/: each is in the table, can be run, and stops at the first command that fails."""

import os
from pathlib import Path

import pytest

FINDINGS = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))


def test_the_table_has_every_script_and_no_other() -> None:
    rows = [line for line in (FINDINGS / "README.md").read_text().splitlines() if line.startswith("| [")]

    assert [row.split("](")[1].split(")")[0] for row in rows] == [script.name for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_can_be_run_and_fails_when_the_behavior_is_another_one(script: Path) -> None:
    text = script.read_text()

    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in text
    assert 'echo "changed' in text
    assert "://" not in text.replace("http://127.0.0.1", "").replace("redis://127.0.0.1", "").replace(
        "postgresql://$1@127.0.0.1", ""
    )
