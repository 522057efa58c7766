"""Outcomes as people and programs read them: plain words, JSON lines, JUnit XML. Text out, nothing is printed here."""

import json
import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from deadband.scenario.outcome import Difference, Outcome
from deadband.scenario.parse import UnusableError

HEADINGS = ("tick", "at", "what", "expected", "got", "the decision says")

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rows(outcome: Outcome) -> list[tuple[str, str, str, str, str, str]]:
    """The differences of one scenario as the cells of a table under `HEADINGS`, tick by tick."""
    return [
        (
            "all" if each.tick is None else str(each.tick),
            "" if each.at is None else f"+{each.at}s",
            each.field,
            each.expected,
            each.got,
            each.sentence,
        )
        for each in outcome.differences
    ]


def fault_lines(error: UnusableError) -> list[str]:
    """Every fault of an unusable file, as `file:line: field: message`."""
    return [
        f"{error.file}:{fault.line}: {fault.field}: {fault.message}"
        if fault.field
        else f"{error.file}:{fault.line}: {fault.message}"
        for fault in error.faults
    ]


def summary(outcomes: Sequence[Outcome], unusable: Sequence[UnusableError]) -> str:
    """One line that counts."""
    failed = sum(not outcome.ok for outcome in outcomes)
    text = f"{_many(len(outcomes), 'scenario')}: {len(outcomes) - failed} hold, {failed} differ"
    return f"{text}; {_many(len(unusable), 'file')} unusable" if unusable else text


def json_lines(outcomes: Iterable[Outcome]) -> str:
    """One JSON object per scenario, one per line."""
    return "\n".join(json.dumps(outcome.as_json(), ensure_ascii=False) for outcome in outcomes)


def junit(outcomes: Sequence[Outcome], unusable: Sequence[UnusableError]) -> str:
    """JUnit XML: a suite per file, a case per scenario; an unusable file is a case with an error."""
    root = ET.Element("testsuites", name="deadband test")
    files = dict.fromkeys([*(str(each.scenario.file) for each in outcomes), *(str(each.file) for each in unusable)])
    for file in files:
        played = [each for each in outcomes if str(each.scenario.file) == file]
        broken = [each for each in unusable if str(each.file) == file]
        failed = sum(not each.ok for each in played)
        suite = ET.SubElement(
            root, "testsuite", name=_clean(file), tests=str(len(played) + len(broken)), failures=str(failed),
            errors=str(len(broken)), skipped="0",
        )  # fmt: skip
        for outcome in played:
            _case(suite, file, outcome)
        for error in broken:
            case = ET.SubElement(suite, "testcase", classname=_clean(file), name="the file is usable")
            lines = fault_lines(error)
            ET.SubElement(case, "error", message=_clean(lines[0])).text = _clean("\n".join(lines))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, file: str, outcome: Outcome) -> None:
    case = ET.SubElement(suite, "testcase", classname=_clean(file), name=_clean(outcome.scenario.name))
    if outcome.differences:
        lines = [_line(each) for each in outcome.differences]
        ET.SubElement(case, "failure", message=_clean(lines[0])).text = _clean("\n".join(lines))


def _line(difference: Difference) -> str:
    where = "in all" if difference.tick is None else f"tick {difference.tick} (+{difference.at}s)"
    said = f": {difference.sentence}" if difference.sentence else ""
    return f"{where}: {difference.field}: expected {difference.expected}, got {difference.got}{said}"


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot carry even when escaped."""
    return _NOT_XML.sub("\ufffd", text)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
