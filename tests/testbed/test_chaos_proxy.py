"""The proxy of the fault suite, before a small server: what it names, records, spoils and lets through."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from e2e.chaos.exchanges import read_kubernetes, read_prometheus
from e2e.chaos.proxy import Proxy
from e2e.chaos.streams import Stream
from e2e.chaos.tampering import (
    Answer,
    Delay,
    DropEvents,
    Edit,
    Freeze,
    HoldEvents,
    LoseAnswer,
    Match,
    Refuse,
    RepeatEvents,
    RequestFault,
    Reset,
    Rule,
    ShiftDate,
    StreamFault,
    SwapEvents,
    Then,
    Truncate,
)
from e2e.testbed.pki import Authority
from e2e.testbed.processes import wait_until

PODS = "/api/v1/namespaces/shop/pods/api"
WATCH = "/apis/apps/v1/deployments?watch=true"


class Upstream(ThreadingHTTPServer):
    """Answers with {"n": 1, …} and counts; a watch gets the events that a test puts in, until it ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.events: list[bytes] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Upstream)
        self.server.asked.append(self.path)
        if "watch" in self.path:
            self._watch(self.server)
            return
        body = json.dumps({"n": len(self.server.asked), "more": "x" * 100}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, server: Upstream) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while not server.ended.wait(0.01):
            for line in server.events[sent:]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                sent += 1
            self.wfile.flush()

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.url, read_kubernetes, name="operator") as running:
        yield running


def get(proxy: Proxy, path: str = PODS, **options: Any) -> requests.Response:
    return requests.get(f"{proxy.url}{path}", timeout=5, **options)


@pytest.mark.parametrize(
    ("method", "target", "named"),
    [
        ("GET", "/api/v1/namespaces/shop/pods/api", ("get", "pods", "shop", "api")),
        ("GET", "/api/v1/namespaces/shop/pods", ("list", "pods", "shop", "")),
        ("GET", "/api/v1/namespaces", ("list", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/shop", ("get", "namespaces", "", "shop")),
        ("GET", "/apis/apps/v1/deployments?watch=true", ("watch", "deployments", "", "")),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/api/scale", ("patch", "deployments/scale", "shop", "api")),
        ("PATCH", "/apis/deadband.dev/v1alpha1/metricsources/a/status", ("patch", "metricsources/status", "", "a")),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", ("create", "events", "shop", "")),
        ("GET", "/apis/deadband.dev/v1alpha1", ("get", "", "", "")),
        ("GET", "/version", ("get", "", "", "")),
    ],
)
def test_requests_have_the_names_of_the_audit_log(method: str, target: str, named: tuple[str, ...]) -> None:
    path, _, query = target.partition("?")
    found = read_kubernetes(0.0, method, path, query, b"")

    assert (found.verb, found.resource, found.namespace, found.name) == named


def test_a_query_is_named_by_its_promql() -> None:
    found = read_prometheus(0.0, "POST", "/api/v1/query", "", b"query=up%7Ba%3D%221%22%7D&time=7")

    assert (found.verb, found.name, found.body["time"]) == ("query", 'up{a="1"}', "7")
    assert read_prometheus(0.0, "GET", "/api/v1/status/buildinfo", "", b"").verb == "get"


def test_what_passes_is_recorded_with_both_sides(proxy: Proxy) -> None:
    answer = get(proxy)
    requests.patch(f"{proxy.url}{PODS}/scale", json={"spec": {"replicas": 3}}, timeout=5)

    read, written = proxy.exchanges
    assert (read.verb, read.upstream, read.status, read.answer) == ("get", 200, 200, answer.content)
    assert (written.replicas, written.taken, written.writes, written.through) == (3, True, True, "operator")
    assert read.at <= read.answered <= written.at


def test_tls_on_both_sides(tmp_path: Path, upstream: Upstream) -> None:
    authority = Authority(tmp_path)
    pair = authority.server("proxy", ["127.0.0.1"])
    trusted = authority.certificate_file
    with (
        Proxy(upstream.url, read_kubernetes, serving=pair) as inner,
        Proxy(inner.url, read_kubernetes, trusted=trusted, serving=pair) as outer,
    ):
        assert get(outer, verify=str(trusted)).ok
        assert outer.url.startswith("https://")


BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.mark.parametrize(
    ("fault", "reaches"),
    [
        pytest.param(Refuse(), 0, id="refused: the server never sees it"),
        pytest.param(LoseAnswer(), 1, id="the answer is lost: the server has done it"),
        pytest.param(Reset(), 1, id="the answer breaks off"),
    ],
)
def test_a_connection_breaks(proxy: Proxy, upstream: Upstream, fault: RequestFault, reaches: int) -> None:
    rule = proxy.add(Match(verbs=("get",)), fault, times=1)

    with pytest.raises(BROKEN):
        get(proxy)

    assert len(upstream.asked) == reaches
    assert get(proxy).ok
    assert rule.hits == 1


def test_an_answer_is_given_in_the_servers_place(proxy: Proxy, upstream: Upstream) -> None:
    proxy.add(Match(), Answer(429, b"{}", {"Retry-After": "7"}))

    answer = get(proxy)

    assert (answer.status_code, answer.headers["Retry-After"], upstream.asked) == (429, "7", [])
    (exchange,) = proxy.exchanges
    assert (exchange.status, exchange.upstream, exchange.taken, exchange.fault) == (429, 0, False, "Answer")


def test_an_answer_is_changed_cut_or_dated_otherwise(proxy: Proxy) -> None:
    proxy.add(Match(), ShiftDate(-3600.0), times=1)
    proxy.add(Match(), Truncate(5), times=1)
    proxy.add(Match(), Edit(lambda body: body.replace(b"more", b"less")), times=1)

    assert "less" in get(proxy).text
    assert len(get(proxy).content) == 5
    assert get(proxy).headers["Date"].endswith("GMT")


def test_something_is_done_before_the_client_hears_of_it(proxy: Proxy, upstream: Upstream) -> None:
    seen: list[int] = []
    proxy.add(Match(), Then(lambda exchange: seen.append(exchange.upstream)))

    assert get(proxy).ok
    assert (seen, len(upstream.asked)) == ([200], 1)


def test_a_frozen_request_is_answered_by_nothing_until_the_rule_is_lifted(proxy: Proxy) -> None:
    rule = proxy.add(Match(), Freeze())
    with pytest.raises(requests.Timeout):
        requests.get(f"{proxy.url}{PODS}", timeout=0.3)

    rule.lift()

    assert get(proxy).ok


def test_a_delayed_request_arrives_later(proxy: Proxy, upstream: Upstream) -> None:
    proxy.add(Match(), Delay(0.2))
    began = time.monotonic()

    assert get(proxy).ok
    assert time.monotonic() - began >= 0.2


def test_a_partition_closes_everything_and_ends(proxy: Proxy, upstream: Upstream) -> None:
    with requests.Session() as session:
        assert session.get(f"{proxy.url}{PODS}", timeout=5).ok
        proxy.reachable = False
        proxy.cut()
        with pytest.raises(BROKEN):
            session.get(f"{proxy.url}{PODS}", timeout=5)
        proxy.clear()
        assert session.get(f"{proxy.url}{PODS}", timeout=5).ok
    assert len(upstream.asked) == 2


def test_rules_count_what_they_match() -> None:
    rule = Rule(Match(verbs=("get",), resource="pods", says="p"), Refuse(), first=2, times=2)
    pods = [read_kubernetes(0.0, "GET", PODS, "", b"") for _ in range(4)]
    other = read_kubernetes(0.0, "GET", "/api/v1/namespaces/shop/services/api", "", b"")

    assert [rule.meets(one) for one in (pods[0], other, *pods[1:])] == [False, False, True, True, False]
    rule.lift()
    assert not rule.meets(pods[0])


def event(name: str, type_: str = "MODIFIED") -> bytes:
    return json.dumps({"type": type_, "object": {"metadata": {"namespace": "shop", "name": name}}}).encode() + b"\n"


@pytest.mark.parametrize(
    ("fault", "through"),
    [
        pytest.param(DropEvents(), "bc", id="dropped"),
        pytest.param(RepeatEvents(), "aabc", id="twice"),
        pytest.param(SwapEvents(), "bac", id="after the next"),
        pytest.param(HoldEvents(), "bca", id="held until it is lifted"),
    ],
)
def test_events_of_a_watch(fault: StreamFault, through: str) -> None:
    stream = Stream(read_kubernetes(0.0, "GET", "/apis/apps/v1/deployments", "watch=1", b""))
    rule = Rule(Match(verbs=("MODIFIED",), resource="deployments", namespace="shop", name="a"), fault)

    sent = [line for name in "abc" for line in stream.take(event(name), [rule])]
    rule.lift()
    sent += stream.released()

    assert [json.loads(line)["object"]["metadata"]["name"] for line in sent] == list(through)


def watched(proxy: Proxy, lines: list[Any], streaming: threading.Event) -> None:
    with requests.get(f"{proxy.url}{WATCH}", stream=True, timeout=10) as answer:
        streaming.set()
        with contextlib.suppress(requests.exceptions.ChunkedEncodingError):  # cut at the end of a test
            lines.extend(json.loads(line)["type"] for line in answer.iter_lines())


@pytest.fixture
def watching(proxy: Proxy) -> Iterator[list[Any]]:
    """The types of the events that came through a watch."""
    lines: list[Any] = []
    streaming = threading.Event()
    thread = threading.Thread(target=watched, args=(proxy, lines, streaming), daemon=True)
    thread.start()
    assert streaming.wait(5)
    yield lines
    thread.join(5)
    assert not thread.is_alive()


def test_a_watch_streams_through_and_ends_with_an_injected_error(
    proxy: Proxy, upstream: Upstream, watching: list[Any]
) -> None:
    upstream.events.append(event("api", "ADDED"))
    wait_until(lambda: watching == ["ADDED"], timeout=5, what="the event")

    assert proxy.inject_error("services", 500, "InternalError") == 0
    assert proxy.inject_error("deployments", 500, "InternalError") == 1
    wait_until(lambda: watching == ["ADDED", "ERROR"], timeout=5, what="the end")


def test_a_frozen_watch_stays_open_and_silent_and_a_new_one_is_not_frozen(
    proxy: Proxy, upstream: Upstream, watching: list[Any]
) -> None:
    assert proxy.freeze_watches() == 1
    upstream.events.append(event("api"))
    fresh: list[Any] = []
    thread = threading.Thread(target=watched, args=(proxy, fresh, threading.Event()), daemon=True)
    thread.start()
    wait_until(lambda: fresh == ["MODIFIED"], timeout=5, what="the event in the new watch")

    assert watching == []
    upstream.ended.set()
    proxy.cut()
    thread.join(5)
