"""Credentials of MetricSources: Secrets in the operator's own namespace, read by name and read again after a minute.

A Secret is only ever read by name (get, never list or watch), so a Role with resourceNames is enough. What it holds
goes into a request's header or a TLS context and nowhere else: messages name Secrets and keys, never values.
"""

import asyncio
import base64
import binascii
import re
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from deadband.adapters.kube import Kube, Resource
from deadband.api.metricsource import AuthType, MetricSourceSpec
from deadband.ports import GoneError, UnreachableError, WriteError

SECRETS = Resource("", "v1", "secrets", "Secret")

READ_AGAIN_SECONDS = 60.0
"""How soon a rotated Secret is used."""

_BEARER = re.compile(r"[!-~]+")
"""Visible ASCII: anything else would break the header, and the client's complaint of it would quote the token."""


class CredentialsError(Exception):
    """Credentials that cannot be had; the message names the Secret, and the key where one is at fault."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection shows of the operator, and whom it trusts.

    Attributes:
        authorization: The header's whole value; None: none is sent.
        tls: Trust, client certificate; None: the client library's own.
    """

    authorization: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


NONE = Credentials()
"""Of a source without auth and tls."""


class SecretReader:
    """Reads Secrets of one namespace; each at most once a minute."""

    def __init__(self, kube: Kube, namespace: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Read nothing yet.

        Args:
            kube: The process's client.
            namespace: The operator's own.
            clock: Monotonic seconds.
        """
        self._kube = kube
        self._namespace = namespace
        self._clock = clock
        self._known: dict[str, tuple[float, Mapping[str, str]]] = {}
        self._lock = asyncio.Lock()

    async def read(self, name: str) -> Mapping[str, str]:
        """The Secret's data, values in Base64.

        While the API server does not answer, what was read last still counts; a Secret that is gone, or that may not
        be read any more, counts as withdrawn at once.

        Raises:
            CredentialsError: The Secret is not there, may not be read, or was never read.
        """
        async with self._lock:
            read_at, data = self._known.get(name, (None, {}))
            if read_at is not None and self._clock() - read_at < READ_AGAIN_SECONDS:
                return data
            try:
                found = await self._kube.get(SECRETS, self._namespace, name)
            except UnreachableError as error:
                if read_at is not None:
                    return data
                raise CredentialsError(f"Secret {self._namespace}/{name} cannot be read: {error}") from error
            except GoneError as error:
                self._known.pop(name, None)
                raise CredentialsError(f"Secret {self._namespace}/{name} does not exist") from error
            except WriteError as error:
                self._known.pop(name, None)
                raise CredentialsError(
                    f"Secret {self._namespace}/{name} may not be read: add it to the chart's metricSource.secretNames"
                ) from error
            data = found.get("data") or {}
            self._known[name] = self._clock(), data
            return data


class SourceCredentials:
    """Credentials of one source; the same object until one of its Secrets changes."""

    def __init__(self, spec: MetricSourceSpec, secrets: SecretReader | None) -> None:
        """Read nothing yet; without a reader only sources that need no Secret can be asked."""
        self._spec = spec
        self._secrets = secrets
        self._made_of: dict[str, Mapping[str, str]] = {}
        self._current = NONE
        self._names = _secret_names(spec)

    async def current(self) -> Credentials:
        """What to connect with now.

        Raises:
            CredentialsError: A Secret or a key is missing or unusable.
        """
        if self._names and self._secrets is None:
            raise CredentialsError(f"the source needs Secret {self._names[0]}, which only the operator reads")
        read = {name: await self._secrets.read(name) for name in self._names if self._secrets is not None}
        if self._current is NONE or read != self._made_of:
            self._current = _credentials(self._spec, read)
            self._made_of = read
        return self._current


def _secret_names(spec: MetricSourceSpec) -> tuple[str, ...]:
    names = [spec.auth.secret_name] if spec.auth is not None else []
    if spec.tls is not None:
        names += [name for name in (spec.tls.ca_secret_name, spec.tls.client_secret_name) if name is not None]
    return tuple(dict.fromkeys(names))


def _credentials(spec: MetricSourceSpec, secrets: Mapping[str, Mapping[str, str]]) -> Credentials:
    def text(name: str, key: str) -> str:
        try:
            value = base64.b64decode(secrets[name][key], validate=True).decode()
        except KeyError as error:
            raise CredentialsError(f"Secret {name} has no key {key}") from error
        except (binascii.Error, UnicodeDecodeError):
            raise CredentialsError(f"Secret {name}, key {key}: is not text") from None
        value = value.rstrip("\r\n")  # files end so, and a Secret made of one does, too
        if not value:
            raise CredentialsError(f"Secret {name}, key {key}: is empty")
        return value

    authorization = None
    if spec.auth is not None:
        name = spec.auth.secret_name
        if spec.auth.type is AuthType.BEARER:
            token = text(name, "token")
            if not _BEARER.fullmatch(token):
                raise CredentialsError(f"Secret {name}, key token: has characters that no token may have")
            authorization = f"Bearer {token}"
        else:
            pair = f"{text(name, 'username')}:{text(name, 'password')}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Credentials(authorization, _context(spec, text))


def _context(spec: MetricSourceSpec, text: Callable[[str, str], str]) -> ssl.SSLContext | None:
    if spec.tls is None:
        return None
    ca_name, client_name = spec.tls.ca_secret_name, spec.tls.client_secret_name
    try:
        # With roots of its own the context trusts no others.
        context = ssl.create_default_context(
            cafile=DEFAULT_CA_BUNDLE_PATH if ca_name is None else None,
            cadata=None if ca_name is None else text(ca_name, "ca.crt"),
        )
    except (ssl.SSLError, ValueError):
        raise CredentialsError(f"Secret {ca_name}, key ca.crt: is not a certificate in PEM") from None
    if client_name is not None:
        chain = f"{text(client_name, 'tls.crt')}\n{text(client_name, 'tls.key')}\n"
        # OpenSSL's loader wants a file; this one only its owner can read, and it is gone when the block ends.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(chain)
            file.flush()
            try:
                context.load_cert_chain(file.name, password=_no_password)
            except (ssl.SSLError, ValueError):
                raise CredentialsError(
                    f"Secret {client_name}, keys tls.crt and tls.key: are not a certificate with its key in PEM"
                ) from None
    return context


def _no_password() -> str:
    """Asked for when a key is encrypted; without it OpenSSL would ask at the terminal."""
    return ""
