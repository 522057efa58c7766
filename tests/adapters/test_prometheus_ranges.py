"""Range queries over HTTP: what is sent, what is read, and what happens when it is too much."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from deadband.adapters.kept_answers import KeptAnswers
from deadband.adapters.prometheus_ranges import OPEN_SECONDS, HistoryError, PrometheusRanges, QueryRejectedError
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import Grid, RangeAnswered
from deadband.queries.types import Question
from tests.adapters.prometheus_server import Reply, Request, Server, serve

QUESTION = Question("main", "load", 2)
START = 1_767_600_000
NOW = datetime.fromtimestamp(START, UTC) + timedelta(weeks=4)


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


def read(
    server: Server, count: int, *, first: int = 0, question: Question = QUESTION, **more: Any
) -> tuple[list[RangeAnswered], list[int]]:
    """Prove and read so many instants, from the so-manieth on."""
    done: list[int] = []
    source = MetricSourceSpec(url=server.url, stale_after_seconds=45)
    reader = PrometheusRanges({"main": source}, **{"now": NOW, **more})
    grid = Grid(START + 15 * first, 15, count)
    try:
        reader.prove([(question, grid)])
        return list(reader.read(question, grid, done.append)), done
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
        "max_lookback": "45s",
    }


@pytest.mark.parametrize("status", [405, 501])
def test_a_source_that_takes_no_post_is_asked_by_get_with_its_parameters(server: Server, status: int) -> None:
    server.answer = lambda request: matrix() if request.method == "GET" else Reply(b"", status)
    parameters = [{"name": "dedup", "value": "false"}]
    source = MetricSourceSpec.model_validate({"url": server.url, "queryParameters": parameters})
    reader = PrometheusRanges({"main": source}, now=NOW, points=5)

    list(reader.read(QUESTION, Grid(START, 15, 10), lambda _: None))
    reader.close()

    assert [request.method for request in server.queries] == ["POST", "GET", "GET"]
    assert {request.target for request in server.queries} == {"/api/v1/query_range"}
    assert {request.parameters[0] for request in server.queries} == {("dedup", "false")}
    assert [request.form["start"] for request in server.queries[1:]] == [str(START), str(START + 75)]


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
        pytest.param(refused(400, "bad_data"), "the source rejects the query: HTTP 400 bad_data", id="bad PromQL"),
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

    with pytest.raises(HistoryError, match=says) as told:
        read(server, 300)
    assert len(server.queries) == 1
    assert isinstance(told.value, QueryRejectedError) is ("rejects" in says)


def test_what_is_too_much_even_in_small_parts_is_an_error(server: Server) -> None:
    server.answer = lambda _: refused(503, "timeout")

    with pytest.raises(HistoryError, match="HTTP 503 timeout"):
        read(server, 300)


def test_a_source_that_is_not_there_is_said() -> None:
    with pytest.raises(HistoryError, match="MetricSource main does not exist"):
        list(PrometheusRanges({}, now=NOW).read(QUESTION, Grid(START, 15, 5), lambda _: None))


def ramp(request: Request) -> Reply:
    """At each instant its number."""
    times = range(int(request.form["start"]), int(request.form["end"]) + 1, 15)
    return matrix({"metric": {}, "values": [[at, str((at - START) // 15)] for at in times]})


def asked(server: Server) -> list[tuple[int, int]]:
    """First and last instant of each query since the last look."""
    spans = [((int(q.form["start"]) - START) // 15, (int(q.form["end"]) - START) // 15) for q in server.queries]
    server.queries.clear()
    return spans


def values(answers: list[RangeAnswered]) -> list[Fraction | None]:
    return [value for answer in answers for series in answer.series for _, value in series.points]


@pytest.fixture
def kept(tmp_path: Path) -> KeptAnswers:
    return KeptAnswers(tmp_path / "kept")


def test_a_reading_that_failed_goes_on_where_it_stopped(server: Server, kept: KeptAnswers) -> None:
    def third_fails(request: Request) -> Reply:
        return ramp(request) if len(server.queries) < 3 else refused(500, "internal")

    server.answer = third_fails
    with pytest.raises(HistoryError, match="main cannot tell the history: HTTP 500 internal; it was asked for load"):
        read(server, 400, points=100, kept=kept)
    assert asked(server) == [(0, 99), (100, 199), (200, 299)]

    server.answer = ramp
    answers, done = read(server, 400, points=100, kept=kept)

    assert asked(server) == [(80, 99), (180, 199), (200, 299), (300, 399)], "the ends of what is kept, then the rest"
    assert values(answers) == list(range(400))
    assert done == [100] * 4


def test_a_later_span_asks_for_what_is_new_only(server: Server, kept: KeptAnswers) -> None:
    server.answer = ramp
    read(server, 300, kept=kept)
    asked(server)

    answers, done = read(server, 300, first=100, kept=kept)

    assert asked(server) == [(280, 299), (300, 399)]
    assert values(answers) == list(range(400)), "a kept answer comes whole, its reader takes what it needs"
    assert done == [200, 100]


def test_the_last_hour_is_asked_each_time(server: Server, kept: KeptAnswers) -> None:
    server.answer = ramp
    now = datetime.fromtimestamp(START + 299 * 15, UTC)

    for _ in range(2):
        read(server, 300, now=now, kept=kept)
    still_open = 299 - OPEN_SECONDS // 15

    assert asked(server) == [
        *[(0, still_open), (still_open + 1, 299)],
        *[(still_open - 19, still_open), (still_open + 1, 299)],
    ]


def test_another_server_under_the_same_url_is_not_taken_for_the_first(server: Server, kept: KeptAnswers) -> None:
    """As behind a port-forward. What does not vary reads the same in both; it is read anew with the rest."""
    constant, load = Question("main", "replicas", 2), QUESTION
    grid = Grid(START, 15, 100)

    def reading() -> list[Fraction | None]:
        reader = PrometheusRanges({"main": MetricSourceSpec(url=server.url)}, now=NOW, kept=kept)
        reader.prove([(constant, grid), (load, grid)])
        read_ = [value for each in (constant, load) for value in values(list(reader.read(each, grid, lambda _: None)))]
        reader.close()
        return read_

    def cluster(replicas: list[int], first: int) -> None:
        def answer(request: Request) -> Reply:
            times = range(int(request.form["start"]), int(request.form["end"]) + 1, 15)
            numbers = [(at - START) // 15 for at in times]
            told = [
                replicas[number // 50] if request.form["query"] == "replicas" else first + number for number in numbers
            ]
            return matrix({"metric": {}, "values": [[at, str(value)] for at, value in zip(times, told, strict=True)]})

        server.answer = answer

    cluster([3, 5], 0)
    reading()
    cluster([4, 5], 1000)

    assert reading() == [4] * 50 + [5] * 50 + list(range(1000, 1100))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"url": "http://127.0.0.1:1"}, id="another server"),
        pytest.param({"headers": [{"name": "X-Scope-OrgID", "value": "b"}]}, id="another tenant"),
        pytest.param({"queryParameters": [{"name": "dedup", "value": "false"}]}, id="other parameters"),
        pytest.param({"stale_after_seconds": 60}, id="another staleness"),
    ],
)
def test_what_another_source_said_is_not_taken(server: Server, kept: KeptAnswers, change: dict[str, Any]) -> None:
    server.answer = ramp
    read(server, 100, kept=kept)
    asked(server)
    spec = MetricSourceSpec.model_validate({"url": server.url, "stale_after_seconds": 45, **change})

    reader = PrometheusRanges({"main": spec}, now=NOW, kept=kept)

    assert reader._kept is kept
    assert kept.parts(reader._key(QUESTION), Grid(START, 15, 100)) == []


def test_what_is_partial_is_not_kept(server: Server, kept: KeptAnswers) -> None:
    server.answer = lambda _: matrix(warnings=["one store is down"])

    for _ in range(2):
        read(server, 100, kept=kept)

    assert asked(server) == [(0, 99), (0, 99)]


def test_a_damaged_file_is_read_anew(server: Server, kept: KeptAnswers, tmp_path: Path) -> None:
    server.answer = ramp
    read(server, 100, kept=kept)
    (file,) = (tmp_path / "kept").glob("*/*")
    file.write_bytes(file.read_bytes()[:-10])
    asked(server)

    answers, _ = read(server, 100, kept=kept)

    assert values(answers) == list(range(100))
    assert (0, 99) in asked(server)


def test_sums_that_differ_in_their_last_digits_are_the_same(server: Server, kept: KeptAnswers) -> None:
    server.answer = lambda _: matrix({"metric": {}, "values": [[START + 15 * 99, "0.30000000000000004"]]})
    read(server, 100, kept=kept)
    server.answer = lambda _: matrix({"metric": {}, "values": [[START + 15 * 99, "0.3"]]})
    asked(server)

    read(server, 100, kept=kept)

    assert asked(server) == [(80, 99)]


def test_the_samples_of_a_few_series_are_read_at_their_own_times(server: Server) -> None:
    server.answer = lambda _: matrix({"metric": {"pod": "a"}, "values": [[START + 0.5, "1"], [START + 15.5, "2"]]})
    reader = PrometheusRanges({"main": MetricSourceSpec(url=server.url)}, now=NOW)
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
    }
    assert series.points == [(START + 0.5, Fraction(1)), (START + 15.5, Fraction(2))]
