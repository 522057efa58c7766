"""Credentials of sources against a real HTTPS server, with certificates of a test authority."""

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deadband.adapters.credentials import READ_AGAIN_SECONDS, SecretReader
from deadband.adapters.kube import Kube
from deadband.adapters.prometheus import PrometheusMetrics
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.types import Answer, Answered, Failed, Question
from e2e.testbed.pki import Authority, KeyPair
from tests.adapters.fake_api import FakeApi
from tests.adapters.prometheus_server import Reply, Server, serve

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UP = Question("main", "up", 10)
TOKEN = "t0ken-that-nobody-may-see"
BEARER = {"type": "Bearer", "secretName": "prom"}
BASIC = {"type": "Basic", "secretName": "prom"}


class Uncounted:
    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """Let it pass."""


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Asker:
    """A source whose Secrets the test's API server has."""

    def __init__(self, api: FakeApi, kube: Kube, clock: FakeClock) -> None:
        self.api = api
        self.clock = clock
        self.metrics = PrometheusMetrics(Uncounted(), secrets=SecretReader(kube, "ops", clock=clock))

    def secret(self, **values: str) -> None:
        """What the next read finds."""
        data = {name.replace("_", "."): base64.b64encode(value.encode()).decode() for name, value in values.items()}
        self.api.answer(200, {"kind": "Secret", "data": data})

    async def ask(self, url: str, **spec: Any) -> Answer:
        self.metrics.update_sources(
            {"main": MetricSourceSpec.model_validate({"url": url, "timeoutSeconds": 1, **spec})}
        )
        return (await self.metrics.ask([UP], at=NOW))[UP]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def asker(api: FakeApi, kube: Kube, clock: FakeClock) -> AsyncIterator[Asker]:
    asking = Asker(api, kube, clock)
    yield asking
    asking.metrics.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def plain() -> Iterator[Server]:
    with serve() as running:
        yield running


@contextmanager
def https(pair: KeyPair, *, clients: Path | None = None) -> Iterator[Server]:
    """A server with this certificate, which asks for certificates of `clients` where that is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    with serve(context) as running:
        yield running


@pytest.fixture(scope="module")
def loopback(authority: Authority) -> KeyPair:
    return authority.server("loopback", ["127.0.0.1"])


def pem(path: Path) -> str:
    return path.read_text()


@pytest.mark.parametrize(
    ("auth", "values", "header"),
    [
        pytest.param(BEARER, {"token": "abc"}, "Bearer abc", id="a bearer token"),
        pytest.param(BEARER, {"token": "abc\n"}, "Bearer abc", id="a token from a file with a line's end"),
        pytest.param(BASIC, {"username": "me", "password": "p:ä"}, "Basic bWU6cDrDpA==", id="name and password"),
    ],
)
async def test_the_secret_becomes_the_authorization(
    asker: Asker, plain: Server, auth: Mapping[str, str], values: dict[str, str], header: str
) -> None:
    asker.secret(**values)

    answer = await asker.ask(plain.url, auth=auth)

    assert isinstance(answer, Answered)
    assert plain.queries[0].headers["Authorization"] == header
    assert [(seen["method"], seen["path"]) for seen in asker.api.seen] == [
        ("GET", "/api/v1/namespaces/ops/secrets/prom")
    ]


async def test_a_rotated_secret_is_used_after_a_minute_and_read_no_more_often(
    asker: Asker, plain: Server, clock: FakeClock
) -> None:
    asker.secret(token="old")
    await asker.ask(plain.url, auth=BEARER)
    await asker.ask(plain.url, auth=BEARER)
    asker.secret(token="new")
    clock.now += READ_AGAIN_SECONDS
    await asker.ask(plain.url, auth=BEARER)

    assert [query.headers["Authorization"] for query in plain.queries] == ["Bearer old", "Bearer old", "Bearer new"]
    assert len(asker.api.seen) == 2


async def test_while_the_api_server_is_away_the_last_credentials_count(
    asker: Asker, plain: Server, clock: FakeClock
) -> None:
    asker.secret(token="old")
    await asker.ask(plain.url, auth=BEARER)
    asker.api.answer(503)
    clock.now += READ_AGAIN_SECONDS

    assert isinstance(await asker.ask(plain.url, auth=BEARER), Answered)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(404, "Secret ops/prom does not exist", id="deleted"),
        pytest.param(
            403, "Secret ops/prom may not be read: add it to the chart's metricSource.secretNames", id="no right"
        ),
    ],
)
async def test_a_withdrawn_secret_stops_the_source_and_says_why(
    *, asker: Asker, plain: Server, clock: FakeClock, status: int, says: str
) -> None:
    asker.secret(token="old")
    await asker.ask(plain.url, auth=BEARER)
    asker.api.answer(status, {"message": TOKEN})
    clock.now += READ_AGAIN_SECONDS

    assert await asker.ask(plain.url, auth=BEARER) == Failed(Reason.ERROR, says)
    assert len(plain.queries) == 1
    health = asker.metrics.health("main")
    assert (health.reachable, health.last_error) == (False, says)


async def test_a_secret_that_comes_later_brings_the_source_back(asker: Asker, plain: Server, clock: FakeClock) -> None:
    asker.api.answer(404)
    assert isinstance(await asker.ask(plain.url, auth=BEARER), Failed)
    asker.secret(token="abc")

    assert isinstance(await asker.ask(plain.url, auth=BEARER), Answered)
    assert asker.metrics.health("main").reachable


@pytest.mark.parametrize(
    ("spec", "values", "says"),
    [
        pytest.param({"auth": BEARER}, {"tokn": TOKEN}, "Secret prom has no key token", id="a misspelled key"),
        pytest.param({"auth": BASIC}, {"username": TOKEN}, "Secret prom has no key password", id="half a login"),
        pytest.param({"auth": BEARER}, {"token": "\n"}, "Secret prom, key token: is empty", id="an empty token"),
        pytest.param(
            {"auth": BEARER},
            {"token": f"{TOKEN}\r\nX-Evil: 1"},
            "Secret prom, key token: has characters that no token may have",
            id="a token with a line break",
        ),
        pytest.param(
            {"tls": {"caSecretName": "prom"}},
            {"ca_crt": TOKEN},
            "Secret prom, key ca.crt: is not a certificate in PEM",
            id="an authority that is no certificate",
        ),
        pytest.param(
            {"tls": {"clientSecretName": "prom"}},
            {"tls_crt": TOKEN, "tls_key": TOKEN},
            "Secret prom, keys tls.crt and tls.key: are not a certificate with its key in PEM",
            id="a client certificate that is none",
        ),
    ],
)
async def test_an_unusable_secret_is_named_with_its_key_and_never_its_value(
    *, asker: Asker, caplog: pytest.LogCaptureFixture, spec: dict[str, Any], values: dict[str, str], says: str
) -> None:
    caplog.set_level(logging.DEBUG)
    asker.secret(**values)

    assert await asker.ask("https://127.0.0.1:1", **spec) == Failed(Reason.ERROR, says)
    assert TOKEN not in caplog.text + repr(asker.metrics.health("main"))


async def test_nothing_of_a_token_is_logged_or_told_when_the_server_refuses_it(
    asker: Asker, plain: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asker.secret(token=TOKEN)
    plain.answer = lambda request: Reply(request.headers["Authorization"].encode(), 401)

    assert await asker.ask(plain.url, auth=BEARER) == Failed(Reason.ERROR, "HTTP 401")
    assert TOKEN not in caplog.text


async def test_without_a_reader_a_source_with_credentials_is_not_asked(plain: Server) -> None:
    metrics = PrometheusMetrics(Uncounted())
    metrics.update_sources({"main": MetricSourceSpec.model_validate({"url": plain.url, "auth": BEARER})})

    assert await metrics.ask([UP], at=NOW) == {
        UP: Failed(Reason.ERROR, "the source needs Secret prom, which only the operator reads")
    }
    assert plain.queries == []
    metrics.close()


async def test_a_server_of_the_named_authority_is_trusted(
    asker: Asker, authority: Authority, loopback: KeyPair
) -> None:
    asker.secret(ca_crt=pem(authority.certificate_file))
    with https(loopback) as server:
        assert isinstance(await asker.ask(server.url, tls={"caSecretName": "ca"}), Answered)


async def test_a_server_of_another_authority_is_refused(asker: Asker, loopback: KeyPair, tmp_path: Path) -> None:
    asker.secret(ca_crt=pem(Authority(tmp_path / "other").certificate_file))
    with https(loopback) as server:
        answer = await asker.ask(server.url, tls={"caSecretName": "ca"})

    assert answer == Failed(Reason.ERROR, "the TLS connection failed")
    assert server.queries == []


@pytest.mark.parametrize(
    "tls", [pytest.param(None, id="no settings"), pytest.param({"serverName": "127.0.0.1"}, id="only a name")]
)
async def test_without_an_authority_of_its_own_a_test_server_is_refused(
    asker: Asker, loopback: KeyPair, tls: dict[str, str] | None
) -> None:
    with https(loopback) as server:
        assert await asker.ask(server.url, tls=tls) == Failed(Reason.ERROR, "the TLS connection failed")


@pytest.mark.parametrize(
    ("tls", "trusted"),
    [
        pytest.param({}, False, id="the URL's host is not in the certificate"),
        pytest.param({"serverName": "prometheus.monitoring.svc"}, True, id="the name that is in it is expected"),
        pytest.param({"serverName": "other.monitoring.svc"}, False, id="another name is expected"),
    ],
)
async def test_the_server_name_decides_whose_certificate_is_expected(
    asker: Asker, authority: Authority, tls: dict[str, str], *, trusted: bool
) -> None:
    asker.secret(ca_crt=pem(authority.certificate_file))
    with https(authority.server("named", ["prometheus.monitoring.svc"])) as server:
        answer = await asker.ask(server.url, tls={"caSecretName": "ca", **tls})

    assert isinstance(answer, Answered) is trusted


async def test_a_client_certificate_opens_a_server_that_asks_for_one(
    asker: Asker, authority: Authority, loopback: KeyPair
) -> None:
    client = authority.administrator("deadband")
    asker.secret(ca_crt=pem(authority.certificate_file), tls_crt=pem(client.certificate), tls_key=pem(client.key))
    with https(loopback, clients=authority.certificate_file) as server:
        tls = {"caSecretName": "both", "clientSecretName": "both"}
        assert isinstance(await asker.ask(server.url, tls=tls), Answered)


async def test_without_a_client_certificate_such_a_server_stays_shut(
    asker: Asker, authority: Authority, loopback: KeyPair
) -> None:
    asker.secret(ca_crt=pem(authority.certificate_file))
    with https(loopback, clients=authority.certificate_file) as server:
        answer = await asker.ask(server.url, tls={"caSecretName": "ca"})

    assert isinstance(answer, Failed)
    assert server.queries == []


async def test_several_askers_read_a_secret_once(asker: Asker, plain: Server) -> None:
    asker.secret(token="abc")
    await asker.ask(plain.url, auth=BEARER)
    more = [Question("main", f"up + {number}", 10) for number in range(3)]

    await asyncio.gather(*(asker.metrics.ask([question], at=NOW) for question in more))

    assert len(asker.api.seen) == 1
    assert {query.headers["Authorization"] for query in plain.queries} == {"Bearer abc"}
