"""Range queries over HTTP: what is sent, what is read, and what happens when it is too much."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from deadband.adapters.prometheus_answers import AskError
from deadband.adapters.prometheus_ranges import PrometheusRanges
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import Grid, RangeAnswered
from deadband.queries.types import Question
from tests.adapters.prometheus_server import Reply, Request, Server, serve

QUESTION = Question("main", "load", 2)
START = 1_767_600_000


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        running.answer = lambda _: matrix()
        yield running


def matrix(*rows: dict[str, Any], **more: Any) -> Reply:
    data = {"resultType": "matrix", "result": list(rows)}
    return Reply(json.dumps({"status": "success", "data": data, **more}).encode())


def refused(status: int, kind: str) -> Reply:
    return Reply(json.dumps({"status": "error", "errorType": kind, "error": "secret"}).encode(), status=status)


def read(server: Server, count: int, **more: Any) -> tuple[list[RangeAnswered], list[int]]:
    done: list[int] = []
    reader = PrometheusRanges({"main": MetricSourceSpec(url=server.url, stale_after_seconds=45)}, **more)
    try:
        return list(reader.read(QUESTION, Grid(START, 15, count), done.append)), done
    finally:
        reader.close()


def test_a_query_says_its_span_and_what_is_stale(server: Server) -> None:
    read(server, 5)

    (request,) = server.queries
    assert request.target == "/api/v1/query_range"
    assert request.form == {
        "query": "load",
        "start": str(START),
        "end": str(START + 60),
        "step": "15",
        "timeout": "10s",
        "lookback_delta": "45s",
    }


def test_seven_days_are_asked_in_parts_of_at_most_eleven_thousand(server: Server) -> None:
    _, done = read(server, 40_321, points=1_000_000)

    spans = [(int(request.form["start"]), int(request.form["end"])) for request in server.queries]
    assert [(end - start) // 15 + 1 for start, end in spans] == [11_000, 11_000, 11_000, 7_321]
    assert done == [11_000, 11_000, 11_000, 7_321]


def test_values_warnings_and_gaps_are_read(server: Server) -> None:
    row = {"metric": {"a": "b"}, "values": [[START, "0.1"], [START + 30, "NaN"]], "histograms": [[START + 15, {}]]}
    server.answer = lambda _: matrix(row, warnings=["partial"])

    ([answer], _) = read(server, 5)

    assert answer.series[0].labels == {"a": "b"}
    assert answer.series[0].points == [(START, Fraction(1, 10)), (START + 15, None), (START + 30, None)]
    assert answer.warnings == ("partial",)


@pytest.mark.parametrize(
    "answer",
    [pytest.param((503, "timeout"), id="it takes too long"), pytest.param((422, "execution"), id="too many samples")],
)
def test_what_is_too_much_is_asked_in_halves(server: Server, answer: tuple[int, str]) -> None:
    def at_most_100(request: Request) -> Reply:
        points = (int(request.form["end"]) - int(request.form["start"])) // 15 + 1
        return matrix() if points <= 100 else refused(*answer)

    server.answer = at_most_100

    answers, done = read(server, 300)

    assert done == [75, 75, 75, 75]
    assert [each.grid.start for each in answers] == [START + 15 * 75 * number for number in range(4)]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(refused(400, "bad_data"), "HTTP 400 bad_data", id="bad PromQL"),
        pytest.param(refused(500, "internal"), "HTTP 500 internal", id="a broken server"),
        pytest.param(Reply(b"<html>"), "not what the Prometheus HTTP API gives", id="no Prometheus at all"),
        pytest.param(
            matrix({"metric": {}, "values": [["x", "1"]]}), "not what the Prometheus HTTP API gives", id="no times"
        ),
        pytest.param(matrix({"values": []}), "not what the Prometheus HTTP API gives", id="no labels"),
        pytest.param(matrix(warnings="x"), "not what the Prometheus HTTP API gives", id="warnings that are no list"),
    ],
)
def test_what_is_no_answer_is_said_once(server: Server, reply: Reply, says: str) -> None:
    server.answer = lambda _: reply

    with pytest.raises(AskError, match=says):
        read(server, 300)
    assert len(server.queries) == 1


def test_what_is_too_much_even_in_small_parts_is_an_error(server: Server) -> None:
    server.answer = lambda _: refused(503, "timeout")

    with pytest.raises(AskError, match="HTTP 503 timeout"):
        read(server, 300)


def test_a_source_that_is_not_there_is_said() -> None:
    with pytest.raises(AskError, match="MetricSource main does not exist"):
        list(PrometheusRanges({}).read(QUESTION, Grid(START, 15, 5), lambda _: None))


def test_the_samples_of_a_few_series_are_read_at_their_own_times(server: Server) -> None:
    server.answer = lambda _: matrix({"metric": {"pod": "a"}, "values": [[START + 0.5, "1"], [START + 15.5, "2"]]})
    reader = PrometheusRanges({"main": MetricSourceSpec(url=server.url)})
    until = datetime.fromtimestamp(START + 60, UTC)

    (series,) = reader.samples("main", '{__name__="load"}', within=timedelta(minutes=20), until=until)
    reader.close()

    (request,) = server.queries
    assert request.target == "/api/v1/query"
    assert request.form == {
        "query": '{__name__="load"}[1200s]',
        "time": str(START + 60),
        "limit": "20",
        "timeout": "10s",
        "lookback_delta": "60s",
    }
    assert series.points == [(START + 0.5, Fraction(1)), (START + 15.5, Fraction(2))]
