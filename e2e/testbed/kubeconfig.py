"""Kubeconfig files with one cluster, one user, one context."""

import base64
from pathlib import Path
from typing import Any

import yaml

from e2e.testbed.pki import KeyPair

CONTEXT = "deadband-testbed"


def write_kubeconfig(
    path: Path, *, server: str, ca_file: Path, client: KeyPair | None = None, token: str | None = None
) -> Path:
    """Write a kubeconfig that holds all it needs, for a client certificate or a bearer token; readable by us only."""
    user: dict[str, Any] = {}
    if client is not None:
        user |= {"client-certificate-data": _base64(client.certificate), "client-key-data": _base64(client.key)}
    if token is not None:
        user |= {"token": token}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": _base64(ca_file)}}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return path


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
