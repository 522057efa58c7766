"""Every command that a document gives is run by a test, or it says here why it cannot be."""

import pytest

from e2e.documents import OF_THE_PAST, SCENERIES
from tests.docs.test_docs import Command, blocks, commands

READ_WHOLE = {f"docs/{name}" for name in (*SCENERIES, *OF_THE_PAST)} | {"docs/installing.md"}
"""By e2e/test_guides.py and e2e/test_installing.py, line by line."""

ELSEWHERE = {
    "make setup": "whoever runs the tests has called it",
    "make check": "a part of `make test`",
    "make unit": "a part of `make test`: this test",
    "make test": "what runs this test",
    "make help": "prints the comments of the Makefile",
    "make chaos": "e2e/test_faults.py runs its quick rows; all of them take half an hour",
    ".venv/bin/pytest e2e/test_faults.py --faults=all": "one row of `make chaos`",
    "make soak": "e2e/test_soak.py runs a small one; this takes 20 minutes",
    "make bench": "e2e/test_bench.py runs a small one; this takes half an hour",
    "make bench-against": "e2e/test_bench.py compares a few policies; this takes 20 minutes",
    "make profile": "the bench with another look at it, at 5,000 policies",
    ".venv/bin/python -m e2e.bench": "e2e/test_bench.py",
    "helm install deadband charts/deadband --namespace deadband": "e2e/test_installing.py, from docs/installing.md",
}
"""Beginnings of commands in other documents, and where they are run, or why not."""


def others() -> list[Command]:
    shown = {block.place for block in blocks() if block.language == "sh"}
    return [
        one
        for one in commands()
        if one.place in shown and one.place.rpartition(":")[0] not in READ_WHOLE and not one.runs_here
    ]


@pytest.mark.parametrize("command", [pytest.param(one, id=f"{one.place} {one.text}") for one in others()])
def test_a_command_is_run_by_a_test_or_says_why_not(command: Command) -> None:
    assert any(" ".join(command.text.split()).startswith(beginning) for beginning in ELSEWHERE)


def test_no_excuse_is_left_over() -> None:
    texts = [" ".join(one.text.split()) for one in others()]

    assert [one for one in ELSEWHERE if not any(text.startswith(one) for text in texts)] == []
