"""A client of the API server: from the pod's ServiceAccount, or from a kubeconfig."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

from deadband.adapters.kube import Kube, Observe
from deadband.adapters.kube_errors import OPERATOR, Caller

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_KUBECONFIG_REFRESH_SECONDS = 300


class ConnectError(Exception):
    """There are no usable credentials; the message says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What another client of the same API server (the watches) needs; read anew before each login.

    Attributes:
        server: Base URL.
        scheme: Of the Authorization header, usually Bearer; empty without a token.
        token: Empty without one.
        ca_path: File of the trusted authority; None means the system's.
        certificate_path: Client certificate; None without one.
        private_key_path: Its key.
        insecure: True when the kubeconfig switches verification off.
    """

    server: str
    scheme: str = ""
    token: str = ""
    ca_path: str | None = None
    certificate_path: str | None = None
    private_key_path: str | None = None
    insecure: bool = False


async def connect(
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    timeout_seconds: float = 10,
    observe: Observe | None = None,
    caller: Caller = OPERATOR,
) -> Kube:
    """Build the client.

    Args:
        kubeconfig: A file (or several, joined as in $KUBECONFIG); absent: the pod's ServiceAccount when the process
            runs in one and no context is named, else $KUBECONFIG, else ~/.kube/config.
        context: A context of that kubeconfig; absent: its current one.
        timeout_seconds: For every call.
        observe: Told of every finished call.
        caller: Who calls.

    Raises:
        ConnectError: No credentials were found, or they cannot be used.
    """
    configuration = Configuration()
    # Go clients do not ask for RFC 5280's key identifiers either; clusters exist whose authority has none.
    configuration.disable_strict_ssl_verification = True
    try:
        if kubeconfig is None and context is None and in_cluster():
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # reads the token again every minute
        else:
            files = kubeconfig or default_kubeconfig()
            if not _any_exists(files):
                raise ConnectError(f"cannot connect to Kubernetes: no kubeconfig at {files}, and this is not a pod")
            await _load_kubeconfig(configuration, files, context)
        client = ApiClient(configuration)
    except (ConfigException, OSError, ValueError) as failure:
        raise ConnectError(f"cannot connect to Kubernetes: {failure}") from failure
    except (AttributeError, KeyError, TypeError, yaml.YAMLError) as failure:  # what the client makes of odd files
        raise ConnectError("cannot connect to Kubernetes: the kubeconfig is not one") from failure
    return Kube(client, timeout_seconds=timeout_seconds, observe=observe, caller=caller)


def in_cluster() -> bool:
    """Whether the process runs in a pod with a ServiceAccount token."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (SERVICE_ACCOUNT / "token").exists()


def own_namespace() -> str | None:
    """The pod's namespace; None outside of a cluster."""
    file = SERVICE_ACCOUNT / "namespace"
    return file.read_text().strip() if file.exists() else None


def chosen_namespace(*, kubeconfig: str | None, context: str | None) -> str:
    """The namespace that kubectl would use: the context's, in a pod without a kubeconfig the pod's, else default."""
    if kubeconfig is None and context is None and in_cluster():
        return own_namespace() or "default"
    try:
        contexts, current = list_kube_config_contexts(kubeconfig or default_kubeconfig())  # type: ignore[no-untyped-call]  # as below
    except (ConfigException, OSError, AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError):
        return "default"  # whoever connects with such a file says what is wrong with it
    named = {each["name"]: each["context"] for each in contexts}
    chosen = named.get(context or current["name"]) or {}
    return chosen.get("namespace") or "default"


def default_kubeconfig() -> str:
    """What kubectl would use; read when asked, not when imported."""
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


async def credentials(kube: Kube) -> Credentials:
    """What the client uses now, with a token that was read again if it was due."""
    configuration = kube.client.configuration
    scheme, _, token = (await configuration.get_api_key_with_prefix("BearerToken") or "").partition(" ")
    return Credentials(
        server=configuration.host,
        scheme=scheme.capitalize(),
        token=token.strip(),
        ca_path=configuration.ssl_ca_cert,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        insecure=not configuration.verify_ssl,
    )


def _any_exists(files: str) -> bool:
    return any(Path(file).expanduser().exists() for file in files.split(os.pathsep))


async def _load_kubeconfig(configuration: Configuration, files: str, context: str | None) -> None:
    """Load a kubeconfig, and load it again every few minutes: tokens in files and from plugins expire."""

    async def load() -> None:
        await load_kube_config(  # type: ignore[no-untyped-call]  # the client leaves it unannotated
            config_file=files, context=context, client_configuration=configuration, persist_config=False
        )

    await load()
    due = time.monotonic() + _KUBECONFIG_REFRESH_SECONDS
    loading = asyncio.Lock()

    async def refresh(_: Configuration) -> None:
        nonlocal due
        async with loading:
            if time.monotonic() >= due:
                await load()
                due = time.monotonic() + _KUBECONFIG_REFRESH_SECONDS

    configuration.refresh_api_key_hook = refresh  # type: ignore[assignment]  # declared by its first value, None
