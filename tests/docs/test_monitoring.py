"""docs/monitoring.md lists every metric and every alert as they are, and nothing else."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.testbed.monitoring import rules
from tests.adapters.told import told

GUIDE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
BUCKETS = {"le"}


def rows(first: str) -> list[list[str]]:
    """The cells of the table whose first column has that heading, row by row."""
    table = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]


def exposed() -> dict[str, tuple[str, set[str]]]:
    """Every metric of deadband's own with its type and labels, by the name that a query uses."""
    families = text_string_to_metric_families(told().expose().decode())
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: (
            family.type,
            {label for sample in family.samples for label in sample.labels} - BUCKETS,
        )
        for family in families
        if family.name.startswith("deadband_")
    }


def test_the_list_has_every_metric_with_its_type_and_its_labels() -> None:
    listed = {
        name.strip("`"): (type_, set(filter(None, labels.split(", ")))) for name, type_, labels, *_ in rows("metric")
    }

    assert listed == exposed()


def test_every_metric_was_told_of_or_its_labels_would_not_be_known() -> None:
    families = text_string_to_metric_families(told().expose().decode())

    assert [one.name for one in families if not one.samples] == []


@pytest.mark.parametrize("row", rows("metric"), ids=lambda row: row[0])
def test_every_metric_has_a_meaning_and_a_bound(row: list[str]) -> None:
    assert all(row[3:])
    assert len(row) == 5


def test_the_list_has_every_alert_with_its_severity() -> None:
    listed = {name.strip("`"): severity for name, severity, *_ in rows("alert")}

    assert listed == {rule["alert"]: rule["labels"]["severity"] for rule in rules("ops")}


@pytest.mark.parametrize("row", rows("alert"), ids=lambda row: row[0])
def test_every_alert_leads_into_the_runbook(row: list[str]) -> None:
    assert "](runbook.md#" in row[3]
