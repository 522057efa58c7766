"""The adapter against real HTTP servers: who is told, what is sent, and what it makes of every kind of answer."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deadband.adapters import alertmanager
from deadband.adapters.alertmanager import AlertmanagerAlerts, postable
from deadband.api.conditions import Reason
from deadband.ports import Alert, Alerts, DeniedError, UnreachableError, WriteError
from e2e.testbed.pki import Authority
from tests.adapters.alertmanager_server import Replica
from tests.contracts.alerts import CONTRACT, LASTING, TEXTS, Replicas, alert
from tests.engine.fakes import FakeAlerts

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE = Alert(LASTING, TEXTS, NOW, NOW + timedelta(minutes=4))
SECRET = "s3cret-from-a-body"


class Pair:
    """Two replicas behind one host name, and the adapter that is told of the name."""

    def __init__(self) -> None:
        self.replicas = [Replica("127.0.0.1"), Replica("127.0.0.2")]
        self.addresses = [(int(socket.AF_INET), replica.address) for replica in self.replicas]
        self.observed: list[tuple[str, int, str | None]] = []
        self.asked: list[tuple[str, int]] = []

    async def start(self) -> None:
        first, second = self.replicas
        await first.start()
        await second.start(first.port)
        self.url = f"http://alertmanager.monitoring:{first.port}"
        self.alerts = self.adapter(self.url)

    def adapter(self, *urls: str) -> AlertmanagerAlerts:
        return AlertmanagerAlerts(urls, lambda *seen: self.observed.append(seen), resolve=self.resolve)

    async def resolve(self, host: str, port: int) -> Sequence[tuple[int, str]]:
        self.asked.append((host, port))
        return self.addresses

    async def lasting(self) -> list[list[Mapping[str, str]]]:
        return [list(replica.lasting()) for replica in self.replicas if replica.up]

    async def take_down(self) -> None:
        await self.replicas[1].stop()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.start()
    yield made
    await made.alerts.close()
    for replica in made.replicas:
        await replica.stop()


@pytest.mark.parametrize("behaviour", CONTRACT, ids=lambda one: one.__name__)
async def test_the_adapter_keeps_to_the_contract(behaviour: Callable[[Replicas], Awaitable[None]], pair: Pair) -> None:
    await behaviour(pair)


class FakeReplicas:
    """The fake of the engine's tests, seen as two replicas."""

    def __init__(self) -> None:
        self.fake = FakeAlerts()

    @property
    def alerts(self) -> Alerts:
        return self.fake

    async def lasting(self) -> list[list[Mapping[str, str]]]:
        held = {str(one.labels): one for sent in self.fake.sent for one in sent}
        now = datetime.now(UTC)
        return [[one.labels for one in held.values() if one.ends_at > now]] * (2 - len(self.fake.down))

    async def take_down(self) -> None:
        self.fake.down = {"second": UnreachableError(Reason.ERROR, "the connection failed")}


@pytest.mark.parametrize("behaviour", CONTRACT, ids=lambda one: one.__name__)
async def test_the_fake_of_the_engines_tests_keeps_to_the_contract(
    behaviour: Callable[[Replicas], Awaitable[None]],
) -> None:
    await behaviour(FakeReplicas())


async def test_each_replica_is_told_in_api_v2_under_the_name_of_its_host(pair: Pair) -> None:
    assert await pair.alerts.send([ONE]) == {}

    for replica in pair.replicas:
        (request,), (body,) = replica.requests, replica.bodies
        assert (request.method, request.path) == ("POST", "/api/v2/alerts")
        assert request.headers["Host"] == f"alertmanager.monitoring:{replica.port}"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["User-Agent"].startswith("deadband/")
        assert body == [
            {
                "labels": LASTING,
                "annotations": TEXTS,
                "startsAt": "2026-03-02T12:00:00+00:00",
                "endsAt": "2026-03-02T12:04:00+00:00",
            }
        ]
    assert pair.observed == [(pair.url, 1, None)] * 2


async def test_a_path_before_the_api_and_several_urls_are_honored(pair: Pair) -> None:
    first, second = (f"http://{replica.address}:{replica.port}" for replica in pair.replicas)
    both = AlertmanagerAlerts([f"{first}/alerting", second], lambda *_: None)

    assert await both.send([ONE]) == {}
    await both.close()

    assert [one.path for replica in pair.replicas for one in replica.requests] == [
        "/alerting/api/v2/alerts",
        "/api/v2/alerts",
    ]


async def test_a_host_name_is_resolved_anew_at_each_sending(pair: Pair) -> None:
    await pair.alerts.send([ONE])
    pair.addresses = pair.addresses[1:]
    await pair.alerts.send([ONE])

    assert [len(replica.bodies) for replica in pair.replicas] == [1, 2]
    assert len(pair.asked) == 2


async def test_the_second_family_of_addresses_is_for_when_nobody_answers_on_the_first(pair: Pair) -> None:
    first, second = pair.replicas
    pair.addresses = [(int(socket.AF_INET6), "::1"), (int(socket.AF_INET), first.address)]
    assert await pair.alerts.send([ONE]) == {}
    assert len(first.bodies) == 1, "nobody listens on ::1"

    pair.addresses = [(int(socket.AF_INET), second.address), (int(socket.AF_INET6), "::1")]
    assert await pair.alerts.send([ONE]) == {}
    assert len(second.bodies) == 1


async def test_every_address_of_a_family_is_told_in_whatever_order_they_come(pair: Pair) -> None:
    first, second = pair.replicas
    v4, v6 = int(socket.AF_INET), int(socket.AF_INET6)
    pair.addresses = [(v4, first.address), (v6, "::1"), (v4, second.address), (v4, first.address)]

    assert await pair.alerts.send([ONE]) == {}

    assert [len(replica.bodies) for replica in pair.replicas] == [1, 1]


async def test_a_host_name_that_nobody_knows_is_a_failure_of_that_url_alone(pair: Pair) -> None:
    async def unknown(host: str, port: int) -> Sequence[tuple[int, str]]:
        if host == "nowhere":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return await pair.resolve(host, port)

    adapter = AlertmanagerAlerts(["http://nowhere:9093", pair.url], lambda *_: None, resolve=unknown)
    failures = await adapter.send([ONE])
    await adapter.close()

    assert {name: str(error) for name, error in failures.items()} == {
        "http://nowhere:9093": "its host name cannot be resolved"
    }
    assert await pair.lasting() == [[], []], "the alert of this test is of the past"
    assert [len(replica.bodies) for replica in pair.replicas] == [1, 1]


async def test_the_resolver_of_the_machine_knows_this_machine() -> None:
    assert (int(socket.AF_INET), "127.0.0.1") in await alertmanager.resolve("127.0.0.1", 9093)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "message"),
    [
        pytest.param(500, {}, UnreachableError, "it answered HTTP 500", id="it failed"),
        pytest.param(400, {}, UnreachableError, "it answered HTTP 400", id="it refused an alert"),
        pytest.param(403, {}, DeniedError, "it does not let the operator in (HTTP 403)", id="it wants a login"),
        pytest.param(
            302,
            {"Location": "http://127.0.0.1:1/elsewhere"},
            DeniedError,
            "it redirects (HTTP 302), which is not followed; correct the URL",
            id="a redirect is not followed",
        ),
    ],
)
async def test_a_refusal_is_told_by_its_status_and_never_by_its_body(
    pair: Pair, status: int, headers: Mapping[str, str], kind: type[WriteError], message: str
) -> None:
    refusing = pair.replicas[1]
    refusing.status, refusing.headers = status, headers

    failures = await pair.alerts.send([ONE])

    (name, error), *others = failures.items()
    assert others == []
    assert name == f"{pair.url} (127.0.0.2)"
    assert type(error) is kind
    assert str(error) == message
    assert SECRET not in str(error)
    assert pair.observed == [(pair.url, 1, None), (pair.url, 1, error.reason)]


async def test_a_replica_that_does_not_answer_is_left_after_the_timeout(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.3", pair.replicas[0].port)):
        pair.addresses = [(int(socket.AF_INET), "127.0.0.3"), pair.addresses[0]]
        failures = await pair.alerts.send([ONE])

    assert {name: (error.reason, str(error)) for name, error in failures.items()} == {
        f"{pair.url} (127.0.0.3)": (Reason.TIMEOUT, "no answer within 0.2 s")
    }
    assert len(pair.replicas[0].bodies) == 1


async def test_many_alerts_go_in_batches_as_prometheus_sends_them(pair: Pair) -> None:
    many = [alert({**LASTING, "policy": f"p{number}"}, ends_in=timedelta(minutes=1)) for number in range(130)]

    assert await pair.alerts.send(many) == {}

    assert [[len(body) for body in replica.bodies] for replica in pair.replicas] == [[64, 64, 2]] * 2


@pytest.mark.parametrize("trusting", [True, False], ids=["of an authority that is trusted", "of any other authority"])
async def test_a_certificate_must_be_for_the_host_name_and_not_for_the_address(tmp_path: Path, trusting: bool) -> None:
    authority = Authority(tmp_path)
    pair = authority.server("alertmanager", ["alertmanager.monitoring"])
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pair.certificate, pair.key)
    replica = Replica("127.0.0.1")
    await replica.start(tls=serving)

    async def resolve(host: str, port: int) -> Sequence[tuple[int, str]]:
        return [(int(socket.AF_INET), "127.0.0.1")]

    trust = ssl.create_default_context(cafile=str(authority.certificate_file) if trusting else None)
    hosts = ("alertmanager.monitoring", "elsewhere.monitoring")
    urls = [f"https://{host}:{replica.port}" for host in hosts]
    adapter = AlertmanagerAlerts(urls, lambda *_: None, resolve=resolve, tls=trust)
    failures = await adapter.send([ONE])
    await adapter.close()
    await replica.stop()

    refused = urls[1:] if trusting else urls
    assert {name: str(error) for name, error in failures.items()} == {
        f"{url} (127.0.0.1)": "the TLS connection failed" for url in refused
    }
    assert len(replica.bodies) == (1 if trusting else 0)


@pytest.mark.parametrize(
    ("labels", "left"),
    [
        pytest.param({"alertname": "A", "owner": ""}, {"alertname": "A"}, id="no empty values"),
        pytest.param({"alertname": "A", "a.b": "x", "1a": "x", "": "x"}, {"alertname": "A"}, id="no other names"),
        pytest.param({"alertname": "A" * 1000}, {"alertname": "A" * 256}, id="no endless values"),
    ],
)
def test_what_alertmanager_would_refuse_is_not_sent(labels: Mapping[str, str], left: Mapping[str, str]) -> None:
    posted = postable(Alert(labels, {"summary": "s" * 10_000, "empty": ""}, NOW, NOW))

    assert posted is not None
    assert posted["labels"] == left
    assert posted["annotations"] == {"summary": "s" * 4096}
    assert "generatorURL" not in posted


async def test_an_alert_without_a_label_is_left_out_and_the_others_are_sent(pair: Pair) -> None:
    nameless = Alert({"": "x"}, {}, NOW, NOW)

    assert postable(nameless) is None
    assert await pair.alerts.send([nameless, ONE]) == {}
    assert [len(body) for replica in pair.replicas for body in replica.bodies] == [1, 1]


async def test_without_an_alertmanager_nothing_is_sent() -> None:
    alerts = AlertmanagerAlerts([], lambda *_: None)

    assert await alerts.send([ONE]) == {}
    await alerts.close()
