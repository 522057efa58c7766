"""docs/security.md: every threat names tests, and every test that is named exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "security.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| threat")
]
NAMED = sorted({named for *_, tests in ROWS for named in re.findall(r"`((?:tests|e2e)/[^`]+)`", tests)})


def test_every_threat_names_what_stops_it_and_a_test() -> None:
    assert len(ROWS) > 15
    for threat, stopped, tests in ROWS:
        assert threat
        assert stopped
        assert tests == "the same" or "`" in tests, threat


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_is_named_exists(named: str) -> None:
    file, _, name = named.partition("::")
    defined = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert name in defined
