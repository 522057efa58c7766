"""Recordings of real exporters: complete, and made of the series that the recipes ask for.

What the recipes read from them is tested on a real Prometheus (e2e/test_exporters.py).
"""

import re
from pathlib import Path

import pytest

from deadband.api.metrics import QueueSystem
from deadband.queries.plan import plan
from tests.queries.builders import SOURCES, need
from tests.queries.recordings import RECORDINGS, Recording

POLICIES = Path(__file__).parents[2] / "docs" / "policies.md"
NOT_RUN = {QueueSystem.SIDEKIQ, QueueSystem.SQS}
"""Systems whose exporters no package brings."""
SELECTED = re.compile(r"([a-z][a-z0-9_]+)\{")


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_docs_name_the_versions_that_were_run(recording: Recording) -> None:
    table = POLICIES.read_text().partition("### Versions that were run")[2].partition("\n#")[0]
    name, _, version = recording.exporter.partition(" ")

    (row,) = [line for line in table.splitlines() if line.startswith(f"| {name} ")]

    assert re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", row)
    for server in recording.server.split(", "):
        assert server in row


def test_docs_name_no_exporter_that_was_not_run() -> None:
    table = POLICIES.read_text().partition("### Versions that were run")[2].partition("\n#")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| exporter")]
    recorded = {recording.exporter.partition(" ")[0] for recording in RECORDINGS}

    named = {line.split(" ")[1] for line in rows if "not run" not in line}

    assert named == recorded


@pytest.mark.parametrize("system", [*QueueSystem])
def test_every_queue_system_is_recorded_or_named_as_not_run(system: QueueSystem) -> None:
    recorded = {each.metric["queue"]["system"] for one in RECORDINGS for each in one.reads if "queue" in each.metric}

    assert (system in recorded) is (system not in NOT_RUN)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_a_recipe_selects_series_that_its_exporter_shows(recording: Recording) -> None:
    shown = {line.partition("{")[0] for line in recording.text.splitlines() if not line.startswith("#")}

    for expected in recording.reads:
        if expected.source == "main":
            (question,) = plan([need(dict(expected.metric))], SOURCES).questions
            assert shown & set(SELECTED.findall(question.promql))
