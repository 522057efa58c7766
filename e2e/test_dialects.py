"""PromQL that deadband's own parser does not know, against the servers that do: the source judges, and what is bound to
a namespace stays bound."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from deadband.adapters.prometheus import PrometheusMetrics
from deadband.api.conditions import Reason
from deadband.api.metrics import Metric
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.plan import plan
from deadband.queries.syntax import unread
from deadband.queries.types import Key, Need
from e2e.queries.backfill import Backfill, counter, gauge
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.victoriametrics import VictoriaMetrics


class Silent:
    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Count nothing."""


class Backend:
    """A server, as a source that takes any query (`main`) and as one that binds them (`bound`)."""

    def __init__(self, url: str, at: int) -> None:
        """Take its address and when its samples end."""
        self._now = datetime.fromtimestamp(at, UTC)
        self._sources = {
            "main": MetricSourceSpec.model_validate({"url": url, "default": True}),
            "bound": MetricSourceSpec.model_validate({"url": url, "rawQueries": "NamespaceEnforced"}),
        }

    def read(self, texts: Sequence[str], source: str = "main") -> list[Reading]:
        """Read several metrics of one policy."""
        needs = [
            Need(Key("policy", f"m{index}"), "leadgen", Metric(name="m", query=text), None, source)
            for index, text in enumerate(texts)
        ]
        planned = plan(needs, self._sources)

        async def ask() -> dict[Key, Reading]:
            metrics = PrometheusMetrics(Silent())
            metrics.update_sources(self._sources)
            answers = await metrics.ask(planned.questions, at=self._now)
            metrics.close()
            return planned.read(answers, now=self._now)

        readings = asyncio.run(ask())
        return [readings[need.key] for need in needs]


def filled() -> Backfill:
    """A counter that rises by 2 a second to 1,600, and a gauge in two namespaces."""
    backfill = Backfill(int(time.clock_gettime(time.CLOCK_REALTIME)) // 60 * 60 - 3600)
    backfill.add("requests_total", {"path": "/api/v1/x-y", "namespace": "leadgen"}, counter(2))
    for namespace, value in {"leadgen": 3, "billing": 1000}.items():
        backfill.add("load", {"namespace": namespace}, gauge(value))
    return backfill


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    folder, backfill = tmp_path_factory.mktemp("prometheus"), filled()
    server = Prometheus(folder, [])
    backfill.write(folder / "data")
    with server:
        yield Backend(server.url, backfill.at)


@pytest.fixture(scope="module")
def victoriametrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    folder, backfill = tmp_path_factory.mktemp("victoriametrics"), filled()
    with VictoriaMetrics(Path(folder)) as server:
        server.take(backfill.lines)
        yield Backend(server.url, backfill.at)


@pytest.fixture(params=["prometheus", "victoriametrics"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of them in turn."""
    found: Backend = request.getfixturevalue(request.param)
    return found


NEWER = [
    ("anchored", "sum(increase(requests_total[2m] anchored))", "240"),
    ("smoothed", "sum(rate(requests_total[2m] smoothed))", "2"),
    ("a sum in a duration", "sum(increase(requests_total[1m + 60s]))", "240"),
    ("an offset in parentheses", "sum(requests_total) - sum(requests_total offset (2m))", "240"),
    ("a class with a dash", r'sum(requests_total{path=~"[/\\w-.]+"})', "1600"),
    ("a literal in a pattern", r'sum(requests_total{path=~"\\Q/api/v1/x-y\\E|www"})', "1600"),
]
OLDER = [
    ("a string between backticks", r"sum(requests_total{path=~`/api/v\d+/.*`})", "1600"),
    ("digits in groups", "sum(requests_total > 1_000)", "1600"),
]
METRICSQL = [
    ("a rate without a window", "sum(rate(requests_total))", "2"),
    ("an operator of its own", 'sum(load{namespace="nowhere"}) default 7', "7"),
    ("a function of its own", 'median_over_time(load{namespace="leadgen"}[2m])', "3"),
]
BOUND = [
    ("a window of more than 49 days", "max_over_time(load[60d])", "3"),
    ("the first of a long window", "first_over_time(load[60d])", "3"),
    ("days and less", "sum(load) + 0 * sum(count_over_time(load[49d17h3m]))", "3"),
    ("an offset of a year", "sum(load) unless sum(load offset 52w)", "3"),
    ("an offset ahead", "sum(load offset -60d) or sum(load)", "3"),
    ("a string between backticks", r"sum(load{namespace=~`\w+`})", "3"),
    ("digits in groups", "sum(requests_total > 1_000)", "1600"),
    ("a label name in quotes", 'sum by ("a.b") (load{"namespace"!="x"})', "3"),
]


def is_number(reading: Reading, value: str) -> bool:
    return isinstance(reading, Sample) and float(reading.value) == pytest.approx(float(Fraction(value)))


@pytest.mark.parametrize(("text", "value"), [pytest.param(*row[1:], id=row[0]) for row in (*NEWER, *OLDER)])
def test_prometheus_answers_what_is_newer_than_the_parser(prometheus: Backend, text: str, value: str) -> None:
    (reading,) = prometheus.read([text])

    assert is_number(reading, value), reading


def test_these_queries_are_newer_than_the_parser() -> None:
    assert [name for name, text, _ in (*NEWER, *METRICSQL) if unread(text) is None] == []


@pytest.mark.parametrize(("text", "value"), [pytest.param(*row[1:], id=row[0]) for row in METRICSQL])
def test_victoriametrics_answers_metricsql(victoriametrics: Backend, text: str, value: str) -> None:
    (reading,) = victoriametrics.read([text])

    assert is_number(reading, value), reading


@pytest.mark.parametrize("text", [*(text for _, text, _ in METRICSQL), "sum(load"])
def test_a_query_that_the_source_rejects_is_one_error_beside_other_readings(prometheus: Backend, text: str) -> None:
    rejected, other = prometheus.read([text, "sum(requests_total)"])

    assert rejected == Absent(Reason.ERROR, "the source rejects the query: HTTP 400 bad_data")
    assert other == Sample(Fraction(1600))


def test_a_query_that_victoriametrics_rejects_is_one_error_too(victoriametrics: Backend) -> None:
    rejected, other = victoriametrics.read(["sum(load", "sum(requests_total)"])

    assert rejected == Absent(Reason.ERROR, "the source rejects the query: HTTP 422")
    assert other == Sample(Fraction(1600))


@pytest.mark.parametrize(("text", "value"), [pytest.param(*row[1:], id=row[0]) for row in BOUND])
def test_a_bound_query_reads_its_own_namespace_however_long_its_durations_are(
    backend: Backend, text: str, value: str
) -> None:
    (reading,) = backend.read([text], "bound")

    assert is_number(reading, value), reading


@pytest.mark.parametrize("text", [text for _, text, _ in (*NEWER, *METRICSQL)])
def test_what_the_parser_cannot_read_is_not_sent_to_a_source_that_binds(backend: Backend, text: str) -> None:
    refused, other = backend.read([text, "sum(load)"], "bound")

    assert isinstance(refused, Absent)
    assert refused.reason is Reason.ERROR
    assert "so it is not sent" in refused.message
    assert other == Sample(Fraction(3))
