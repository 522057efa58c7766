"""`deadband lint` without asking anybody: what it prints, and what it ends with."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deadband.cli.entry import run
from tests.adapters.prometheus_server import Reply, Request, failure, serve, success

SPEC: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
    "minReplicas": 1,
    "maxReplicas": 9,
    "metrics": [{"name": "load", "query": "load", "per": "Replica"}],
    "scaleUp": {"anyOf": [{"metric": "load", "above": 70}]},
    "scaleDown": {"allOf": [{"metric": "load", "below": 60}]},
}
RATE = {
    "metrics": [{"name": "cpu", "resource": {"name": "cpu"}}],
    "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}]},
}
INFO = (
    "At 2 replicas one goes when load is at most 35, not as soon as it is below 60: 1 would read just under 120, above "
    "scaleUp's 70, so R9 holds it. So it is from 2 to 6 replicas."
)


def policy(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "api", "namespace": "leadgen"}
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": metadata,
        "spec": {key: value for key, value in {**SPEC, **spec}.items() if value is not None},
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "api.yaml"
    path.write_text(yaml.safe_dump(policy(), sort_keys=False))
    return path


def test_each_finding_is_a_line_with_its_place(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", str(file)]) == 0

    line, summary = capsys.readouterr().out.splitlines()
    written = 1 + [text.strip() for text in file.read_text().splitlines()].index("below: 60")
    assert line == (
        f"{file}:{written}: info: leadgen/api: spec.scaleDown.allOf[0].below: {INFO} Lower it to 35, where it decides by itself, "
        "or raise scaleUp's 70. [GuardDecidesDown]"
    )
    assert summary == "1 policy: 0 error, 0 warning, 1 info"


def test_for_machines_it_is_data(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", str(file), "-o", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert run(["lint", str(file), "-o", "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == [told]

    assert list(told) == ["file", "line", "policy", "severity", "id", "field", "sentence", "change"]
    assert told["sentence"] == INFO


def test_for_people_it_can_be_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", str(file), "-o", "table"]) == 0

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["SEVERITY", "POLICY", "FIELD", "ID", "SENTENCE", "CHANGE"]
    assert row.split()[:4] == ["info", "leadgen/api", "spec.scaleDown.allOf[0].below", "GuardDecidesDown"]


def test_on_github_it_is_an_annotation_with_percents_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(
        yaml.safe_dump(policy(**RATE, scaleDown={"allOf": [{"metric": "cpu", "below": 60}]}))
    )

    assert run(["lint", str(tmp_path / "a.yaml"), "-o", "github"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"::warning file={tmp_path}/a.yaml",
        f"::notice file={tmp_path}/a.yaml",
    ]
    assert ",title=GuardDecidesDown::leadgen/api: At 2 replicas one goes when cpu is at most 35 %25, " in lines[1]


@pytest.mark.parametrize(
    ("fail_on", "code"), [("never", 0), ("error", 0), ("warning", 0), ("info", 1), (None, 0)]
)  # fmt: skip
def test_it_fails_on_what_is_asked_for(fail_on: str | None, code: int, file: Path) -> None:
    assert run(["lint", str(file), *(["--fail-on", fail_on] if fail_on else [])]) == code


def test_the_windows_of_a_source_in_the_files_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": {"name": "main"},
        "spec": {"url": "http://prometheus.invalid", "default": True, "rateWindowSeconds": 300},
    }
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([policy(**RATE, scaleDown=None), source]))

    assert run(["lint", str(tmp_path), "--fail-on", "warning"]) == 1

    assert "cpu is a rate over 300 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("manifests", "arguments", "code", "says"),
    [
        pytest.param([policy(minReplicas=99)], [], 1, "spec.minReplicas", id="an invalid policy"),
        pytest.param([], [], 2, "no ScalingPolicy found", id="no policy"),
        pytest.param([policy()], ["--source", "x"], 2, "is not the base URL", id="no URL"),
        pytest.param(
            [policy()], ["--source", "http://x:9", "--cluster"], 2, "exclude each other", id="two ways to ask"
        ),
    ],
)
def test_what_cannot_be_judged_is_one_line(
    manifests: list[dict[str, Any]],
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(manifests))

    assert run(["lint", str(tmp_path / "a.yaml"), *arguments]) == code

    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1


def test_a_cluster_that_is_not_there_is_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(file.parent / "none"))

    assert run(["lint", str(file), "--cluster"]) == 2
    assert capsys.readouterr().err.startswith("Error: cannot connect to Kubernetes: no kubeconfig")


def bound(query: str) -> list[dict[str, Any]]:
    """A policy that asks a source which binds queries to their namespace."""
    source = {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": {"name": "main"},
        "spec": {"url": "http://prometheus.invalid", "default": True, "rawQueries": "NamespaceEnforced"},
    }
    return [policy(metrics=[{"name": "load", "query": query}], scaleDown=None), source]


@pytest.mark.parametrize(
    ("manifests", "code", "found"),
    [
        pytest.param(bound("info(load)"), 1, "[QueryNeverSent]", id="what cannot be bound"),
        pytest.param(bound("load default 0"), 1, "[QueryNeverSent]", id="what cannot be read and so not be bound"),
        pytest.param(bound("load")[:1], 0, "", id="what can be read"),
        pytest.param(bound("load default 0")[:1], 0, "[QueryNotRead]", id="what only the source can judge"),
    ],
)
def test_queries_that_are_not_sent_and_those_that_only_the_source_can_judge_are_found(
    manifests: list[dict[str, Any]], code: int, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(manifests))

    assert run(["lint", str(tmp_path)]) == code

    *lines, _ = capsys.readouterr().out.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines if "spec.metrics[0].query" in line] == [found][: bool(found)]


def test_files_of_folders_that_are_no_manifests_are_skipped_and_others_can_be_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(policy()))
    (tmp_path / "b.yaml").write_text("{{ template }}: {")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(policy(minReplicas=99)))

    assert run(["lint", str(tmp_path), "--exclude", "c.*"]) == 0
    assert capsys.readouterr().err.startswith("1 file skipped: ")


def test_a_query_that_the_source_rejects_is_a_finding_beside_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = [{"name": "good", "query": "load"}, {"name": "bad", "query": "load default 0"}]
    up = {"anyOf": [{"metric": "good", "above": 70}, {"metric": "bad", "above": 70}]}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(policy(metrics=metrics, scaleUp=up, scaleDown=None)))

    def answer(request: Request) -> Reply:
        if "default" in request.form["query"]:
            return failure(400, "bad_data", "s3cret")
        start, end = (int(float(request.form.get(key, request.form.get("time", 0)))) for key in ("start", "end"))
        values = [[at, "90"] for at in range(start, end + 1, 60)]
        return success("matrix", [{"metric": {}, "values": values}])

    with serve() as server:
        server.answer = answer
        assert run(["lint", str(tmp_path), "--source", server.url]) == 1

    told = capsys.readouterr()
    errors = [line for line in told.out.splitlines() if ": error: " in line]
    assert [line.split(": ")[3] for line in errors] == ["spec.metrics[1]"]
    assert "(Error at " in errors[0]
    assert "s3cret" not in told.out + told.err
