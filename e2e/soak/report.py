"""The report of a soak: every restart, what the operators held each time that all had settled, and what was wrong."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from e2e.soak.course import Outcome

_MOST_SHOWN = 200
"""Sentences of what is wrong; a defect that befalls every policy needs no thousand lines."""


def document(outcome: Outcome, seed: int) -> dict[str, Any]:
    """The report as data."""
    found = asdict(outcome)
    for one, each in zip(found["breaks"], outcome.breaks, strict=True):
        one["restart"] = each.restart.words
    return {"seed": seed, "held": not outcome.wrong, **found}


def page(outcome: Outcome, seed: int) -> str:
    """The report as Markdown."""
    return "\n".join(_lines(outcome, seed)) + "\n"


def save(outcome: Outcome, seed: int, folder: Path) -> None:
    """Write both forms."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(document(outcome, seed), indent=2) + "\n")
    (folder / "report.md").write_text(page(outcome, seed))


def _lines(outcome: Outcome, seed: int) -> Iterator[str]:
    yield "# Soak"
    yield ""
    verdict = "Everything held." if not outcome.wrong else f"**{len(outcome.wrong)} violations.**"
    yield (
        f"{outcome.policies} policies, {len(outcome.breaks)} restarts in {outcome.seconds / 60:.1f} minutes, "
        f"seed {seed}. {verdict}"
    )
    yield from ["", "| after | leads | MB | descriptors | sockets | threads | tasks |", "|---|---|---|---|---|---|---|"]
    after = ["the first start", *[one.restart.words for one in outcome.breaks]]
    moments = [one.at for one in outcome.sizes]
    for one in outcome.samples:
        yield (
            f"| {after[moments.index(one.at)]} | {'yes' if one.leads else 'no'} | {one.resident:.0f} "
            f"| {one.descriptors} | {one.sockets} | {one.threads} | {one.tasks} |"
        )
    yield from ["", "| after | settled in s | oldest evaluation in s | largest status in bytes |", "|---|---|---|---|"]
    settled = [0.0, *[one.settled - one.begin for one in outcome.breaks]]
    for name, seconds, oldest, sizes in zip(after, settled, outcome.oldest, outcome.sizes, strict=True):
        yield f"| {name} | {seconds:.0f} | {oldest:.0f} | {sizes.largest} |"
    yield from ["", "## What was written", ""]
    yield from (f"- {count} times `{resource}`" for resource, count in outcome.calls.items())
    yield from ["", "Scalings by rule and reason:", ""]
    yield from (f"- {count} times {reason}" for reason, count in outcome.scalings.items())
    yield from ["", f"{outcome.cut_off} scale writes lost their answer or their line in a log to a restart."]
    if outcome.wrong:
        yield from ["", "## Violations", ""]
        yield from (f"- {one}" for one in outcome.wrong[:_MOST_SHOWN])
