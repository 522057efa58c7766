"""A source that means harm: each answer ends as a reading's reason, in bounded time and memory, with nothing of it told.

The bytes are sent by a bare socket, since no HTTP library would.
"""

import gzip
import json
import logging
import time
import zlib
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from deadband.adapters import prometheus_answers, prometheus_connection
from deadband.adapters.prometheus import PrometheusMetrics
from deadband.adapters.prometheus_answers import AskError, parse_answer, parse_ranges, parse_version
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import Grid
from deadband.queries.types import Answer, Answered, Failed, Question
from tests.adapters.memory import traced
from tests.adapters.raw_server import Script, dripping, endless, saying, serve_raw

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UP = Question("main", "up", 2)
SECRET = b"s3cret-from-a-body"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NOT_THE_API = "the answer is not what the Prometheus HTTP API gives"
MEGABYTE = 1024 * 1024
PATIENT = 20.0
"""Where a deadline is not what is tried, a busy machine must not meet it."""


class Silent:
    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Count nothing."""


async def ask(script: Script, *, scheme: str = "http", greet: bool = False) -> Answer:
    with serve_raw(script, greet=greet) as address:
        metrics = PrometheusMetrics(Silent())
        metrics.update_sources({"main": MetricSourceSpec(url=f"{scheme}://{address}", timeout_seconds=1)})
        answer = (await metrics.ask([UP], at=NOW))[UP]
        metrics.close()
    return answer


def body(result: str, **more: str) -> bytes:
    rest = "".join(f',"{name}":{value}' for name, value in more.items())
    return f'{{"status":"success","data":{{"resultType":"vector","result":{result}}}{rest}}}'.encode()


def whole(content: bytes, *headers: bytes) -> bytes:
    return (
        OK + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(content) + content
    )


ONE = body('[{"metric":{},"value":[1,"2"]}]')
TEAPOT = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 18\r\n\r\n" + SECRET
TOO_LARGE = f"the answer is larger than {prometheus_connection.MAX_BODY_BYTES} bytes"

ANSWERS = [
    ("a teapot", saying(TEAPOT), "HTTP 418"),
    ("not HTTP at all", saying(SECRET), "the connection failed"),
    ("no answer at all", saying(), "the connection failed"),
    ("a line of status without end", endless(b"HTTP/1.1 200 ", b"x" * 65536), "the connection failed"),
    ("a header without end", endless(OK + b"X-Long: ", b"x" * 65536), "the connection failed"),
    ("headers without end", endless(OK, b"X-One: more\r\n"), "the connection failed"),
    ("a hundred headers of 60 kB", saying(OK, (b"X: " + b"x" * 60_000 + b"\r\n") * 101), "the connection failed"),
    ("a negative length", saying(OK + b"Content-Length: -1\r\n\r\n" + SECRET), NOT_THE_API),
    ("a length that is no number", saying(OK + b"Content-Length: 1e3\r\n\r\n" + SECRET), NOT_THE_API),
    ("two lengths", saying(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + SECRET), None),
    ("a length of petabytes", endless(OK + b"Content-Length: 9999999999999999\r\n\r\n", b" " * 65536), TOO_LARGE),
    ("gigabytes without a length", endless(OK + b"\r\n", b" " * 65536), TOO_LARGE),
    ("gigabytes in chunks", endless(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), TOO_LARGE),
    ("a chunk whose size is no number", saying(CHUNKED, b"zz\r\n", SECRET), None),
    ("a chunk of a negative size", saying(CHUNKED, b"-5\r\n", SECRET), None),
    ("chunks that stop", saying(CHUNKED, b"ff\r\n", SECRET), None),
    ("what says that it is compressed and is not", saying(whole(SECRET, b"Content-Encoding: gzip")), None),
    ("compressed a hundred times", saying(whole(SECRET, b"Content-Encoding: " + b"gzip," * 100)), None),
    ("a compression nobody knows", saying(whole(SECRET, b"Content-Encoding: s3cret")), NOT_THE_API),
    ("an old HTTP that says nothing of its length", saying(b"HTTP/1.0 200 OK\r\n\r\n", SECRET), NOT_THE_API),
    ("a redirect to what cannot be parsed", saying(b"HTTP/1.1 302 F\r\nLocation: http://[::1/\r\n\r\n"), "HTTP 302"),
    ("a redirect to this machine's files", saying(b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n"), "HTTP 302"),
    ("a redirect with gigabytes", endless(b"HTTP/1.1 302 F\r\nLocation: /\r\n\r\n", b" " * 65536), TOO_LARGE),
    ("100,000 levels", saying(whole(b'{"a":' * 100_000)), NOT_THE_API),
    ("a number of 100,000 digits", saying(whole(body("[" + "9" * 100_000 + "]"))), NOT_THE_API),
    ("a time that is no number", saying(whole(body('[{"metric":{},"value":[NaN,"2"]}]'))), NOT_THE_API),
    ("a time beyond every float", saying(whole(body('[{"metric":{},"value":[1e400,"2"]}]'))), NOT_THE_API),
    ("a label that is a list", saying(whole(body('[{"metric":{"namespace":[]},"value":[1,"2"]}]'))), NOT_THE_API),
    ("a label that is a number", saying(whole(body('[{"metric":{"namespace":1},"value":[1,"2"]}]'))), NOT_THE_API),
    ("half of a letter", saying(whole(b'{"status":"success\xed\xa0"}')), NOT_THE_API),
    ("an error in another's words", saying(whole(b'{"status":"error","errorType":"s3cret-from-a-body"}')), "HTTP 200"),
    ("a type in another's words", saying(whole(ONE.replace(b"vector", SECRET))), "the answer is a result of an unknown type, not an instant vector"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "message"), [pytest.param(*row[1:], id=row[0]) for row in ANSWERS])
async def test_a_hostile_answer_is_an_error_that_repeats_nothing_of_it(
    script: Script, message: str | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", PATIENT)
    caplog.set_level(logging.INFO)

    answer = await ask(script)

    assert isinstance(answer, Failed)
    assert answer.reason is Reason.ERROR
    assert message is None or answer.message == message
    assert "s3cret" not in answer.message
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(saying(b"HTTP/1.0 200 OK\r\n\r\n", ONE), id="in an old HTTP"),
        pytest.param(saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, whole(ONE)), id="after interim answers"),
        pytest.param(saying(CHUNKED, b"%x\r\n" % len(ONE), ONE, b"\r\n0\r\n\r\n"), id="in chunks"),
        pytest.param(saying(whole(ONE.replace(b'"status"', b'"status":"error","status"'))), id="with a key twice"),
    ],
)
async def test_an_odd_answer_is_read_where_its_meaning_is_clear(script: Script) -> None:
    answer = await ask(script)

    assert isinstance(answer, Answered)
    assert [series.value for series in answer.series] == [2]


SLOW = [
    ("a status line", dripping(b"HTTP/1.1 200 ", b"x")),
    ("headers", dripping(OK, b"X-One: more\r\n")),
    ("a header", dripping(OK + b"X-Long: ", b"x")),
    ("interim answers", dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    ("a body with its length", dripping(OK + b"Content-Length: 99999\r\n\r\n", b" ")),
    ("a body without its length", dripping(OK + b"\r\n", b" ")),
    ("chunks", dripping(CHUNKED, b"1\r\n \r\n")),
    ("the size of a chunk", dripping(CHUNKED, b"0")),
    ("trailers", dripping(CHUNKED + b"0\r\n", b"X-One: more\r\n")),
    ("what unpacks to nothing", dripping(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff")),
    ("the body of a redirect", dripping(b"HTTP/1.1 302 F\r\nLocation: /\r\n\r\n", b" ")),
]  # fmt: skip


@pytest.mark.parametrize("script", [pytest.param(script, id=name) for name, script in SLOW])
async def test_the_deadline_is_for_the_whole_answer_however_it_drips(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", -0.7)
    started = time.monotonic()

    answer = await ask(script)

    assert answer == Failed(Reason.TIMEOUT, "no whole answer within 1 s")
    assert time.monotonic() - started < 5


async def test_the_deadline_covers_the_greeting_of_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", -0.7)
    # The head of a record of 16 kB, which then comes byte by byte.
    script = dripping(b"\x16\x03\x03\x40\x00\x02", b"\x00")

    assert await ask(script, scheme="https", greet=True) == Failed(Reason.TIMEOUT, "no whole answer within 1 s")


def bomb(levels: int) -> bytes:
    """What unpacks to 64 MB of blanks, compressed so many times over."""
    packed = b" " * (64 * MEGABYTE)
    for _ in range(levels):
        packed = gzip.compress(packed, 9)
    return whole(packed, b"Content-Encoding: " + b", ".join([b"gzip"] * levels))


MEMORY = [
    ("gigabytes", endless(OK + b"\r\n", b" " * 65536), TOO_LARGE),
    ("gigabytes behind a redirect", endless(b"HTTP/1.1 302 F\r\nLocation: /\r\n\r\n", b" " * 65536), TOO_LARGE),
    ("a bomb", saying(bomb(1)), TOO_LARGE),
    ("a bomb in a bomb", saying(bomb(2)), TOO_LARGE),
    ("a bomb of another make", saying(whole(zlib.compress(b" " * (64 * MEGABYTE)), b"Content-Encoding: deflate")), TOO_LARGE),
    ("five million empty objects", saying(whole(body("[" + "{}," * 5_000_000 + "{}]"))), "the answer has more than 1000000 parts"),
    ("eight million numbers", saying(whole(body("[" + "1," * 7_900_000 + "1]"))), "the answer has more than 1000000 parts"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "message"), [pytest.param(*row[1:], id=row[0]) for row in MEMORY])
async def test_no_answer_takes_much_more_memory_than_the_largest_body(
    script: Script, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", PATIENT)
    with traced() as peak:
        answer = await ask(script)
        held = peak()

    assert answer == Failed(Reason.ERROR, message)
    assert held < 4 * prometheus_connection.MAX_BODY_BYTES


def test_what_tells_no_version_takes_no_memory() -> None:
    """It is asked beside the questions, so that what it takes comes on top."""
    content = body("[" + "1," * 7_900_000 + "1]")
    with traced() as peak:
        version = parse_version(200, content)
        held = peak()

    assert version is None
    assert held < MEGABYTE


async def test_100_000_series_are_many_and_cost_no_more_than_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_connection, "_GRACE_SECONDS", PATIENT)
    rows = [{"metric": {"pod": f"p-{n}"}, "value": [1, "2"]} for n in range(100_000)]

    answer = await ask(saying(whole(body(json.dumps(rows)))))

    assert isinstance(answer, Answered)
    assert len(answer.series) == UP.limit


NUMBERS = [
    ("0", Fraction(0)),
    ("-0", Fraction(0)),
    ("5e-324", Fraction(5, 10**324)),
    ("1.7976931348623157e+308", Fraction(17976931348623157 * 10**292)),
    ("NaN", None),
    ("+Inf", None),
    ("-Inf", None),
    ("Inf", None),
    ("1e400", "refused"),
    ("-1e400", "refused"),
    ("9" * 400, "refused"),
    ("1e100000", "refused"),
    ("1e-100000", "refused"),
    ("9" * 1_000_000, "refused"),
    ("nan", "refused"),
    ("Infinity", "refused"),
    ("inf", "refused"),
    ("1_000", "refused"),
    ("0x10", "refused"),
    ("1/3", "refused"),
    (" 1", "refused"),
    ("1\n", "refused"),
    ("", "refused"),
    ("\u0661", "refused"),
]


@pytest.mark.parametrize(
    ("text", "value"), NUMBERS, ids=[text[:12].encode("unicode_escape").decode() for text, _ in NUMBERS]
)
def test_a_number_is_what_go_writes_for_a_float_and_nothing_else(text: str, value: Fraction | str | None) -> None:
    answer = body(json.dumps([{"metric": {}, "value": [1, text]}]))

    if value == "refused":
        with pytest.raises(AskError, match=NOT_THE_API):
            parse_answer(200, answer, limit=2)
    else:
        assert [series.value for series in parse_answer(200, answer, limit=2).series] == [value]


def test_long_numbers_are_not_remembered() -> None:
    before = prometheus_answers._common_number.cache_info().currsize
    for n in range(1000):
        parse_answer(200, body(f'[{{"metric":{{}},"value":[1,"0.{n:0300}"]}}]'), limit=2)

    assert prometheus_answers._common_number.cache_info().currsize == before


@pytest.mark.parametrize(
    "at", ["NaN", "Infinity", "1e400", "1" + "0" * 400, '"x"', "null", "[]"], ids=lambda text: text[:9]
)
def test_times_of_a_range_are_finite_numbers(at: str) -> None:
    answer = (
        f'{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[{at},"1"]]}}]}}}}'
    )

    with pytest.raises(AskError, match=NOT_THE_API):
        parse_ranges(200, answer.encode(), Grid(0, 15, 4))


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("3.16.0", "3.16.0"),
        ("v0.38.0-rc.1+deb", "v0.38.0-rc.1+deb"),
        ("<script>", None),
        ("root:x:0:0", None),
        ("1\n2", None),
        ("9" * 65, None),
        ("\ud800", None),
    ],
    ids=range(7),
)
def test_a_version_is_shown_only_where_it_looks_like_one(version: str, shown: str | None) -> None:
    answer = json.dumps({"status": "success", "data": {"version": version}}).encode()

    assert parse_version(200, answer) == shown
