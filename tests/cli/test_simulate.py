"""`deadband simulate` before it asks anybody: times, sources, and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deadband.cli.cases import read_cases
from deadband.cli.entry import run
from deadband.cli.instants import Instant

SPEC: dict[str, Any] = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
    "minReplicas": 1,
    "maxReplicas": 4,
    "metrics": [{"name": "load", "query": "load"}],
    "scaleUp": {"anyOf": [{"metric": "load", "above": 70}]},
}
Write = Callable[..., str]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the user's own alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write manifests to a file and tell its path."""

    def to_file(*manifests: dict[str, Any]) -> str:
        path = tmp_path / "policies.yaml"
        path.write_text(yaml.safe_dump_all(manifests))
        return str(path)

    return to_file


def policy(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "api", "namespace": "leadgen"}
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": metadata,
        "spec": {**SPEC, **spec},
    }


def source(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "deadband.dev/v1alpha1",
        "kind": "MetricSource",
        "metadata": {"name": name},
        "spec": {"url": f"http://{name}.invalid", **spec},
    }


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-01-05T08:00:00Z", datetime(2026, 1, 5, 8, tzinfo=UTC), id="RFC 3339"),
        pytest.param("2026-01-05T09:00:00+01:00", datetime(2026, 1, 5, 8, tzinfo=UTC), id="another zone"),
        pytest.param("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC), id="a day alone begins in UTC"),
    ],
)
def test_a_time_is_read(text: str, instant: datetime) -> None:
    assert Instant().convert(text, None, None) == instant


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("7d", timedelta(days=7)),
        ("now-12h", timedelta(hours=12)),
        ("-30m", timedelta(minutes=30)),
        ("now", timedelta()),
    ],
)
def test_a_span_is_so_long_ago(text: str, ago: timedelta) -> None:
    before = datetime.now(UTC) - ago
    assert before <= Instant().convert(text, None, None) <= datetime.now(UTC) - ago


@pytest.mark.parametrize("text", ["yesterday", "7", "7x", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither an RFC 3339 time nor a span"):
        Instant().convert(text, None, None)


@pytest.mark.parametrize(
    ("manifests", "url", "default", "urls"),
    [
        pytest.param([], "http://x:9", "", {"": "http://x:9"}, id="the URL alone"),
        pytest.param([source("one")], None, "one", {"one": "http://one.invalid"}, id="the only source"),
        pytest.param([source("one")], "http://x:9", "one", {"one": "http://x:9"}, id="its URL is replaced"),
        pytest.param(
            [source("one"), source("two", default=True)], None, "two",
            {"one": "http://one.invalid", "two": "http://two.invalid"}, id="the one that is marked",
        ),
    ],
)  # fmt: skip
def test_whom_to_ask_is_found(
    write: Write, manifests: list[dict[str, Any]], url: str | None, default: str, urls: dict[str, str]
) -> None:
    (case,) = read_cases((write(policy(), *manifests),), namespace="default", url=url)

    assert case.default == default
    assert {name: spec.url for name, spec in case.sources.items()} == urls


def test_a_source_that_a_metric_names_is_stood_in_for_by_the_url(write: Write) -> None:
    named = policy(metrics=[{"name": "load", "query": "load", "source": "far"}])

    (case,) = read_cases((write(named),), namespace="default", url="http://x:9")

    assert case.sources["far"].url == "http://x:9"


def test_the_names_and_headers_of_a_source_stay_when_its_url_is_replaced(write: Write) -> None:
    header = {"name": "X-Scope-OrgID", "value": "team"}

    (case,) = read_cases((write(policy(), source("one", headers=[header])),), namespace="default", url="http://x:9")

    assert case.sources["one"].headers[0].value == "team"


HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"}
FAR = [{"name": "load", "query": "load", "source": "far"}]


@pytest.mark.parametrize(
    ("manifests", "arguments", "code", "says"),
    [
        pytest.param([policy()], [], 2, "whom to ask is not said", id="nobody to ask"),
        pytest.param(
            [policy(), source("one"), source("two")], [], 2, "metric load names no source", id="no default among two"
        ),
        pytest.param([policy(metrics=FAR), source("one")], [], 2, "MetricSource far is not in the files", id="missing"),
        pytest.param([source("one")], [], 2, "no ScalingPolicy found", id="no policy"),
        pytest.param([policy(minReplicas=9)], [], 1, "spec.minReplicas", id="an invalid policy"),
        pytest.param([policy()], ["--source", "x"], 2, "is not the base URL", id="no URL"),
        pytest.param(
            [policy()], ["--source", "http://x:9", "--step", "1", "--from", "60w"], 2, "raise --step", id="too long"
        ),
        pytest.param(
            [policy(scaleTargetRef=HPA)],
            ["--source", "http://x:9"],
            2,
            "cannot be simulated",
            id="the bounds of an HPA",
        ),
        pytest.param([policy()], ["--to", "2w"], 2, "--to must be after --from", id="backwards"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(
    write: Write,
    capsys: pytest.CaptureFixture[str],
    manifests: list[dict[str, Any]],
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    assert run(["simulate", write(*manifests), "--from", "7d", *arguments]) == code

    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
