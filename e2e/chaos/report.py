"""The report of the fault suite: what was tried, what was survived, what was written beside what the twin wrote.

Every test leaves one JSON file; `python -m e2e.chaos.report FOLDER` makes report.json and report.md of them.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from e2e.chaos.lanes import TWIN
from e2e.chaos.run import Outcome
from e2e.chaos.staged import ELSEWHERE, NOT_ASKED, NOT_STAGED, SCENARIOS


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in the report.

    Attributes:
        id, name, what, how: As in Fault.
        survived: Whether nothing was found wrong.
        wrong: What was, in sentences.
        scales: Accepted scale writes, as "1 to 2"; None where nothing was left of the play to account for.
        statuses: Number of accepted status writes; None as with scales.
        seconds: Of the run.
    """

    id: str
    name: str
    what: str
    how: str
    survived: bool
    wrong: Sequence[str]
    scales: Sequence[str] | None
    statuses: int | None
    seconds: float


def leave(folder: Path, outcome: Outcome, wrong: Sequence[str]) -> None:
    """Leave one outcome for the report."""
    fault, account = outcome.fault, outcome.account
    scales = [f"{one.before} to {one.after}" for one in account.scales] if account is not None else None
    statuses = len(account.statuses) if account is not None else None
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
        "scenarios": {id_: _verdict(_of(rows, id_), not_staged.get(id_, "")) for id_ in SCENARIOS},
        "faults": [asdict(row) for row in rows],
        "notStaged": dict(not_staged),
    }


def page(rows: Sequence[Row], not_staged: Mapping[str, str]) -> str:
    """The report as Markdown."""
    return "\n".join(_lines(rows, not_staged)) + "\n"


def _lines(rows: Sequence[Row], not_staged: Mapping[str, str]) -> Iterator[str]:
    yield "# Fault suite"
    yield ""
    yield f"{len(rows)} faults tried, {sum(row.survived for row in rows)} survived."
    yield from ["", "## Scenarios", "", *_scenarios(rows, not_staged)]
    yield from ["", "## Faults", ""]
    yield "The row `twin` is the run without a fault."
    yield ""
    yield "| id | fault | how | survived | scale writes | status writes | s |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        scales = "" if row.scales is None else ", ".join(row.scales) or "none"
        statuses = "" if row.statuses is None else row.statuses
        yield (
            f"| {row.id} | {row.what} (`{row.name}`) | {row.how} | {'yes' if row.survived else '**no**'} "
            f"| {scales} | {statuses} | {row.seconds:.0f} |"
        )
    if not all(row.survived for row in rows):
        yield from ["", "## Not survived", ""]
        yield from (f"- {row.id} `{row.name}`: {wrong}" for row in rows for wrong in row.wrong)
    yield from ["", "## Oracles that were not asked", ""]
    for row in rows:
        yield from (f"- {row.id} `{row.name}`: {oracle}, {why}" for oracle, why in NOT_ASKED.get(row.name, {}).items())


def _scenarios(rows: Sequence[Row], not_staged: Mapping[str, str]) -> Iterator[str]:
    """The table F1 to F32, each beside the twin; of a scenario with several faults the numbers of writes as a range."""
    twin = [row for row in rows if row.name == TWIN]
    yield "Numbers of writes that the API server took, in all faults of a scenario and in the twin, the run without a"
    yield "fault. There may be fewer where the fault is meant to end elsewhere, as a lowered maximum does, and none are"
    yield "counted where the policy itself was deleted. What of a scenario other tests show is in the last column."
    yield ""
    yield "| id | scenario | verdict | scale writes | of the twin | status writes | of the twin | elsewhere |"
    yield "|---|---|---|---|---|---|---|---|"
    for id_, what in SCENARIOS.items():
        cells = [id_, what, _verdict(_of(rows, id_), not_staged.get(id_, ""))]
        of = (_of(rows, id_), twin)
        cells += [_range(len(row.scales) for row in each if row.scales is not None) for each in of]
        cells += [_range(row.statuses for row in each if row.statuses is not None) for each in of]
        yield f"| {' | '.join([*cells, ELSEWHERE.get(id_, '')])} |"


def _of(rows: Sequence[Row], id_: str) -> list[Row]:
    return [row for row in rows if row.id == id_]


def _verdict(rows: Sequence[Row], not_staged: str) -> str:
    """What came of a scenario; `not_staged` is the reason why it could not be tried."""
    if not rows:
        return f"not staged: {not_staged}" if not_staged else "not run"
    survived = sum(row.survived for row in rows)
    return f"passed, {survived} of {len(rows)}" if survived == len(rows) else f"**failed**, {survived} of {len(rows)}"


def _range(numbers: Iterable[int]) -> str:
    """Such as `4`, or `2 to 4`; empty for none."""
    found = sorted(set(numbers))
    return f"{found[0]} to {found[-1]}" if len(found) > 1 else "".join(map(str, found))


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
