"""The tables of the fault suite, and the report that is made of their outcomes."""

import dataclasses
import json
import re
from pathlib import Path

from e2e.chaos.account import Account, Scale
from e2e.chaos.fault import Fault, nothing
from e2e.chaos.lanes import LANES, TWIN
from e2e.chaos.report import document, gather, leave, page
from e2e.chaos.run import Outcome, compare
from e2e.chaos.staged import NOT_STAGED, SCENARIOS, STAGED
from e2e.chaos.storms import QUICK_STORMS, STORMS


def test_every_scenario_is_staged_or_has_a_reason_why_not() -> None:
    assert [id_ for id_ in SCENARIOS if (id_ in STAGED) is (id_ in NOT_STAGED)] == []
    assert all(NOT_STAGED.values())


def test_names_are_unique_labels_that_fit_with_their_prefix() -> None:
    names = [fault.name for fault in (*LANES, *STORMS)]

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])", name)] == []


def test_the_twin_is_a_lane_without_a_fault_and_the_quick_storms_are_storms() -> None:
    (twin,) = [fault for fault in LANES if fault.name == TWIN]

    assert twin.script is nothing
    assert all(fault in STORMS for fault in QUICK_STORMS)


def fault(id_: str, name: str) -> Fault:
    return Fault(id=id_, name=name, what=f"what {name} is", how="by hand", script=nothing)


def ended(row: Fault, **end: object) -> Outcome:
    return Outcome(row, account=Account(lane=row.name, scales=(), readings=(), statuses=(), end=end))


def test_what_a_fault_changes_by_itself_is_not_compared_and_everything_else_is() -> None:
    twin = ended(fault("twin", TWIN), replicas=1, scaleEvents=[(1, 2), (2, 3)])
    merging = dataclasses.replace(fault("F1", "a"), differs={"scaleEvents": "a status was lost"})

    assert compare(ended(merging, replicas=1, scaleEvents=[(1, 3)]), twin) == []
    assert compare(ended(merging, replicas=2, scaleEvents=[(1, 3)]), twin) == [
        "O1: replicas is 2, and 1 without the fault"
    ]
    assert len(compare(ended(fault("F1", "b"), replicas=1, scaleEvents=[(1, 3)]), twin)) == 1


def test_a_report_tells_what_was_tried_survived_written_and_not_staged(tmp_path: Path) -> None:
    account = Account(lane="b", scales=[Scale(0, 0, 1, 2)], readings=(), statuses=(1.0, 2.0), end={})
    leave(tmp_path, Outcome(fault("F10", "a"), seconds=61.26), ["O1: replicas is 2, and 1 without the fault"])
    leave(tmp_path, Outcome(fault("F2", "b"), account=account, seconds=60.0), [])

    rows = gather(tmp_path)
    shown = page(rows, {"F18": "no libfaketime"})

    assert [row.name for row in rows] == ["b", "a"]
    assert "2 faults tried, 1 survived" in shown
    assert "| F2 | what b is (`b`) | by hand | yes | 1 to 2 | 2 | 60 |" in shown
    assert "| F10 | what a is (`a`) | by hand | **no** |  |  | 61 |" in shown
    assert "- F10 `a`: O1: replicas is 2, and 1 without the fault" in shown
    found = document(rows, {"F18": "no libfaketime"})
    assert (found["tried"], found["survived"], found["notStaged"]) == (2, 1, {"F18": "no libfaketime"})
    assert json.loads(json.dumps(found))["faults"][0]["survived"] is True


def test_a_report_has_a_row_for_every_scenario_with_its_writes_beside_the_twins(tmp_path: Path) -> None:
    steps = [Scale(0, 0, 1, 2), Scale(0, 0, 2, 3)]
    for id_, name, taken, wrong in (
        ("twin", TWIN, 2, []),
        ("F1", "a", 2, []),
        ("F1", "b", 1, []),
        ("F3", "c", 2, []),
        ("F3", "d", 2, ["O4: a traceback in the log"]),
    ):
        account = Account(lane=name, scales=steps[:taken], readings=(), statuses=(1.0,) * taken, end={})
        leave(tmp_path, Outcome(fault(id_, name), account=account), wrong)
    leave(tmp_path, Outcome(fault("F25", "gone")), [])

    rows = gather(tmp_path)
    table, _, _ = page(rows, {"F30": "no history"}).partition("## Faults")
    found = {line.split(" | ")[0][2:]: line.split(" | ")[2:-1] for line in table.splitlines()}

    assert [id_ for id_ in SCENARIOS if id_ not in found] == []
    assert found["F1"] == ["passed, 2 of 2", "1 to 2", "2", "1 to 2", "2"]
    assert found["F3"] == ["**failed**, 1 of 2", "2", "2", "2", "2"]
    assert found["F25"] == ["passed, 1 of 1", "", "2", "", "2"]
    assert found["F30"][0] == "not staged: no history"
    assert found["F2"][0] == "not run"
    assert document(rows, {})["scenarios"]["F1"] == "passed, 2 of 2"


def test_a_report_tells_which_oracles_a_fault_breaks_itself(tmp_path: Path) -> None:
    leave(tmp_path, Outcome(next(one for one in STORMS if one.name == "without-rights")), [])
    leave(tmp_path, Outcome(next(one for one in LANES if one.name == "stale-policy")), [])

    shown = page(gather(tmp_path), {})

    assert "- F9 `without-rights`: O7, the rights were taken away" in shown
    assert "- F13 `stale-policy`: O1 and O2, it is not meant to end as the twin does" in shown
