"""`deadband test`: files in, verdicts and exit codes out."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from deadband.cli.entry import run
from tests.scenario.builders import POLICY, WHOLE

ROOT = Path(__file__).parents[2]
HOLDS = WHOLE + "expect: {replicas: [3]}\n"
DIFFERS = WHOLE.replace("name: case", "name: other") + "expect: {replicas: [4]}\n"
UNUSABLE = WHOLE + "ticks: x\nfoo: 1\n"


@pytest.mark.parametrize("folder", ["tests/cases", "examples"])
def test_what_the_project_ships_holds(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = run(["test", folder])

    assert code == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({"a.yaml": HOLDS}, 0, id="all hold"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": DIFFERS}, 1, id="one differs"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": DIFFERS, "c.yml": UNUSABLE}, 2, id="one is unusable"),
        pytest.param({"a.yaml": "a: ["}, 2, id="no YAML"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": "a: ["}, 0, id="no YAML, and nothing of a scenario"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": "expect: ["}, 2, id="a scenario that is no YAML"),
        pytest.param({"a.yaml": HOLDS, "b.json": '{ "series": {},}'}, 2, id="a scenario that is no JSON"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": "# deadband.dev\na: ["}, 2, id="a manifest that is no YAML"),
        pytest.param({"a.txt": HOLDS}, 2, id="no scenario at all"),
        pytest.param({"a.yaml": HOLDS, "b.yaml": "apiVersion: v1\nkind: ConfigMap\n", "values.yaml": "a: 1\n"}, 0,
                     id="a folder may hold other files, too"),
    ],
)  # fmt: skip
def test_the_exit_code_tells_the_worst(files: dict[str, str], code: int, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert run(["test", str(tmp_path)]) == code


def test_files_of_folders_that_are_excluded_are_not_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"a.yaml": HOLDS, "old/b.yaml": DIFFERS, "old/c.yaml": "a: [", "d.yaml": "{{ a }}: ["}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert run(["test", str(tmp_path), "--exclude", "old"]) == 0
    assert capsys.readouterr().err.startswith("1 file skipped: ")


def test_a_file_that_is_named_must_hold_scenarios_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{HOLDS}---\nseris: {{}}\n")

    assert run(["test", str(file)]) == 2
    assert "a.yaml:22: seris: unknown key" in capsys.readouterr().err


def test_every_fault_is_told_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(UNUSABLE)

    assert run(["test", str(file)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0:2] for line in told] == [[f"{file}:20", "ticks"], [f"{file}:21", "foo"]]


def test_what_differs_is_a_table_of_expected_and_got(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{HOLDS}---\n{DIFFERS}")

    assert run(["test", str(tmp_path)]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("ok       case")
    assert shown[1].startswith("DIFFERS  other")
    assert shown[2].split() == ["TICK", "AT", "WHAT", "EXPECTED", "GOT", "THE", "DECISION", "SAYS"]
    assert shown[3].split()[:6] == ["0", "+0s", "replicas", "4", "3", "Holding"]
    assert shown[4] == "2 scenarios: 1 hold, 1 differ"


def test_json_is_one_object_for_each_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{HOLDS}---\n{DIFFERS}")

    assert run(["test", str(tmp_path), "-o", "json"]) == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["name"], each["ok"], len(each["ticks"])) for each in objects] == [
        ("case", True, 1),
        ("other", False, 1),
    ]


def test_one_scenario_is_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS)

    assert run(["test", str(tmp_path), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "case"


def test_yaml_is_one_document_for_each_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{HOLDS}---\n{DIFFERS}")

    assert run(["test", str(tmp_path), "-o", "yaml"]) == 1
    assert [each["name"] for each in yaml.safe_load_all(capsys.readouterr().out)] == ["case", "other"]


def test_junit_is_written_even_when_a_file_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS)
    (tmp_path / "b.yaml").write_text(UNUSABLE)
    report = tmp_path / "report.xml"

    assert run(["test", str(tmp_path), "--junit", str(report)]) == 2
    assert len(ET.parse(report).getroot().findall("testsuite")) == 2


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(HOLDS)

    assert run(["test", str(tmp_path / "a.yaml"), "--junit", str(tmp_path / "no" / "report.xml")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_scenario_in_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(yaml.safe_load(HOLDS), indent="\t"))

    assert run(["test", str(tmp_path / "a.json")]) == 0


def test_scenarios_live_beside_the_manifests_they_test(tmp_path: Path) -> None:
    manifest = POLICY.removeprefix("policy:\n").replace("\n  ", "\n").removeprefix("  ")
    scenario = (
        "name: case\npolicy: {file: a.yaml}\ntarget: {replicas: 3}\nseries: {cpu: [50]}\nexpect: {replicas: [3]}\n"
    )
    (tmp_path / "a.yaml").write_text(f"{manifest}---\n{scenario}")

    assert run(["test", str(tmp_path / "a.yaml")]) == 0


def test_a_folder_is_read_to_its_depth_without_what_is_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("deep/er", ".git"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "deep/er/a.yaml").write_text(HOLDS)
    shutil.copy(tmp_path / "deep/er/a.yaml", tmp_path / ".git/b.yaml")

    assert run(["test", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 scenario: 1 hold, 0 differ"
