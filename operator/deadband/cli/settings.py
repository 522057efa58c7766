"""What an operator process is told: by options or by environment variables DEADBAND_*, read once."""

import re
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LogFormat = Literal["text", "json"]

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

LARGEST_PORT = 65535

BASE_URL = re.compile(r"https?://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{1,5}))?(/[^\s?#@]*)?")

HTTP_ADDRESS = "0.0.0.0:8080"
"""Probes and scrapes come from outside of the pod."""

LEASE_NAMESPACE = "default"
"""Outside of a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that differs between two installations.

    Attributes:
        namespaces: Those that are served; empty: all.
        lease_namespace: The operator's own: where the leader Lease is, and the Secrets that MetricSources name.
        lease_name: Its name; operators of one installation share it.
        identity: Of this process; a random tail makes it unique to this start.
        http_address: host:port of probes and metrics.
        alertmanagers: Base URLs of the Alertmanagers that are told what policies ask; empty: none is.
        log_format: For people or for machines.
        log_level: Such as INFO.
        kubeconfig: A file; None: the pod's ServiceAccount, else kubectl's default.
        context: Of the kubeconfig; None: its current one.
    """

    namespaces: tuple[str, ...] = ()
    lease_namespace: str = LEASE_NAMESPACE
    lease_name: str = "deadband"
    identity: str = ""
    http_address: str = HTTP_ADDRESS
    alertmanagers: tuple[str, ...] = ()
    log_format: LogFormat = "text"
    log_level: str = "INFO"
    kubeconfig: str | None = None
    context: str | None = None


def split_namespaces(text: str) -> tuple[str, ...]:
    """Read a list of namespaces, separated by commas or blanks.

    Raises:
        ValueError: Something in it is no name of a namespace.
    """
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    for name in names:
        if not DNS_LABEL.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a namespace")
    return names


def split_urls(texts: Iterable[str]) -> tuple[str, ...]:
    """Read base URLs, several of them in a text separated by commas or blanks; each once, without a slash at its end.

    Raises:
        ValueError: Something is no http or https URL with a host, or carries a login, a query or a fragment. The
            message does not repeat it.
    """
    urls = [url.rstrip("/") for text in texts for url in text.replace(",", " ").split()]
    for number, url in enumerate(urls, start=1):
        found = BASE_URL.fullmatch(url)
        if found is None or int(found["port"] or 0) > LARGEST_PORT:
            raise ValueError(f"URL {number} must be http(s)://host[:port][/path], without login, query and fragment")
    return tuple(dict.fromkeys(urls))


def unique_identity(name: str | None) -> str:
    """The pod's name, or the host's, with a tail: a container that restarts keeps its name, but is another process."""
    return f"{name or socket.gethostname()}_{secrets.token_hex(4)}"
