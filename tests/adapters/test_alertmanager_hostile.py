"""An Alertmanager that means harm: each answer ends as an error without its words, in bounded time and memory."""

import time
from datetime import UTC, datetime

import pytest

from deadband.adapters import alertmanager
from deadband.adapters.alertmanager import AlertmanagerAlerts
from deadband.ports import Alert
from tests.adapters.memory import traced
from tests.adapters.raw_server import Script, dripping, endless, saying, serve_raw

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALERT = Alert(labels={"alertname": "Test"}, annotations={}, starts_at=AT, ends_at=AT)
SECRET = b"s3cret-from-a-body"
OK = b"HTTP/1.1 200 OK\r\n"

ANSWERS = [
    ("a teapot", saying(b"HTTP/1.1 418 s3cret-from-a-body\r\nContent-Length: 18\r\n\r\n", SECRET)),
    ("not HTTP at all", saying(SECRET)),
    ("no answer at all", saying()),
    ("a status beyond numbers", saying(b"HTTP/1.1 9999999 s3cret\r\n\r\n")),
    ("a line of status without end", endless(b"HTTP/1.1 200 ", b"x" * 65536)),
    ("a header without end", endless(OK + b"X-Long: ", b"x" * 65536)),
    ("headers without end", endless(OK, b"X-One: more\r\n" * 100)),
    ("two lengths", saying(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", SECRET)),
    ("gigabytes of a refusal", endless(b"HTTP/1.1 500 No\r\n\r\n", b" " * 65536)),
    ("a redirect to this machine's files", saying(b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n")),
    ("headers that drip", dripping(OK, b"X-One: more\r\n")),
    ("a status line that drips", dripping(b"HTTP/1.1 200 ", b"x")),
    ("interim answers that drip", dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
]


@pytest.mark.parametrize("script", [pytest.param(script, id=name) for name, script in ANSWERS])
async def test_a_hostile_answer_is_an_error_without_its_words(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "TIMEOUT_SECONDS", 0.4)
    with traced() as peak, serve_raw(script) as address:
        alerts = AlertmanagerAlerts([f"http://{address}"], lambda *_: None)
        started = time.monotonic()
        failures = await alerts.send([ALERT])
        held, took = peak(), time.monotonic() - started
        await alerts.close()

    (error,) = failures.values()
    assert "s3cret" not in str(error)
    assert took < 5
    assert held < 16 * 1024 * 1024
