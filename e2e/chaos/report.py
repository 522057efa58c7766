"""The report of the fault suite: what was tried, what was survived, what was written beside what the twin wrote.

Every test leaves one JSON file; `python -m e2e.chaos.report FOLDER` makes report.json and report.md of them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from e2e.chaos.run import Outcome
from e2e.chaos.staged import NOT_STAGED


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in the report.

    Attributes:
        id, name, what, how: As in Fault.
        survived: Whether nothing was found wrong.
        wrong: What was, in sentences.
        scales: Accepted scale writes, as "1 to 2".
        statuses: Number of accepted status writes.
        seconds: Of the run.
    """

    id: str
    name: str
    what: str
    how: str
    survived: bool
    wrong: Sequence[str]
    scales: Sequence[str]
    statuses: int
    seconds: float


def leave(folder: Path, outcome: Outcome, wrong: Sequence[str]) -> None:
    """Leave one outcome for the report."""
    fault, account = outcome.fault, outcome.account
    scales = [f"{one.before} to {one.after}" for one in account.scales] if account is not None else []
    statuses = len(account.statuses) if account is not None else 0
    row = Row(
        fault.id, fault.name, fault.what, fault.how, not wrong, wrong, scales, statuses, round(outcome.seconds, 1)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{fault.name}.json").write_text(json.dumps(asdict(row)))


def gather(folder: Path) -> list[Row]:
    """All outcomes that were left, in the order of the scenario table."""
    rows = [Row(**json.loads(path.read_text())) for path in folder.glob("*.json") if path.name != "report.json"]
    return sorted(rows, key=lambda row: (_number(row.id), row.name))


def document(rows: Sequence[Row], not_staged: Mapping[str, str]) -> dict[str, Any]:
    """The report as data."""
    return {
        "tried": len(rows),
        "survived": sum(row.survived for row in rows),
        "faults": [asdict(row) for row in rows],
        "notStaged": dict(not_staged),
    }


def page(rows: Sequence[Row], not_staged: Mapping[str, str]) -> str:
    """The report as Markdown."""
    survived = sum(row.survived for row in rows)
    lines = [
        "# Fault suite",
        "",
        f"{len(rows)} faults tried, {survived} survived. The row `twin` is the run without a fault.",
        "",
        "| id | fault | how | survived | scale writes | status writes | s |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row.id} | {row.what} (`{row.name}`) | {row.how} | {'yes' if row.survived else '**no**'} "
            f"| {', '.join(row.scales) or 'none'} | {row.statuses} | {row.seconds:.0f} |"
            for row in rows
        ),
    ]
    if not all(row.survived for row in rows):
        lines += ["", "## Not survived", ""]
        lines += [f"- {row.id} `{row.name}`: {wrong}" for row in rows for wrong in row.wrong]
    lines += ["", "## Not staged here", ""]
    lines += [f"- {id_}: {reason}" for id_, reason in not_staged.items()] or ["Nothing."]
    return "\n".join(lines) + "\n"


def _number(id_: str) -> int:
    return int(id_[1:]) if id_[1:].isdecimal() else 0


def main(folder: Path) -> None:
    """Write both forms, and say where."""
    rows = gather(folder)
    (folder / "report.json").write_text(json.dumps(document(rows, NOT_STAGED), indent=2) + "\n")
    (folder / "report.md").write_text(page(rows, NOT_STAGED))
    print(f"{len(rows)} faults tried, {sum(row.survived for row in rows)} survived: {folder / 'report.md'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
