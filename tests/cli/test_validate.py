"""`deadband validate`: which documents are looked at, how a fault is told, what the exit code says."""

import io
import json
from pathlib import Path

import pytest
import yaml

from deadband.cli.entry import run
from tests.scenario.builders import POLICY

VALID = POLICY.removeprefix("policy:\n").replace("\n  ", "\n").removeprefix("  ")
INVALID = VALID.replace("minReplicas: 1", "minReplicas: 30").replace("name: api, namespace", "name: bad, namespace")
SOURCE = """\
apiVersion: deadband.dev/v1alpha1
kind: MetricSource
metadata: {name: prometheus}
spec: {url: "http://prometheus:9090"}
"""


def measuring(name: str) -> str:
    """The valid policy with another name for its metric."""
    return VALID.replace("{name: cpu, ", f"{{name: {name}, ").replace("metric: cpu", f"metric: {name}")


class Stdin:
    """Standard input that holds a text."""

    def __init__(self, text: bytes) -> None:
        self.buffer = io.BytesIO(text)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({"a.yaml": VALID, "deep/b.yml": SOURCE}, 0, id="all are valid"),
        pytest.param({"a.yaml": f"{VALID}---\n{INVALID}"}, 1, id="one is invalid"),
        pytest.param({"a.yaml": INVALID, "b.yaml": "a: ["}, 2, id="one file is no YAML"),
        pytest.param({"a.yaml": "apiVersion: v1\nkind: ConfigMap\n"}, 0, id="nothing of ours"),
        pytest.param({"a.json": json.dumps(yaml.safe_load(VALID), indent="\t")}, 0, id="JSON with tabs"),
        pytest.param({"a.yaml": "kind: List\nitems:\n" + "- " + INVALID.replace("\n", "\n  ")}, 1, id="a List"),
        pytest.param(
            {"a.yaml": VALID.replace("{name", "{annotations: {deadband.dev/paused: true}, name", 1)},
            1,
            id="an annotation without quotes",
        ),
        pytest.param({"a.yaml": measuring("y")}, 1, id="a metric whose name kubectl takes for a boolean"),
        pytest.param({"a.yaml": measuring("'y'")}, 0, id="the same name in quotes"),
        pytest.param({"a.yaml": measuring("yy")}, 0, id="a name that only begins like one"),
        pytest.param({"a.yaml": VALID.replace("v1alpha1", "v2")}, 1, id="a version that is not known"),
        pytest.param(
            {"a.yaml": VALID.replace("kind: ScalingPolicy", "kind: Policy")}, 1, id="a kind that is not known"
        ),
        pytest.param({"a.yaml": VALID.split("\n", 1)[1]}, 1, id="a policy without apiVersion"),
        pytest.param({"a.yaml": VALID.replace("deadband.dev", "other.dev")}, 0, id="a namesake of another group"),
    ],
)
def test_the_exit_code_tells_the_worst(files: dict[str, str], code: int, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert run(["validate", str(tmp_path)]) == code


def test_a_fault_is_one_line_with_file_line_document_object_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"kind: ConfigMap\n---\n{INVALID}")

    assert run(["validate", str(file)]) == 1
    fault, counted = capsys.readouterr().out.splitlines()
    assert fault.startswith(f"{file}:8: document 2: ScalingPolicy leadgen/bad: spec.minReplicas: ")
    assert counted == "0 valid, 1 invalid"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(f"{VALID}---\n{SOURCE}".encode()))

    assert run(["validate", "-"]) == 0
    assert capsys.readouterr().out == "2 valid, 0 invalid\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(b"\xff", "not UTF-8", id="bytes that are no text"),
        pytest.param(b"a: 1\nb: [\n", "-:3: not YAML", id="no YAML"),
    ],
)
def test_input_that_cannot_be_read_is_told(
    text: bytes, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(text))

    assert run(["validate", "-"]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tmp_path / "no.yaml")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_objects_are_listed_as_json_and_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{VALID}---\n{INVALID}")

    assert run(["validate", str(tmp_path), "-o", "json"]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["kind"], good["name"], good["document"], good["valid"]) == ("ScalingPolicy", "leadgen/api", 1, True)
    assert [fault["field"] for fault in bad["faults"]] == ["spec.minReplicas"]

    assert run(["validate", str(tmp_path), "-o", "yaml"]) == 1
    assert yaml.safe_load(capsys.readouterr().out) == [good, bad]


def test_objects_are_listed_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(f"{VALID}---\n{INVALID}")

    assert run(["validate", str(tmp_path), "-o", "table"]) == 1
    headings, good, bad = capsys.readouterr().out.splitlines()
    assert headings.split() == ["FILE", "DOCUMENT", "OBJECT", "VALID", "FAULTS"]
    assert good.split()[1:] == ["1", "ScalingPolicy", "leadgen/api", "yes"]
    assert bad.split()[1:5] == ["2", "ScalingPolicy", "leadgen/bad", "no"]
