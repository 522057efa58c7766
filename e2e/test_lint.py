"""`deadband lint` on a real Prometheus with a back-filled week: what only history can tell."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.queries.backfill import Backfill, counter, gauge
from e2e.testbed.prometheus import Prometheus

ROOT = Path(__file__).parents[1]
DAY = 86400
MINUTE = 60


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A week of samples, one a minute, up to now."""
    folder = tmp_path_factory.mktemp("week")
    week = Backfill(int(datetime.now(UTC).timestamp()) // MINUTE * MINUTE, span=7 * DAY, step=MINUTE)
    week.add("gone", {"namespace": "leadgen"}, gauge(50), silent_for=2 * DAY)
    week.add("share", {"namespace": "leadgen"}, lambda seconds: 0.1 if seconds % 7200 < 3600 else 0.6)
    week.add("load", {"namespace": "leadgen"}, lambda seconds: 10 if seconds % 7200 < 3600 else 90)
    week.add("requests_total", {"namespace": "leadgen"}, counter(50))
    week.add("kube_deployment_spec_replicas", {"namespace": "leadgen", "deployment": "api"}, gauge(4))
    week.add("kube_deployment_status_replicas_ready", {"namespace": "leadgen", "deployment": "api"}, gauge(4))
    server = Prometheus(folder, [])
    week.write(folder / "data")
    with server:
        yield server


def policy(query: str, **changes: Any) -> dict[str, Any]:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "minReplicas": 2,
        "maxReplicas": 20,
        "metrics": [{"name": "load", "query": query, "per": "Replica"}],
        "scaleUp": {"anyOf": [{"metric": "load", "above": 70}], "forSeconds": 120, "cooldownSeconds": 300},
        "scaleDown": {"allOf": [{"metric": "load", "below": 20}], "forSeconds": 600},
    }
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": "api", "namespace": "leadgen"},
        "spec": {**spec, **changes},
    }


def lint(folder: Path, manifest: dict[str, Any], *arguments: str) -> "subprocess.CompletedProcess[str]":
    file = folder / "api.yaml"
    file.write_text(yaml.safe_dump(manifest))
    return subprocess.run(
        [sys.executable, "-m", "deadband", "lint", str(file), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


SHORT = {"anyOf": [{"metric": "load", "above": 70}], "forSeconds": 30}


@pytest.mark.parametrize(
    ("manifest", "found"),
    [
        pytest.param(policy("load"), [], id="as it should be"),
        pytest.param(
            policy("gone"),
            [
                ("error", "NoValueInADay", "load had a value at 0 of 1441 instants of the last day (Empty at 1441"),
                ("warning", "ThresholdNeverSeen", "load read 50 to 50 in 7 days"),
                ("info", "ThresholdNeverSeen", "it was never above 70"),
            ],
            id="a metric that has been gone for two days",
        ),
        pytest.param(
            policy("share"),
            [("warning", "ThresholdNeverSeen", "load read 0.1 to 0.6 in 7 days")],
            id="a share against percentages",
        ),
        pytest.param(
            policy("load", scaleUp=SHORT),
            [("warning", "ForShorterThanScrape", "A sample of load comes every 60 s, and 30 s are over before")],
            id="half a minute of what is scraped once a minute",
        ),
        pytest.param(
            policy("rate(requests_total[2m])", scaleUp={**SHORT, "forSeconds": 60, "cooldownSeconds": 120}),
            [
                ("warning", "RateWindowTooShort", "load is a rate over 120 s of samples that come every 60 s"),
                ("warning", "ThresholdNeverSeen", "it was never below 20"),
                ("info", "ThresholdNeverSeen", "it was never above 70"),
            ],
            id="a rate over two scrapes",
        ),
    ],
)
def test_what_a_week_shows_is_said(
    manifest: dict[str, Any], found: list[tuple[str, str, str]], prometheus: Prometheus, tmp_path: Path
) -> None:
    done = lint(tmp_path, manifest, "--source", prometheus.url, "-o", "json", "--fail-on", "never")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [(one["severity"], one["id"]) for one in told] == [(severity, id_) for severity, id_, _ in found], told
    for one, (_, _, words) in zip(told, found, strict=True):
        assert words in one["sentence"]


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("error", 0), ("warning", 1), ("info", 1)])
def test_a_pipeline_chooses_what_it_fails_on(fail_on: str, code: int, prometheus: Prometheus, tmp_path: Path) -> None:
    done = lint(tmp_path, policy("share"), "--source", prometheus.url, "--fail-on", fail_on)

    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == "1 policy: 0 error, 1 warning, 0 info"


def test_history_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    done = lint(tmp_path, policy("load"), "--source", "http://127.0.0.1:9")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the connection failed" in done.stderr
