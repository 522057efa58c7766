"""ports.Alerts on the API v2 of Alertmanager: every replica is told, each directly, and none waits for another.

The replicas of a cluster tell each other of notifications, not of alerts; whoever sends through a load balancer reaches
one of them and loses the alert with it. So every address of a host name is told, and names are resolved anew at each
sending: behind a headless Service they change. No answer's body is read, no redirect followed.
Source: Alertmanager, "Alerts API" and "High availability".
"""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from itertools import groupby
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from deadband.api.conditions import Reason
from deadband.ports import Alert, DeniedError, UnreachableError, WriteError

PATH = "/api/v2/alerts"

TIMEOUT_SECONDS = 10.0
"""For one batch to one replica, connection included."""

BATCH = 64
"""Alerts of one request, as Prometheus has it."""

LABEL_LENGTH = 256
ANNOTATION_LENGTH = 4096

_PORTS = {"http": 80, "https": 443}

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""What every Alertmanager takes for a name; newer ones take more."""

AlertObserver = Callable[[str, int, str | None], None]
"""Told of every replica at every sending: the URL that led to it, how many alerts, and the reason of a failure."""

Resolve = Callable[[str, int], Awaitable[Sequence[tuple[int, str]]]]
"""Address family and address of every replica behind a host name, in the order of preference; raises OSError."""


async def resolve(host: str, port: int) -> Sequence[tuple[int, str]]:
    """Ask the resolver of the machine."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), str(address[0])) for family, _, _, _, address in found]


class AlertmanagerAlerts:
    """Sends alerts to every replica of every Alertmanager; close it when done."""

    def __init__(
        self,
        urls: Sequence[str],
        observe: AlertObserver,
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            urls: Base URLs, without /api/v2; none: nothing is sent.
            observe: Told of every sending.
            resolve: Finds the replicas behind a host name.
            tls: Whom HTTPS trusts; None: the public authorities.
        """
        self._urls = urls
        self._observe = observe
        self._resolve = resolve
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, alerts: Sequence[Alert]) -> Mapping[str, WriteError]:
        """Tell every replica; which ones did not take the alerts, by URL or by URL and address, and why."""
        documents = [document for alert in alerts if (document := postable(alert)) is not None]
        bodies = [json.dumps(documents[at : at + BATCH]).encode() for at in range(0, len(documents), BATCH)]
        told = await asyncio.gather(*(self._tell(url, bodies, len(documents)) for url in self._urls))
        return {name: error for failures in told for name, error in failures.items()}

    async def close(self) -> None:
        """Let go of what is open."""
        if self._session is not None:
            await self._session.close()

    async def _tell(self, url: str, bodies: Sequence[bytes], alerts: int) -> Mapping[str, WriteError]:
        """Tell the replicas behind one URL.

        A replica may have addresses of two families: the second is for when nobody answers on the first.
        """
        parts = urlsplit(url)
        try:
            addresses = await self._addresses(parts)
        except (OSError, UnicodeError):  # the latter for a name that cannot be one
            unknown = UnreachableError(Reason.ERROR, "its host name cannot be resolved")
            self._observe(url, alerts, unknown.reason)
            return {url: unknown}
        outcomes: dict[str, WriteError | None] = {}
        for _, family in groupby(addresses, key=lambda one: one[0]):
            hosts = [address for _, address in family]
            told = await asyncio.gather(*(self._post(parts, host, bodies) for host in hosts))
            outcomes = dict(zip(hosts, told, strict=True))
            if None in told:
                break
        for error in outcomes.values():
            self._observe(url, alerts, error.reason if error is not None else None)
        return {f"{url} ({address})": error for address, error in outcomes.items() if error is not None}

    async def _addresses(self, parts: SplitResult) -> Sequence[tuple[int, str]]:
        """Every address once, those of the preferred family first."""
        assert parts.hostname is not None, "settings demand a host"
        found = await self._resolve(parts.hostname, parts.port or _PORTS[parts.scheme])
        families = list(dict.fromkeys(family for family, _ in found))
        return sorted(dict.fromkeys(found), key=lambda one: families.index(one[0]))

    async def _post(self, parts: SplitResult, address: str, bodies: Sequence[bytes]) -> WriteError | None:
        """Send all batches to one replica; the first that fails ends it."""
        port = parts.port or _PORTS[parts.scheme]
        host = f"[{address}]" if ":" in address else address
        direct = parts._replace(netloc=f"{host}:{port}", path=parts.path.rstrip("/") + PATH).geturl()
        try:
            for body in bodies:
                async with self._open().post(
                    direct,
                    data=body,
                    headers={"Host": parts.netloc, "Content-Type": "application/json"},
                    server_hostname=parts.hostname,
                    allow_redirects=False,
                ) as answer:
                    if answer.status != HTTPStatus.OK:
                        return _refusal(answer.status)
        except TimeoutError:
            return UnreachableError(Reason.TIMEOUT, f"no answer within {TIMEOUT_SECONDS:g} s")
        except aiohttp.ClientSSLError:
            return UnreachableError(Reason.ERROR, "the TLS connection failed")
        except (aiohttp.ClientError, OSError) as failure:
            return UnreachableError(Reason.ERROR, f"the connection failed ({type(failure).__name__})")
        return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # A connection that idled for a minute may be closed at the other end just when it is used.
            tls = self._tls or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
            connector = aiohttp.TCPConnector(force_close=True, ssl=tls)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"deadband/{version('deadband')}"},
            )
        return self._session


def postable(alert: Alert) -> dict[str, Any] | None:
    """The alert as JSON that every Alertmanager takes; None where it would have no labels.

    One label with an empty value, or with a name that Alertmanager refuses, would cost the batch.
    """
    labels = _texts(alert.labels, LABEL_LENGTH)
    if not labels:
        return None
    return {
        "labels": labels,
        "annotations": _texts(alert.annotations, ANNOTATION_LENGTH),
        "startsAt": alert.starts_at.isoformat(),
        "endsAt": alert.ends_at.isoformat(),
    }


def _texts(texts: Mapping[str, str], length: int) -> dict[str, str]:
    return {name: value[:length] for name, value in texts.items() if value and _NAME.fullmatch(name)}


def _refusal(status: int) -> WriteError:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return DeniedError(Reason.ERROR, f"it redirects (HTTP {status}), which is not followed; correct the URL")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return DeniedError(Reason.ACCESS_DENIED, f"it does not let the operator in (HTTP {status})")
    return UnreachableError(Reason.ERROR, f"it answered HTTP {status}")
