"""`deadband explain`: a policy in plain words, with numbers that the live code works out."""

from pathlib import Path

import pytest

from deadband.cli.entry import run
from tests.scenario.builders import POLICY

MANIFEST = """\
apiVersion: deadband.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: api}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
  minReplicas: 2
  maxReplicas: 20
  metrics:
    - {name: cpu, resource: {name: cpu}}
    - {name: busy, per: Average, query: "sum(busy_workers)", onNoData: {assume: Below}}
  scaleUp: {anyOf: [{metric: cpu, above: 70}, {metric: busy, above: 4}], forSeconds: 60}
  scaleDown: {allOf: [{metric: cpu, below: 30}], step: {type: Pods, pods: 1}, limits: []}
  vetoes: [{name: freeze, query: "deploy_freeze == 1", direction: Both}]
  overrides: [{name: day, schedule: "0 8 * * 1-5", durationSeconds: 3600, timeZone: Europe/Berlin, minReplicas: 5}]
"""


@pytest.fixture
def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    (tmp_path / "a.yaml").write_text(MANIFEST)
    assert run(["explain", str(tmp_path / "a.yaml"), "-n", "leadgen", "--offline"]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "ScalingPolicy leadgen/api",
        "Keeps Deployment api at 2 to 20 replicas; looks every 15 s.",
        "sum(busy_workers)",
        "no data counts as below every threshold",
        "when cpu is above 70 % or busy is above 4, for 60 s",
        "by ready replicas times value over threshold, rounded up",
        "such as from 10 to 15 at cpu 105 % and busy 6 per replica, before limits",
        "at most the larger of 100 % in 15 s and 4 pods in 15 s",
        "when cpu is below 30 %, for 300 s",
        "and only while the condition for up is known to be false",
        "by 1 pod",
        "such as from 10 to 9 at cpu 20 %, before limits",
        "without a limit",
        "not within 300 s after the last scaling in either direction",
        "never so far that the condition for up would become true by it",
        "veto freeze stops both directions unless this is empty or 0:",
        "deploy_freeze == 1",
        "override day: minReplicas 5 from each `0 8 * * 1-5` (Europe/Berlin) for 3600 s",
    ],
)
def test_it_says(line: str, explained: list[str]) -> None:
    assert line in explained


@pytest.mark.parametrize(
    ("bound", "lines"),
    [
        pytest.param(
            "",
            [
                "Moves minReplicas of HPA web within 2 to 20 replicas, and never its floor above its cap; looks every 15 s.",
                "Between its bounds the HPA goes on scaling its workload by its own metrics.",
            ],
            id="the floor",
        ),
        pytest.param(
            "bound: Both",
            [
                (
                    "Moves both bounds of HPA web together, and with them its workload, within 2 to 20 replicas; looks "
                    "every 15 s."
                )
            ],
            id="both",
        ),
    ],
)
def test_it_says_what_moves_on_an_hpa(
    bound: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hpa = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: web}"
    manifest = MANIFEST.replace("{apiVersion: apps/v1, kind: Deployment, name: api}", f"{hpa}\n  {bound}")
    (tmp_path / "a.yaml").write_text(manifest)

    assert run(["explain", str(tmp_path / "a.yaml"), "--offline"]) == 0

    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert said[1 : 1 + len(lines)] == lines
    assert "# which pods HorizontalPodAutoscaler web scales is not known here" in said


@pytest.mark.parametrize(
    ("bounds", "example"),
    [
        pytest.param("minReplicas: 1, maxReplicas: 8", "from 5 to 8 at cpu 105 %", id="room below a small maximum"),
        pytest.param("minReplicas: 0, maxReplicas: 1", "from 1 to 1 at cpu 105 %", id="no room at all"),
        pytest.param("minReplicas: 30, maxReplicas: 90", "from 30 to 45 at cpu 105 %", id="a large minimum"),
    ],
)
def test_the_example_of_a_step_up_starts_where_there_is_room(
    bounds: str, example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low, high = bounds.split(", ")
    manifest = MANIFEST.replace("minReplicas: 2\n", f"{low}\n").replace("maxReplicas: 20", high)
    (tmp_path / "a.yaml").write_text(manifest)

    assert run(["explain", str(tmp_path / "a.yaml"), "--offline"]) == 0

    assert example in capsys.readouterr().out


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        pytest.param("{system: Celery, name: mail}", "messages waiting in Celery queue mail", id="a queue"),
        pytest.param(
            "{system: RabbitMQ, name: mail, vhost: eu}",
            "messages waiting in RabbitMQ queue mail of virtual host eu",
            id="a queue of a virtual host",
        ),
        pytest.param(
            "{system: Kafka, name: mailer, topic: mail}",
            "messages that Kafka consumer group mailer is behind in topic mail",
            id="a consumer group",
        ),
    ],
)
def test_a_queue_is_called_what_its_system_calls_it(
    queue: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(MANIFEST.replace("resource: {name: cpu}", f"queue: {queue}"))
    assert run(["explain", str(tmp_path / "a.yaml"), "-n", "leadgen", "--offline"]) == 0

    assert f"cpu: {words}; a value of the whole; asked of the default MetricSource" in capsys.readouterr().out


def test_the_query_of_a_recipe_is_written_out_for_the_policys_namespace(explained: list[str]) -> None:
    promql = "\n".join(explained)

    assert 'container_cpu_usage_seconds_total{namespace="leadgen"' in promql
    assert 'owner_name="api"' in promql


def test_an_invalid_policy_is_told_with_its_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(MANIFEST.replace("minReplicas: 2", "minReplicas: 30"))

    assert run(["explain", str(tmp_path / "a.yaml"), "--offline"]) == 1
    shown = capsys.readouterr().out
    assert "ScalingPolicy default/api is invalid" in shown
    assert "spec.minReplicas: " in shown


def test_without_a_cluster_it_says_why_there_are_no_live_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (tmp_path / "a.yaml").write_text(MANIFEST)

    assert run(["explain", str(tmp_path / "a.yaml")]) == 0
    assert "No live values: cannot connect to Kubernetes: no kubeconfig" in capsys.readouterr().out


def test_a_name_needs_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    assert run(["explain", "api-pods", "-n", "leadgen"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: cannot connect to Kubernetes")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a: [", "not YAML", id="no YAML"),
        pytest.param("kind: ConfigMap\n", "holds no ScalingPolicy", id="no policy"),
        pytest.param(POLICY, "holds no ScalingPolicy", id="a scenario is no manifest"),
    ],
)
def test_a_file_without_a_policy_is_told(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(text)

    assert run(["explain", str(tmp_path / "a.yaml")]) == 2
    assert words in capsys.readouterr().err


SOURCE = """\
---
apiVersion: deadband.dev/v1alpha1
kind: MetricSource
metadata: {name: main}
spec: {url: "http://prometheus.invalid", default: true, rawQueries: NamespaceEnforced}
"""


def test_a_source_in_the_file_shows_the_queries_as_they_are_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(MANIFEST.replace("deploy_freeze == 1", "freeze default 0") + SOURCE)

    assert run(["explain", str(tmp_path / "a.yaml"), "-n", "leadgen", "--offline"]) == 0

    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert 'sum({__name__="busy_workers",namespace="leadgen"})' in said
    assert any(
        line.startswith("# source main binds queries to their namespace: the query cannot be read") for line in said
    )
    assert any(line.endswith("[QueryNeverSent, spec.vetoes[0].query]") for line in said)
