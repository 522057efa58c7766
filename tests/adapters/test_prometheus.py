"""The adapter against a real HTTP server: what it sends, and what it makes of every kind of answer."""

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from deadband.adapters import prometheus_connection
from deadband.adapters.prometheus import PrometheusMetrics
from deadband.adapters.prometheus_answers import is_of_another_time
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.sampling import Sampling
from deadband.queries.types import Answer, Answered, Failed, Question, Series
from tests.adapters.prometheus_server import Reply, Request, Server, failure, serve, success, vector

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMIT = 10
UP = Question("main", "up", LIMIT)
SECRET = "s3cret-from-a-body"


class FakeObserver:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def queried(self, source: str, seconds: float, outcome: str) -> None:
        assert seconds >= 0
        self.seen.append((source, outcome))


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def observer() -> FakeObserver:
    return FakeObserver()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def metrics(server: Server, observer: FakeObserver, clock: FakeClock) -> AsyncIterator[PrometheusMetrics]:
    adapter = PrometheusMetrics(observer, clock=clock)
    adapter.update_sources({"main": spec(server)})
    yield adapter
    adapter.close()


def spec(server: Server, **more: object) -> MetricSourceSpec:
    return MetricSourceSpec.model_validate({"url": server.url, "timeoutSeconds": 1, **more})


async def ask(metrics: PrometheusMetrics, question: Question = UP) -> Answer:
    return (await metrics.ask([question], at=NOW))[question]


@pytest.mark.parametrize(
    ("ahead", "known"),
    [
        pytest.param(0, True, id="the same time"),
        pytest.param(9, True, id="within what a sample may be old"),
        pytest.param(12, False, id="ahead of us"),
        pytest.param(-12, False, id="behind us: an answer about what has not come yet"),
    ],
)
async def test_a_source_whose_clock_is_another_is_not_believed(
    server: Server, observer: FakeObserver, ahead: int, known: bool
) -> None:
    adapter = PrometheusMetrics(observer, now=lambda: datetime.now(UTC) - timedelta(seconds=ahead))
    adapter.update_sources({"main": spec(server, staleAfterSeconds=10)})
    server.answer = lambda _: vector("1")

    answer = await ask(adapter)
    adapter.close()

    assert isinstance(answer, Answered) is known
    if isinstance(answer, Failed):
        assert answer.reason is Reason.STALE
        assert answer.message == "the clocks of deadband and of the source differ by more than 10 s"
    assert adapter.health("main").reachable is not False


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Foo 2026"])
def test_an_answer_without_a_readable_date_is_taken_as_it_is(date: str | None) -> None:
    assert not is_of_another_time(date, now=NOW, tolerance=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("stale", "lookback"),
    [
        pytest.param({}, {}, id="the source's own lookback"),
        pytest.param(
            {"staleAfterSeconds": 45}, {"lookback_delta": "45s", "max_lookback": "45s"}, id="a lookback that is set"
        ),
    ],
)
async def test_a_query_travels_in_the_form_with_its_time_and_limits(
    metrics: PrometheusMetrics, server: Server, stale: dict[str, int], lookback: dict[str, str]
) -> None:
    metrics.update_sources({"main": spec(server, **stale)})

    await ask(metrics, Question("main", "sum(up)", 7))

    (request,) = server.queries
    assert request.target == "/api/v1/query"
    assert request.form == {"query": "sum(up)", "time": "1772366400.500", "timeout": "1s", "limit": "7", **lookback}
    assert request.headers["Accept-Encoding"] == "identity"


async def test_the_headers_and_the_path_of_the_source_are_used(metrics: PrometheusMetrics, server: Server) -> None:
    headers = [{"name": "X-Scope-OrgID", "value": "sales"}]
    metrics.update_sources({"main": spec(server, url=f"{server.url}/select/0/", headers=headers)})

    await ask(metrics)

    assert server.queries[0].target == "/select/0/api/v1/query"
    assert server.queries[0].headers["X-Scope-OrgID"] == "sales"


PARAMETERS = [
    {"name": "dedup", "value": "true"},
    {"name": "namespace", "value": "team a&b"},
    {"name": "storeMatch[]", "value": '{a="b"}'},
    {"name": "storeMatch[]", "value": '{a="c"}'},
]
SENT = [(each["name"], each["value"]) for each in PARAMETERS]


@pytest.mark.parametrize("status", [200, 405], ids=["by POST", "by GET"])
async def test_the_parameters_of_the_source_are_in_the_url_of_every_request(
    metrics: PrometheusMetrics, server: Server, status: int
) -> None:
    server.answer = lambda request: vector("1") if request.method == "GET" else Reply(vector("1").body, status)
    metrics.update_sources({"main": spec(server, queryParameters=PARAMETERS)})

    await ask(metrics)
    await learned()

    assert [list(each.parameters)[:4] for each in [*server.queries, *server.looks]] == [SENT] * (
        len(server.queries) + 1
    )
    assert {each.form["query"] for each in server.queries} == {"up"}
    assert not set(server.queries[0].form) & {"dedup", "namespace"}


def methods(server: Server) -> list[str]:
    return [request.method for request in server.queries]


@pytest.mark.parametrize("status", [405, 501])
async def test_a_source_that_takes_no_post_is_asked_by_get_and_once_an_hour_by_post_again(
    metrics: PrometheusMetrics, server: Server, clock: FakeClock, status: int
) -> None:
    server.answer = lambda request: vector("5") if request.method == "GET" else Reply(b"", status)

    first, second = await ask(metrics), await ask(metrics)

    assert isinstance(first, Answered)
    assert first == second
    assert methods(server) == ["POST", "GET", "GET"]
    by_post, by_get, _ = server.queries
    assert by_post.form == by_get.form
    assert metrics.health("main").reachable is True
    assert metrics.health("main").last_error is None

    server.answer = lambda _: vector("5")
    clock.now += 3599
    await ask(metrics)
    clock.now += 1
    await ask(metrics)
    await ask(metrics)
    assert methods(server)[3:] == ["GET", "POST", "POST"]


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
async def test_no_other_refusal_is_taken_for_one_of_post(
    metrics: PrometheusMetrics, server: Server, status: int
) -> None:
    server.answer = lambda _: Reply(b"", status)

    await ask(metrics)

    assert methods(server) == ["POST"]


async def test_a_source_that_takes_neither_is_asked_by_both_each_time(
    metrics: PrometheusMetrics, server: Server
) -> None:
    server.answer = lambda _: Reply(b"", 501)

    assert await ask(metrics) == Failed(Reason.ERROR, "HTTP 501")
    server.answer = lambda _: vector("1")
    await ask(metrics)

    assert methods(server) == ["POST", "GET", "POST"]
    assert metrics.health("main").reachable is True


ANSWERS = [
    ("one series", vector("1.5"), (Fraction(3, 2),)),
    ("no series", vector(), ()),
    ("decimals are exact", vector("0.1", "1e-05", "-2.5E+2"), (Fraction(1, 10), Fraction(1, 100_000), Fraction(-250))),
    ("NaN and the infinities are no numbers", vector("NaN", "+Inf", "-Inf"), (None, None, None)),
    ("a scalar is one series", success("scalar", [1772366400.0, "3"]), (Fraction(3),)),
    ("a native histogram is no number", success("vector", [{"metric": {}, "histogram": [1.0, {}]}]), (None,)),
    ("infos are not warnings", vector("1", infos=["the metric might not be a counter"]), (Fraction(1),)),
    ("a server that compresses although told not to", Reply(gzip.compress(vector("1").body), 200, {"Content-Encoding": "gzip"}), (Fraction(1),)),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "values"), [pytest.param(*row[1:], id=row[0]) for row in ANSWERS])
async def test_an_answer_becomes_series(
    metrics: PrometheusMetrics, server: Server, reply: Reply, values: tuple[Fraction | None, ...]
) -> None:
    server.answer = lambda _: reply

    answer = await ask(metrics)

    assert isinstance(answer, Answered)
    assert tuple(series.value for series in answer.series) == values
    assert answer.warnings == ()


async def test_labels_and_the_time_of_the_answer_are_kept(metrics: PrometheusMetrics, server: Server) -> None:
    server.answer = lambda _: vector("1", "2")

    assert await ask(metrics) == Answered((Series({"n": "0"}, Fraction(1), AT), Series({"n": "1"}, Fraction(2), AT)))


async def test_warnings_come_with_the_answer(metrics: PrometheusMetrics, server: Server) -> None:
    server.answer = lambda _: vector("1", warnings=["a store did not answer"])

    answer = await ask(metrics)

    assert isinstance(answer, Answered)
    assert answer.warnings == ("a store did not answer",)


async def test_more_series_than_the_limit_are_left_out_where_the_backend_ignores_it(
    metrics: PrometheusMetrics, server: Server
) -> None:
    server.answer = lambda _: vector(*("1" for _ in range(1000)))

    answer = await ask(metrics)

    assert isinstance(answer, Answered)
    assert len(answer.series) == LIMIT


async def learned() -> None:
    """Wait for what the adapter finds out of a source in the background."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("learn ")))


NOT_THE_API = "the answer is not what the Prometheus HTTP API gives"
FAILURES = [
    ("bad PromQL", failure(400, "bad_data", SECRET), Reason.ERROR, "the source rejects the query: HTTP 400 bad_data"),
    (
        "a failed execution",
        failure(422, "execution", SECRET),
        Reason.ERROR,
        "the source failed to execute the query: HTTP 422 execution",
    ),
    ("a page of a proxy that rejects something", Reply(SECRET.encode(), 400), Reason.ERROR, "HTTP 400"),
    ("a URL that is too long for a proxy", Reply(SECRET.encode(), 414), Reason.ERROR, "HTTP 414"),
    ("the server's own timeout", failure(503, "timeout", SECRET), Reason.TIMEOUT, "HTTP 503 timeout"),
    ("an unknown error type", failure(500, SECRET), Reason.ERROR, "HTTP 500"),
    ("an error page of a proxy", Reply(SECRET.encode(), 503), Reason.ERROR, "HTTP 503"),
    ("no permission", Reply(SECRET.encode(), 403), Reason.ERROR, "HTTP 403"),
    ("a redirect", Reply(b"", 302, {"Location": "/elsewhere"}), Reason.ERROR, "HTTP 302"),
    ("an empty body", Reply(b""), Reason.ERROR, NOT_THE_API),
    ("a web page", Reply(b"<html>"), Reason.ERROR, NOT_THE_API),
    ("JSON that ends early", Reply(vector("1").body[:-9]), Reason.ERROR, NOT_THE_API),
    ("a body that ends early", Reply(vector("1").body, length=999), Reason.ERROR, None),
    ("JSON of another form", Reply(b'{"status": "success"}'), Reason.ERROR, NOT_THE_API),
    ("JSON that is a list", Reply(b"[1]"), Reason.ERROR, NOT_THE_API),
    ("JSON nested without end", Reply(b"[" * 100_000), Reason.ERROR, NOT_THE_API),
    ("bytes that are no text", Reply(b"\xff\xfe\xfa"), Reason.ERROR, NOT_THE_API),
    (
        "a number where a text should be",
        success("vector", [{"metric": {}, "value": [1, 2]}]),
        Reason.ERROR,
        NOT_THE_API,
    ),
    ("a text that is no number", vector("many"), Reason.ERROR, NOT_THE_API),
    ("a number that would fill the memory", vector("1e-999999999"), Reason.ERROR, NOT_THE_API),
    ("a time out of range", success("scalar", [1e300, "1"]), Reason.ERROR, NOT_THE_API),
    ("series without labels", success("vector", [{"value": [1, "2"]}]), Reason.ERROR, NOT_THE_API),
    ("warnings that are no list", vector("1", warnings="x"), Reason.ERROR, NOT_THE_API),
    ("an error with status 200", failure(200, "internal", SECRET), Reason.ERROR, "HTTP 200 internal"),
    ("a range vector", success("matrix", []), Reason.ERROR, "the answer is a matrix, not an instant vector"),
    ("a string", success("string", [1, "a"]), Reason.ERROR, "the answer is a string, not an instant vector"),
]


@pytest.mark.parametrize(("reply", "reason", "message"), [pytest.param(*row[1:], id=row[0]) for row in FAILURES])
async def test_what_is_no_answer_is_a_failure_without_the_servers_words(
    metrics: PrometheusMetrics, server: Server, reply: Reply, reason: Reason, message: str | None
) -> None:
    server.answer = lambda _: reply

    answer = await ask(metrics)

    assert isinstance(answer, Failed)
    assert answer.reason is reason
    assert message is None or answer.message == message
    assert SECRET not in answer.message
    assert server.url not in answer.message


async def test_a_redirect_is_not_followed(metrics: PrometheusMetrics, server: Server) -> None:
    server.answer = lambda _: Reply(b"", 307, {"Location": f"{server.url}/api/v1/query"})

    await ask(metrics)

    assert len(server.queries) == 1


async def test_a_server_that_is_not_there_is_an_error(server: Server, observer: FakeObserver) -> None:
    metrics = PrometheusMetrics(observer)
    metrics.update_sources({"main": spec(server, url="http://127.0.0.1:1")})

    answer = await ask(metrics)
    health = metrics.health("main")
    metrics.close()

    assert answer == Failed(Reason.ERROR, "the connection failed")
    assert (health.reachable, health.last_error) == (False, "the connection failed")


async def test_a_server_that_says_nothing_is_a_timeout(
    metrics: PrometheusMetrics, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", -0.8)
    released = threading.Event()

    def hang(_: Request) -> Reply:
        released.wait()
        return vector("1")

    server.answer = hang

    answer = await ask(metrics)
    released.set()

    assert answer == Failed(Reason.TIMEOUT, "no whole answer within 1 s")


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    metrics: PrometheusMetrics, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "MAX_BODY_BYTES", 1000)
    server.answer = lambda _: vector(*("1" for _ in range(100)))

    assert await ask(metrics) == Failed(Reason.ERROR, "the answer is larger than 1000 bytes")


async def test_a_compressed_answer_is_bounded_by_what_it_unpacks_to(
    metrics: PrometheusMetrics, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "MAX_BODY_BYTES", 100_000)
    server.answer = lambda _: Reply(gzip.compress(b" " * 10_000_000), 200, {"Content-Encoding": "gzip"})

    assert await ask(metrics) == Failed(Reason.ERROR, "the answer is larger than 100000 bytes")


async def test_a_source_that_does_not_exist_is_not_found(metrics: PrometheusMetrics) -> None:
    question = Question("elsewhere", "up", LIMIT)

    assert await ask(metrics, question) == Failed(Reason.SOURCE_NOT_FOUND, "MetricSource elsewhere does not exist")


async def test_equal_questions_are_asked_once(metrics: PrometheusMetrics, server: Server) -> None:
    answers = await metrics.ask([UP, Question("main", "up", LIMIT)], at=NOW)

    assert list(answers) == [UP]
    assert len(server.queries) == 1


async def test_no_more_queries_are_under_way_than_the_source_allows(metrics: PrometheusMetrics, server: Server) -> None:
    metrics.update_sources({"main": spec(server, maxConcurrentQueries=3, timeoutSeconds=30)})
    lock, full, running, most = threading.Lock(), threading.Event(), 0, 0

    def count(_: Request) -> Reply:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
        full.wait()
        with lock:
            running -= 1
        return vector("1")

    server.answer = count

    await metrics.ask([Question("main", f"x{number}", LIMIT) for number in range(12)], at=NOW)

    assert most == 3


async def test_one_source_that_hangs_does_not_delay_another(
    metrics: PrometheusMetrics, server: Server, observer: FakeObserver
) -> None:
    with serve() as healthy:
        metrics.update_sources({"main": spec(server, timeoutSeconds=30), "other": spec(healthy)})
        released = threading.Event()

        def hang(_: Request) -> Reply:
            released.wait()
            return vector("1")

        server.answer = hang
        slow = asyncio.create_task(metrics.ask([UP], at=NOW))

        answer = await ask(metrics, Question("other", "up", LIMIT))

        assert answer == Answered(())
        assert not slow.done()
        released.set()
        await slow


async def test_a_query_nobody_waits_for_any_more_still_counts(
    metrics: PrometheusMetrics, server: Server, observer: FakeObserver
) -> None:
    metrics.update_sources({"main": spec(server, maxConcurrentQueries=1, timeoutSeconds=30)})
    arrived, released = threading.Event(), threading.Event()

    def hold(_: Request) -> Reply:
        arrived.set()
        released.wait()
        return Reply(b"", 500)

    server.answer = hold
    asked = asyncio.create_task(ask(metrics))
    await asyncio.to_thread(arrived.wait)
    asked.cancel()
    server.answer = lambda _: vector("1")
    released.set()
    await ask(metrics)

    assert observer.seen == [("main", "Error"), ("main", "ok")]
    assert metrics.health("main").last_error == "HTTP 500"


async def test_observers_are_told_of_every_query_and_its_outcome(
    metrics: PrometheusMetrics, server: Server, observer: FakeObserver
) -> None:
    await ask(metrics)
    server.answer = lambda _: failure(503, "timeout")
    await ask(metrics)

    assert observer.seen == [("main", "ok"), ("main", "Timeout")]


async def test_a_source_whose_spec_is_unchanged_keeps_its_figures(metrics: PrometheusMetrics, server: Server) -> None:
    await ask(metrics)

    metrics.update_sources({"main": spec(server)})
    assert metrics.health("main").reachable is True

    metrics.update_sources({"main": spec(server, timeoutSeconds=2)})
    assert metrics.health("main").reachable is None


async def test_a_source_that_changes_while_it_is_asked_still_answers(
    metrics: PrometheusMetrics, server: Server
) -> None:
    arrived, released = threading.Event(), threading.Event()

    def hold(_: Request) -> Reply:
        arrived.set()
        released.wait()
        return vector("1")

    server.answer = hold
    asked = asyncio.create_task(ask(metrics))
    await asyncio.to_thread(arrived.wait)

    metrics.update_sources({})
    released.set()

    assert isinstance(await asked, Answered)


async def test_after_five_failures_in_a_row_nothing_is_asked_until_a_probe_succeeds(
    metrics: PrometheusMetrics, server: Server, clock: FakeClock
) -> None:
    server.answer = lambda _: Reply(b"", 503)
    for _ in range(5):
        await ask(metrics)

    refused = await ask(metrics)
    assert refused == Failed(Reason.ERROR, "HTTP 503")
    assert len(server.queries) == 5

    clock.now += 10
    questions = [Question("main", f"x{number}", LIMIT) for number in range(4)]
    answers = await metrics.ask(questions, at=NOW)
    assert all(isinstance(answer, Failed) for answer in answers.values())
    assert len(server.queries) == 6  # the probe alone

    server.answer = lambda _: vector("1")
    clock.now += 10
    answers = await metrics.ask(questions, at=NOW)
    assert all(isinstance(answer, Answered) for answer in answers.values())


async def test_bad_queries_of_one_policy_do_not_stop_the_source_for_others(
    metrics: PrometheusMetrics, server: Server
) -> None:
    server.answer = lambda _: failure(422, "execution")
    for _ in range(20):
        await ask(metrics)
    server.answer = lambda _: vector("1")

    assert isinstance(await ask(metrics), Answered)


async def test_health_tells_what_was_seen(metrics: PrometheusMetrics, server: Server, clock: FakeClock) -> None:
    assert metrics.health("main").reachable is None

    await ask(metrics)
    clock.now += 9
    server.answer = lambda _: Reply(b"", 500)
    await ask(metrics)
    clock.now += 1
    await learned()

    health = metrics.health("main")
    assert health.reachable is False
    assert health.version == "3.16.0"
    assert health.queries_per_second is None, "ten seconds tell no rate"
    assert health.last_error == "HTTP 500"
    assert health.last_error_time == NOW
    assert health.ignores_lookback is None

    server.answer = lambda _: vector("1")
    clock.now += 90
    await ask(metrics)
    assert metrics.health("main").queries_per_second == pytest.approx(3 / 100)
    assert metrics.health("main").reachable is True
    assert metrics.health("main").last_error == "HTTP 500"


async def test_figures_older_than_five_minutes_are_forgotten(metrics: PrometheusMetrics, clock: FakeClock) -> None:
    await ask(metrics)
    clock.now += 301

    assert metrics.health("main").queries_per_second == 0


async def test_a_backend_without_build_information_has_no_version(metrics: PrometheusMetrics, server: Server) -> None:
    server.buildinfo = Reply(json.dumps({"status": "error"}).encode(), 404)

    assert isinstance(await ask(metrics), Answered)
    await learned()
    assert metrics.health("main").version is None


@pytest.mark.parametrize(
    ("at_hand", "beyond", "ignores"),
    [
        pytest.param(vector("3"), vector(), False, id="a backend that looks back as far as told"),
        pytest.param(vector("3"), vector("3"), True, id="a backend that always looks back five minutes"),
        pytest.param(vector(), vector(), None, id="a backend without a series to try it on"),
        pytest.param(failure(422, "execution"), vector(), None, id="a backend that does not answer"),
    ],
)
async def test_a_backend_that_ignores_the_lookback_is_found_out(
    metrics: PrometheusMetrics, server: Server, at_hand: Reply, beyond: Reply, ignores: bool | None
) -> None:
    server.up = lambda request: at_hand if float(request.form["time"]) <= NOW.timestamp() else beyond

    await ask(metrics)
    await learned()

    assert metrics.health("main").ignores_lookback is ignores


async def test_the_scrape_interval_is_learned_and_looked_for_again_soon_while_it_is_not_known(
    metrics: PrometheusMetrics, server: Server, clock: FakeClock
) -> None:
    server.intervals = lambda _: vector()
    await ask(metrics)
    await learned()
    assert metrics.health("main").sampling is None

    server.intervals = lambda _: vector("15.2")
    clock.now += 29
    await ask(metrics)
    await learned()
    assert metrics.health("main").sampling is None

    clock.now += 1
    await ask(metrics)
    await learned()
    assert metrics.health("main").sampling == Sampling(interval=15, slowest=15, slowest_job="")


async def test_a_source_is_looked_at_once_an_hour_and_not_with_every_query(
    metrics: PrometheusMetrics, server: Server, clock: FakeClock
) -> None:
    await ask(metrics)
    await learned()
    server.buildinfo = Reply(json.dumps({"status": "success", "data": {"version": "4"}}).encode())

    clock.now += 3599
    await ask(metrics)
    await learned()
    assert metrics.health("main").version == "3.16.0"

    clock.now += 1
    await ask(metrics)
    await learned()
    assert metrics.health("main").version == "4"
