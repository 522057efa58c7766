"""`deadband simulate` on a real Prometheus with back-filled history: numbers worked out by hand, and the documents."""

import asyncio
import csv
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deadband.adapters.prometheus import PrometheusMetrics
from deadband.adapters.prometheus_ranges import PrometheusRanges
from deadband.api.metricsource import MetricSourceSpec
from deadband.engine.validity import check_policy
from deadband.queries.ranges import Grid
from deadband.scenario.recorded.recording import Recording, Track
from deadband.scenario.recorded.wanted import wanted
from e2e.queries.backfill import Backfill, Shape, gauge
from e2e.queries.exporters import MIB, Container, Pod, add_pod, add_queue, add_replicaset
from e2e.testbed.prometheus import Prometheus

ROOT = Path(__file__).parents[1]
START = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp())
SPAN = 3 * 3600
FROM, TO = "2026-01-05T08:30:00Z", "2026-01-05T09:30:00Z"

POLICY: dict[str, Any] = {
    "apiVersion": "deadband.dev/v1alpha1",
    "kind": "ScalingPolicy",
    "metadata": {"name": "api", "namespace": "leadgen"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 2,
        "maxReplicas": 10,
        "metrics": [{"name": "load", "query": 'load{app="api"}', "per": "Replica"}],
        "scaleUp": {"anyOf": [{"metric": "load", "above": 70}], "forSeconds": 60},
        "scaleDown": {"allOf": [{"metric": "load", "below": 40}], "forSeconds": 300},
    },
}


def steps(first: float, *later: tuple[int, float]) -> Shape:
    """Stand at `first`, and from each second after 08:30 on at another value."""

    def value(seconds: int) -> float:
        return [first, *(each for since, each in later if seconds - 1800 >= since)][-1]

    return value


def replicas(world: Backfill, deployment: str, count: int) -> None:
    labels = {"namespace": "leadgen", "deployment": deployment}
    world.add("kube_deployment_spec_replicas", labels, gauge(count))
    world.add("kube_deployment_status_replicas_ready", labels, gauge(count))


def build(world: Backfill) -> None:
    """Four replicas of api whose load rises and falls; a queue that fills and empties; pods that use CPU."""
    replicas(world, "api", 4)
    world.add("load", {"app": "api"}, steps(60, (600, 90), (1800, 30)))
    replicas(world, "lead-worker", 10)
    add_queue(world, "/", "leads", 500)
    world.add(
        "rabbitmq_detailed_queue_messages_ready",
        {"vhost": "eu", "queue": "leads", "instance": "mq-0:15692", "job": "detailed"},
        steps(0, (900, 20000), (1200, 2000), (1800, -500)),
    )
    add_replicaset(world, "leadgen", "web", "web-1")
    for number in range(2):
        app = Container("app", 0.3 + 0.1 * number, 100 * MIB, {"cpu": 0.5})
        add_pod(world, Pod("leadgen", f"web-1-{number}", "web-1", (app,), silent_for=number * 3600))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("history")
    backfill = Backfill(START + SPAN, span=SPAN)
    build(backfill)
    server = Prometheus(folder, [])
    backfill.write(folder / "data")
    with server:
        yield server


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the answers of each test apart; the servers of this file have found their programs before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def simulate(*arguments: str | Path, text: str | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "deadband", "simulate", *map(str, arguments)],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def written(folder: Path, name: str = "api.yaml", *others: dict[str, Any], **spec: Any) -> Path:
    """Write the policy, with some of its spec replaced, to a file."""
    path = folder / name
    path.write_text(yaml.safe_dump_all([{**POLICY, "spec": {**POLICY["spec"], **spec}}, *others]))
    return path


def test_what_would_have_happened_is_what_a_person_works_out(prometheus: Prometheus, tmp_path: Path) -> None:
    """90 % on 4 is 60 % on 6; 30 % on 4 is 20 % on 6 and 40 % on 3, which is not below 40 any more."""
    done = simulate(written(tmp_path), "--from", FROM, "--to", TO, "--source", prometheus.url, "-o", "json")

    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert [(one["at"], one["from"], one["to"], one["reason"], one["rule"]) for one in told["events"]] == [
        ("2026-01-05T08:41:00Z", 4, 6, "ScalingUp", "R8"),
        ("2026-01-05T09:05:00Z", 6, 3, "ScalingDown", "R8"),
    ]
    assert [one["projected"] for one in told["events"]] == [[], ["load"]]
    assert told["events"][1]["sentence"] == ("Scaling down from 6 to 3: load 20 is below 40 for 300 s or longer.")
    assert told["evaluations"] == 241
    assert told["reversals"] == 1
    assert told["replicaHours"] == pytest.approx((4 * 660 + 6 * 1440 + 3 * 1500) / 3600)
    assert told["realReplicaHours"] == pytest.approx(4)
    assert [(one["sign"], one["simulatedMinutes"], one["recordedMinutes"]) for one in told["thresholds"]] == [
        (">", 1.25, 20),
        ("<", 5.25, 30),
    ]


def test_two_policies_stand_side_by_side_as_csv_and_as_a_page(prometheus: Prometheus, tmp_path: Path) -> None:
    one = written(tmp_path, "one.yaml")
    calm = written(tmp_path, "calm.yaml", scaleUp={"anyOf": [{"metric": "load", "above": 95}]})
    page = tmp_path / "page.html"
    asked = ("--from", FROM, "--to", TO, "--source", prometheus.url, "--html", page, "-o", "csv")

    done = simulate(one, "--compare", calm, *asked)

    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(Path(row["policy"].split("(")[1]).name, row["from"], row["to"]) for row in rows] == [
        ("one.yaml)", "4", "6"),
        ("one.yaml)", "6", "3"),
        ("calm.yaml)", "4", "3"),
    ]
    assert page.read_text().count("<section ") == 2


def test_a_metric_source_in_the_file_is_asked_with_its_own_names(prometheus: Prometheus, tmp_path: Path) -> None:
    source = {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": {"name": "main"},
        "spec": {
            "url": prometheus.url,
            "recipes": [{"series": "kube_deployment_spec_replicas", "metric": "nowhere"}],
        },
    }

    done = simulate(written(tmp_path, "both.yaml", source), "--from", FROM, "--to", TO)

    assert done.returncode == 0, done.stderr
    assert "What really ran is not recorded: the simulation starts from 2" in done.stdout


def test_more_instants_than_prometheus_gives_in_one_answer_are_read_in_parts(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    span = ("--from", "2026-01-05T07:00:00Z", "--to", "2026-01-05T11:00:00Z", "--step", "1")

    done = simulate(written(tmp_path), *span, "--source", prometheus.url, "-o", "json")

    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert told["evaluations"] == 14401
    assert told["unknownMinutes"] == {"load": 60}
    assert [(one["from"], one["to"]) for one in told["events"]] == [(4, 6), (6, 3)]


def test_history_reads_as_the_operator_would_have_read_it(prometheus: Prometheus) -> None:
    """Across a lost exporter, too, where the reading turns from a number to Partial or the reverse."""
    spec = check_policy(
        {
            **POLICY,
            "spec": {
                **POLICY["spec"],
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "metrics": [
                    {"name": "load", "resource": {"name": "cpu"}},
                    {"name": "depth", "queue": {"system": "RabbitMQ", "name": "leads"}},
                    {"name": "all", "query": "load or kube_deployment_spec_replicas"},
                ],
                "scaleUp": {"anyOf": [{"metric": name, "above": 70} for name in ("load", "depth", "all")]},
            },
        }
    )
    sources = {"": MetricSourceSpec(url=prometheus.url)}
    asked = wanted(spec, "leadgen", sources, "")
    grid = Grid(START + SPAN - 3600 - 300, 15, 41)
    reader = PrometheusRanges(sources, now=datetime.now(UTC), points=7)
    tracks = {}
    for question in asked.plan.questions:
        track = tracks[question] = Track(grid, question)
        for answer in reader.read(question, grid, lambda _: None):
            track.add(answer)
    reader.close()
    recording = Recording(asked.plan, tracks, grid)
    history = [dict(recording.readings(index, grid.at(index))) for index in range(grid.count)]

    class Silent:
        def queried(self, source: str, seconds: float, outcome: str) -> None:
            """Count nothing."""

    async def live() -> list[dict[str, Any]]:
        metrics = PrometheusMetrics(Silent())
        metrics.update_sources(sources)
        read = []
        for index in range(grid.count):
            answers = await metrics.ask(asked.plan.questions, at=grid.at(index))
            readings = asked.plan.read(answers, now=grid.at(index))
            read.append({key.name: reading for key, reading in readings.items()})
        metrics.close()
        return read

    assert history == asyncio.run(live())
    assert len({str(each["load"]) for each in history}) > 1


def test_answers_are_kept_in_a_folder_of_the_users_own_where_none_is_named(
    prometheus: Prometheus, tmp_path: Path, own_cache: Path
) -> None:
    asked = ("--from", FROM, "--to", TO, "--source", prometheus.url, "-o", "csv")

    first = simulate(written(tmp_path), *asked)
    kept = set(own_cache.glob("deadband/history/*/*.json.gz"))
    again = simulate(written(tmp_path), *asked)

    assert len(kept) == 3, "of the load, and of the replicas and the ready ones"
    assert first.stdout == again.stdout
    assert first.stderr == ""


def test_where_nothing_can_be_kept_it_is_said_and_all_the_rest_is_done(
    prometheus: Prometheus, tmp_path: Path, own_cache: Path
) -> None:
    own_cache.touch()  # a file, where a folder would have to be
    asked = ("--from", FROM, "--to", TO, "--source", prometheus.url, "-o", "csv")

    done = simulate(written(tmp_path), *asked)

    assert done.returncode == 0
    assert done.stdout.count("\n") == 3
    assert done.stderr.startswith("Answers are not kept: ")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_was_named_must_be_one(prometheus: Prometheus, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    asked = ("--from", FROM, "--to", TO, "--source", prometheus.url, "--cache", tmp_path / "file" / "below")

    done = simulate(written(tmp_path), *asked)

    assert done.returncode == 2
    assert "answers cannot be kept in" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--source", "http://127.0.0.1:9"], "the connection failed", id="nobody listens"),
        pytest.param([], "give --source URL, or a MetricSource", id="nobody to ask"),
        pytest.param(["--source", "nonsense"], "is not the base URL", id="no URL"),
        pytest.param(["--source", "http://127.0.0.1:9", "--to", "3w"], "--to must be after --from", id="backwards"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = simulate(written(tmp_path), "--from", "2w", *arguments)

    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def sessions() -> Iterator[Any]:
    """Every `deadband simulate` that the documents show with its output."""
    for document in (ROOT / "docs" / "simulate.md", ROOT / "docs" / "cli.md"):
        for block in re.findall(r"^```console\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL):
            for session in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
                command, *shown = session.splitlines()
                if command.startswith("deadband simulate"):
                    yield pytest.param(command, shown, id=f"{document.name} {command}")


@pytest.mark.parametrize(("command", "shown"), list(sessions()))
def test_a_document_shows_what_is_printed(
    command: str, shown: list[str], prometheus: Prometheus, tmp_path: Path
) -> None:
    here = command.replace("http://localhost:9090", prometheus.url).replace(" week.html", f" {tmp_path / 'week.html'}")

    done = simulate(*shlex.split(here)[2:])

    assert done.returncode == 0, done.stderr
    printed = iter(done.stdout.splitlines())
    for line in shown:
        if line.strip() and "…" not in line:
            assert line in printed, f"{line!r} was not printed, or not in this order:\n{done.stdout}"
