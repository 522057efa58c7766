"""What recipes read from what real exporters showed (tests/queries/recorded), on a real Prometheus that scrapes it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Sample
from deadband.queries.plan import plan
from deadband.queries.types import Answered, Question, Series
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from tests.queries.builders import need
from tests.queries.recordings import LISTS, RECORDINGS, Expected, Recording

PAGES = {f"/{recording.name}": recording.text.encode() for recording in RECORDINGS}
SOURCES = {
    "main": MetricSourceSpec(url="http://prometheus:9090"),
    "lists": MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": LISTS}),
}
ROWS = [
    pytest.param(
        recording, expected, id=f"{recording.name}: {json.dumps(next(iter(expected.metric.values())), sort_keys=True)}"
    )
    for recording in RECORDINGS
    for expected in recording.reads
]


class Exporters(BaseHTTPRequestHandler):
    """Every recording under its name."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(PAGES[self.path])

    def log_request(self, *_: object) -> None:
        """Log no request."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped all of them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Exporters)
    Thread(target=server.serve_forever, daemon=True).start()
    target = [f"127.0.0.1:{server.server_port}"]
    jobs = [
        ScrapeJob(recording.name, target, f"/{recording.name}", labels={"instance": recording.name})
        for recording in RECORDINGS
    ]
    with Prometheus(tmp_path_factory.mktemp("exporters"), jobs) as prometheus:
        prometheus.wait_for(f"sum(up) == {len(RECORDINGS)}")
        yield prometheus
    server.shutdown()
    server.server_close()


def answer(prometheus: Prometheus, question: Question) -> Answered:
    rows = prometheus.query(question.promql)
    assert len(rows) < question.limit
    return Answered(tuple(Series(row["metric"], Fraction(row["value"][1]), None) for row in rows))


@pytest.mark.parametrize(("recording", "expected"), ROWS)
def test_a_recipe_reads_what_waits_in_the_real_server(
    prometheus: Prometheus, recording: Recording, expected: Expected
) -> None:
    asked = need(dict(expected.metric), source=expected.source)
    planned = plan([asked], SOURCES)
    answers = {question: answer(prometheus, question) for question in planned.questions}

    reading = planned.read(answers, now=datetime.now(UTC))[asked.key]

    if expected.value is not None:
        assert isinstance(reading, Sample)
        assert round(float(reading.value), 4) == float(expected.value)
    else:
        assert isinstance(reading, Absent)
        assert reading.reason is expected.reason
