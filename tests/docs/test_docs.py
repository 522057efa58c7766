"""What the documents say is tried: links lead somewhere, manifests validate, commands do what is shown."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deadband.api import API_VERSION
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.validation import validate_source
from deadband.engine.validity import check_policy
from e2e.chaos.lanes import LANES, TWIN
from e2e.chaos.storms import STORMS
from e2e.chaos.storms.neighbors import UPGRADE

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = ("api", "core", "queries", "adapters", "engine", "handlers", "scenario", "advice", "cli")
RUNBOOK = ROOT / "docs" / "runbook.md"
RELIABILITY = ROOT / "docs" / "reliability.md"
FAULT_ROWS = {fault.name for fault in (*LANES, *STORMS, UPGRADE)}

CHECKS = {"ScalingPolicy": check_policy, "MetricSource": validate_source}
SPEC_KEYS = {field.alias for field in ScalingPolicySpec.model_fields.values()}
AROUND_A_FRAGMENT: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
    "minReplicas": 2,
    "maxReplicas": 20,
    "metrics": [{"name": "cpu", "resource": {"name": "cpu"}}],
    "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}]},
}
"""A part of a spec in a document is read as put into this one."""

WITHOUT_CLUSTER = {"test", "validate", "crds", "completion", "version"}


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command with what a document shows of it; lines with an ellipsis are not shown to the letter."""

    place: str
    text: str
    shown: tuple[str, ...]
    status: int

    @property
    def arguments(self) -> list[str]:
        return shlex.split(self.text, comments=True)[1:]

    @property
    def runs_here(self) -> bool:
        """Needs no cluster, no pipe, and only files of this checkout: others are the reader's own.

        The scripts of the guides make files as they go, and are run whole by e2e/test_guides.py.
        """
        if self.place.startswith("docs/guides/") and not self.shown:
            return False
        words = shlex.split(self.text, comments=True)
        if Path(words[0]).name != "deadband" or set(words) & {"|", ">", "<", "&&"} or len(words) == 1:
            return False
        offline = {"explain": "--offline" in words, "lint": not {"--source", "--cluster"} & set(words)}
        if words[1] not in WITHOUT_CLUSTER and not offline.get(words[1], False):
            return False
        paths = [word for word in words[2:] if not word.startswith("-") and ("/" in word or "." in word)]
        return all((ROOT / Path(path).parts[0]).exists() for path in paths)


def blocks() -> Iterator[Block]:
    for document in DOCUMENTS:
        text = document.read_text()
        for fence in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            indent, language, body = fence.groups()
            line = text.count("\n", 0, fence.start()) + 1
            lines = (each.removeprefix(indent) for each in body.splitlines())
            yield Block(str(document.relative_to(ROOT)), line, language, "\n".join(lines))


def manifests() -> Iterator[Any]:
    for block in blocks():
        if block.language != "yaml":
            continue
        for number, document in enumerate(yaml.safe_load_all(block.text)):
            if not isinstance(document, dict):
                continue
            if document.get("apiVersion") == API_VERSION:
                yield pytest.param(document, id=f"{block.place} {document.get('kind')} {number}")
            elif document.keys() <= SPEC_KEYS:
                whole = {"apiVersion": API_VERSION, "kind": "ScalingPolicy", "spec": AROUND_A_FRAGMENT | document}
                yield pytest.param(whole, id=f"{block.place} {' '.join(document)}")


def commands() -> Iterator[Command]:
    for block in blocks():
        if block.language == "console":
            yield from _session(block)
        elif block.language in {"sh", "shell", "bash"}:
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    yield Command(block.place, line.strip(), (), 0)


def _session(block: Block) -> Iterator[Command]:
    """Split `$ command` lines and their output; an `echo $?` tells the exit status of the command before it."""
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]
    told = [part.splitlines() for part in parts]
    for number, (text, *shown) in enumerate(told):
        if text == "echo $?":
            continue
        asked = told[number + 1] if number + 1 < len(told) and told[number + 1][0] == "echo $?" else None
        yield Command(block.place, text, tuple(shown), int(asked[1]) if asked else 0)


def headings(path: Path, *, level: str = "#{1,6}") -> list[str]:
    outside = re.sub(r"^( *)```.*?^\1```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(rf"^{level} +(.+?) *$", outside, re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(path)}


def links() -> Iterator[Any]:
    for document in DOCUMENTS:
        prose = re.sub(r"^( *)```.*?^\1```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in dict.fromkeys(re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", prose)):
            link = "".join(target)
            if not re.match(r"[a-z]+:", link):
                yield pytest.param(document, link, id=f"{document.relative_to(ROOT)} {link}")


@pytest.mark.parametrize(("document", "link"), list(links()))
def test_every_relative_link_leads_somewhere(document: Path, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    assert target.exists(), f"{link} does not exist"
    assert target.is_relative_to(ROOT), f"{link} leaves the repository"
    if anchor:
        assert anchor in anchors(target), f"{target.name} has no heading for #{anchor}"


def test_every_named_link_has_its_address() -> None:
    for document in DOCUMENTS:
        text = document.read_text()
        named = set(re.findall(r"\]\[([\w-]+)\]", text))
        assert named == set(re.findall(r"^\[([\w-]+)\]: ", text, re.MULTILINE)), document.name


def test_every_module_that_a_document_names_is_there() -> None:
    package = ROOT / "operator" / "deadband"
    named = {
        (document.name, path)
        for document in DOCUMENTS
        for path in re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w/]+\.py)`", document.read_text())
    }

    assert named
    assert [one for one in sorted(named) if not (package / one[1]).is_file()] == []


@pytest.mark.parametrize("manifest", list(manifests()))
def test_every_manifest_in_a_document_is_valid(manifest: dict[str, Any]) -> None:
    CHECKS[manifest["kind"]](manifest)


@pytest.mark.parametrize(
    "command", [pytest.param(one, id=f"{one.place} {one.text}") for one in commands() if one.runs_here]
)
def test_every_command_that_needs_no_cluster_does_what_is_shown(command: Command) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deadband", *command.arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=25,
    )
    assert ran.returncode == command.status, ran.stdout
    printed = iter(ran.stdout.splitlines())
    for line in command.shown:
        if line.strip() and "…" not in line:
            assert line in printed, f"{line!r} was not printed, or not in this order:\n{ran.stdout}"


def test_the_readme_shows_the_try_without_a_cluster() -> None:
    readme = [one.text for one in commands() if one.place.startswith("README.md") and one.runs_here]

    assert any("deadband test examples/scenarios" in text for text in readme)


def test_the_runbook_has_a_section_for_every_reason_and_for_nothing_else() -> None:
    assert sorted(headings(RUNBOOK, level="###")) == sorted(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_section_of_the_runbook_says_what_it_means_how_to_see_it_what_to_do_and_when_to_worry(
    reason: Reason,
) -> None:
    _, _, rest = RUNBOOK.read_text().partition(f"\n### {reason}\n")
    section = re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]

    assert re.findall(r"^\*\*(\w+)\.\*\*", section, re.MULTILINE) == ["Means", "See", "Do", "Worry"]
    assert "kubectl" in section


def test_the_runbook_speaks_of_every_alert_of_the_chart() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "charts/deadband/files/alerts.yaml").read_text())

    missing = [alert for alert in alerts if f"`{alert}`" not in RUNBOOK.read_text()]

    assert alerts
    assert missing == []


def test_the_guide_has_every_rule_once_and_in_order() -> None:
    rules = [heading.split()[0] for heading in headings(ROOT / "docs" / "policies.md") if re.match(r"R\d+ ", heading)]

    assert rules == [f"R{number}" for number in range(1, 22)]


def test_every_decision_record_has_its_four_parts_and_its_number() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        assert headings(record, level="##") == ["Context", "Decision", "Price", "Revisit when"], record.name
        assert headings(record, level="#")[0].startswith(f"{int(record.name[:4])}. "), record.name


def test_every_decision_record_is_in_the_list() -> None:
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text())

    assert listed == sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_every_proof_of_reliability_is_a_test_or_a_row_of_the_fault_suite() -> None:
    text = RELIABILITY.read_text()
    tests = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    rows = [name for line in re.findall(r"rows? ([^|;]+)", text) for name in re.findall(r"`([\w-]+)`", line)]

    assert tests
    assert [one for one in tests if f"def {one[1]}(" not in (ROOT / one[0]).read_text()] == []
    assert sorted(set(rows) - FAULT_ROWS) == []


def test_every_row_of_the_fault_suite_proves_a_promise() -> None:
    named = set(re.findall(r"`([\w-]+)`", RELIABILITY.read_text()))
    kills = {name for name in FAULT_ROWS if name.startswith("killed-after-")}

    assert sorted(FAULT_ROWS - named - kills - {TWIN}) == []
