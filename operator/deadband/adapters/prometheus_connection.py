"""One source over HTTP: prometheus-api-client's session with what it leaves out (architecture, decision 3).

The client gives the session, the mounting of retries and the URL. It has no default timeout, puts POST parameters into
the URL and returns `data.result` alone, so the request itself is made here: form body, a deadline for the whole answer,
no redirects (a token must not travel to another host), no cookies, a bounded body.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from urllib3.util import Retry

from deadband.adapters.credentials import NONE, Credentials
from deadband.adapters.deadline import AdapterWithDeadline, Deadline
from deadband.adapters.prometheus_answers import AskError
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec

MAX_BODY_BYTES = 16 * 1024 * 1024
"""20,000 workloads answer with about 10 MB. What this unpacks to has to fit into the chart's memory limit (ADR 45)."""
_CHUNK_BYTES = 64 * 1024
_GRACE_SECONDS = 1.0
"""Prometheus is told to stop at the timeout; this is for its answer to arrive, which says more than our own."""
_NO_POST = frozenset({405, 501})
_POST_AGAIN_SECONDS = 3600.0
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: bytes
    date: str | None = None
    """The header Date: when the answer was made, by the clock of whoever made it."""


class _TlsAdapter(AdapterWithDeadline):
    """Connections of one TLS context; requests would add the public roots to whatever the context trusts."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None, **pool: Any) -> None:
        self._tls: dict[str, Any] = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED"}
        if server_name is not None:
            self._tls |= {"server_hostname": server_name, "assert_hostname": server_name}
        super().__init__(**pool)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **more, **self._tls)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as it was made."""


class Connection(PrometheusConnect):  # type: ignore[misc]  # the client has no types
    """Requests to one source; used by several threads at once."""

    def __init__(
        self,
        spec: MetricSourceSpec,
        credentials: Credentials = NONE,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open no connection yet.

        The environment is not asked for proxies or a .netrc: what is not in the MetricSource does not apply.

        Args:
            spec: The source.
            credentials: Made of its `auth` and `tls`; what it sends goes over a header of the same name in `headers`.
            clock: Monotonic seconds.
        """
        self._clock = clock
        self._post_from = clock()
        self._parameters = [(each.name, each.value) for each in spec.query_parameters]
        session = requests.Session()
        session.trust_env = False
        # On small answers compressing costs Prometheus about four times what the query does.
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": "deadband"})
        session.headers.update({header.name: header.value for header in spec.headers})
        if credentials.authorization is not None:
            session.headers["Authorization"] = credentials.authorization
        super().__init__(url=spec.url.rstrip("/"), session=session, timeout=spec.timeout_seconds, method="POST")
        # The client's own retries would answer a failing server with three times the load.
        once_more = Retry(total=1, connect=1, read=0, status=0, redirect=0, other=0)
        pool: dict[str, Any] = {"pool_maxsize": spec.max_concurrent_queries, "max_retries": once_more}
        if credentials.tls is None:
            session.mount(self.url, AdapterWithDeadline(**pool))
        else:
            server_name = spec.tls.server_name if spec.tls is not None else None
            session.mount(self.url, _TlsAdapter(credentials.tls, server_name, **pool))

    def ask(self, path: str, form: Mapping[str, str]) -> Reply:
        """Ask by POST, or by GET where the source does not take POST, as Prometheus's own clients do.

        A source that answers POST with 405 or 501 and is then asked by GET is asked so for an hour; then POST is tried
        once more, because long queries may not fit into a URL, and whoever forbids POST may have stopped.

        Raises:
            AskError: As for `call`.
        """
        by_post = self._clock() >= self._post_from
        if by_post:
            reply = self.call("POST", path, form)
            if reply.status not in _NO_POST:
                return reply
        reply = self.call("GET", path, form)
        if reply.status in _NO_POST:
            self._post_from = self._clock()  # it is not the method: try both again
        elif by_post:
            self._post_from = self._clock() + _POST_AGAIN_SECONDS
        return reply

    def call(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Reply:
        """Make one request and read the whole answer within the source's timeout.

        Args:
            method: With POST the form is the body, else it follows the path.
            path: After the source's URL.
            form: Names and values; the source's `queryParameters` stand in the URL whatever the method, because there
                every proxy looks for them.

        Raises:
            AskError: Timeout, or Error when there is no connection or the body is too large.
        """
        seconds = self._timeout + _GRACE_SECONDS
        data = form if method == "POST" else None
        behind = [*self._parameters, *(form.items() if form is not None and data is None else ())]
        plain = requests.Request(method, f"{self.url}{path}", params=behind, data=data)
        request = self._session.prepare_request(plain)
        with Deadline(seconds) as deadline:
            try:
                # Past Session.send, which keeps cookies and reads the body of a redirect to its end, followed or not.
                with self._session.get_adapter(self.url).send(request, stream=True, timeout=seconds) as response:
                    reply = Reply(response.status_code, self._body(response), response.headers.get("Date"))
            except _FAILURES as error:
                raise self._named(error, late=deadline.passed) from error
            if deadline.passed:  # a body without a length ends where it was cut
                raise self._late()
            return reply

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        # read1 returns what has arrived and unpacks no more than it is asked for.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise AskError(Reason.ERROR, f"the answer is larger than {MAX_BODY_BYTES} bytes", blames_source=False)
        return bytes(body)

    def _named(self, error: Exception, *, late: bool) -> AskError:
        if late or isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return self._late()
        if isinstance(error, requests.exceptions.SSLError):
            return AskError(Reason.ERROR, "the TLS connection failed")
        if isinstance(error, requests.ConnectionError):
            return AskError(Reason.ERROR, "the connection failed")
        return AskError(Reason.ERROR, f"the request failed: {type(error).__name__}")

    def _late(self) -> AskError:
        return AskError(Reason.TIMEOUT, f"no whole answer within {self._timeout} s")


def lookback_of(seconds: int | None) -> dict[str, str]:
    """The form fields that bound how far a query looks back; none where the source's own lookback applies."""
    if seconds is None:
        return {}
    return {"lookback_delta": f"{seconds}s", "max_lookback": f"{seconds}s"}  # the latter is VictoriaMetrics's name
