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
        pytest.param(
            {"a.yaml": INVALID, "b.yaml": "# deadband.dev\na: ["}, 2, id="one file is no YAML and may be of ours"
        ),
        pytest.param({"a.yaml": INVALID, "b.yaml": "a: ["}, 1, id="one file is no YAML and none of ours"),
        pytest.param({"a.yaml": VALID, "b.yaml": "kind: ScalingPolicy\na: ["}, 2, id="a kind of ours in no YAML"),
        pytest.param({"a.yaml": VALID, "b.json": '{"kind": "MetricSource",}'}, 2, id="a kind of ours in no JSON"),
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


TEMPLATE = "{{- if .Values.on }}\napiVersion: apps/v1\nkind: Deployment\n{{- end }}\n"
NEITHER = {
    "charts/templates/deploy.yaml": TEMPLATE,
    "mkdocs.yml": "a: !!python/name:b.c\n",
    "stack.yaml": "Bucket: !Sub '${AWS::StackName}-b'\n",
    "tsconfig.json": '{\n  // comment\n  "strict": true,\n}\n',
}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_in_a_folder_what_is_no_manifest_is_skipped_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, {**NEITHER, "policy.yaml": VALID})

    assert run(["validate", str(tmp_path)]) == 0

    told = capsys.readouterr()
    assert told.out == "1 valid, 0 invalid\n"
    assert told.err.startswith("4 files skipped: neither YAML nor JSON, and nothing of deadband's: ")
    assert str(tmp_path / "mkdocs.yml") in told.err


@pytest.mark.parametrize("name", list(NEITHER))
def test_the_same_file_named_itself_is_an_error(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, NEITHER)

    assert run(["validate", str(tmp_path / name)]) == 2
    assert "skipped" not in capsys.readouterr().err


def test_a_template_of_ours_is_not_skipped_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, {"a.yaml": "apiVersion: deadband.dev/v1alpha1\nmetadata:\n  name: {{ .Release.Name }}-x: y\n"})

    assert run(["validate", str(tmp_path)]) == 2
    assert "a template is rendered first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        pytest.param([], ["a.yaml", "charts/one/templates/b.yaml", "charts/two/c.yaml"], id="nothing"),
        pytest.param(["templates"], ["a.yaml", "charts/two/c.yaml"], id="a folder anywhere by its name"),
        pytest.param(["templates/"], ["a.yaml", "charts/two/c.yaml"], id="the same with a slash behind it"),
        pytest.param(["?.yaml"], [], id="a name with a wildcard"),
        pytest.param(["charts/two"], ["a.yaml", "charts/one/templates/b.yaml"], id="a folder by its path"),
        pytest.param(["charts/*/templates"], ["a.yaml", "charts/two/c.yaml"], id="folders by a path with a wildcard"),
        pytest.param(["two", "a.*"], ["charts/one/templates/b.yaml"], id="several"),
        pytest.param(["one/templates"], ["a.yaml", "charts/one/templates/b.yaml", "charts/two/c.yaml"], id="no match"),
    ],
)
def test_what_is_excluded_in_folders_is_not_looked_at(
    globs: list[str], left: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, dict.fromkeys(("a.yaml", "charts/one/templates/b.yaml", "charts/two/c.yaml"), VALID))

    arguments = [argument for glob in globs for argument in ("--exclude", glob)]
    assert run(["validate", str(tmp_path), "-o", "json", *arguments]) == 0

    assert [each["file"] for each in json.loads(capsys.readouterr().out)] == [str(tmp_path / name) for name in left]


def test_a_file_that_is_named_itself_is_not_excluded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, {"a.yaml": VALID})

    assert run(["validate", str(tmp_path / "a.yaml"), "--exclude", "a.yaml"]) == 0
    assert capsys.readouterr().out == "1 valid, 0 invalid\n"


def asking(query: str, **metric: str) -> str:
    """The valid policy with a query of its own."""
    manifest = yaml.safe_load(VALID)
    manifest["spec"]["metrics"] = [{"name": "cpu", "query": query, **metric}]
    return yaml.safe_dump(manifest)


def source(name: str, **spec: object) -> str:
    manifest = yaml.safe_load(SOURCE)
    manifest["metadata"]["name"] = name
    manifest["spec"] |= spec
    return yaml.safe_dump(manifest)


BOUND = {"rawQueries": "NamespaceEnforced"}


@pytest.mark.parametrize(
    ("documents", "fault"),
    [
        pytest.param([asking("info(up)")], None, id="of a source that is not here nothing is known"),
        pytest.param([asking("info(up)"), source("main", default=True)], None, id="a source that takes any query"),
        pytest.param([asking("sum(up)"), source("main", default=True, **BOUND)], None, id="what can be bound"),
        pytest.param(
            [asking("info(up)"), source("main", default=True, **BOUND)],
            "the function info cannot be bound to a namespace",
            id="what cannot be bound",
        ),
        pytest.param(
            [asking("up default 0", source="main"), source("main", **BOUND)],
            "the query cannot be read, so it is not sent",
            id="what the parser cannot read, of a source that is named",
        ),
        pytest.param([asking("info(up)"), source("main", **BOUND)], None, id="a source that is not the default"),
        pytest.param(
            [asking("up"), source("main", default=True, rawQueries="Denied")],
            "source main does not allow raw queries",
            id="a source that takes none",
        ),
    ],
)
def test_a_query_that_its_source_would_never_be_sent_is_a_fault(
    documents: list[str], fault: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, {"a.yaml": "---\n".join(documents)})

    assert run(["validate", str(tmp_path)]) == (0 if fault is None else 1)

    out = capsys.readouterr().out
    if fault is not None:
        assert "spec.metrics[0].query: is never sent: source main " in out
        assert fault in out


@pytest.mark.parametrize(
    ("query", "valid"),
    [
        pytest.param("sum(increase(x[5m] anchored))", True, id="newer than the parser"),
        pytest.param("sum(x) default 0", True, id="MetricsQL"),
        pytest.param("x[5m]", False, id="a range vector"),
    ],
)
def test_only_what_no_source_can_answer_is_refused(query: str, valid: bool, tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": asking(query)})

    assert run(["validate", str(tmp_path)]) == (0 if valid else 1)
