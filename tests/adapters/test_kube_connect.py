"""Where credentials come from, and what is said when there are none."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio.config import incluster_config

from deadband.adapters import kube_connect
from deadband.adapters.kube_connect import (
    ConnectError,
    chosen_namespace,
    connect,
    credentials,
    in_cluster,
    own_namespace,
)


def kubeconfig(path: Path, **user: Any) -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "one",
                "contexts": [
                    {"name": "one", "context": {"cluster": "one", "user": "me"}},
                    {"name": "two", "context": {"cluster": "two", "user": "me"}},
                ],
                "clusters": [
                    {"name": "one", "cluster": {"server": "http://127.0.0.1:1"}},
                    {"name": "two", "cluster": {"server": "http://127.0.0.1:2"}},
                ],
                "users": [{"name": "me", "user": user}],
            }
        )
    )
    return path


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pod, and no kubeconfig of the person who runs the tests."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the kubelet mounts and sets."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("first")
    (folder / "namespace").write_text("ops\n")
    (folder / "ca.crt").write_text(AUTHORITY)
    monkeypatch.setattr(kube_connect, "SERVICE_ACCOUNT", folder)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


async def test_a_pod_uses_its_own_account(pod: Path) -> None:
    kube = await connect()
    found = await credentials(kube)
    await kube.close()

    assert in_cluster()
    assert own_namespace() == "ops"
    assert (found.server, found.scheme, found.token) == ("https://10.96.0.1:443", "Bearer", "first")
    assert found.ca_path == str(pod / "ca.crt")


async def test_a_pod_may_be_told_to_use_a_kubeconfig(pod: Path, tmp_path: Path) -> None:
    kube = await connect(kubeconfig=str(kubeconfig(tmp_path / "config", token="mine")))
    found = await credentials(kube)
    await kube.close()

    assert (found.server, found.token) == ("http://127.0.0.1:1", "mine")


@pytest.mark.parametrize(
    ("context", "server"),
    [
        pytest.param(None, "http://127.0.0.1:1", id="the current context"),
        pytest.param("two", "http://127.0.0.1:2", id="a context by name"),
    ],
)
async def test_a_kubeconfig_is_found_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, context: str | None, server: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", token="mine")))
    kube = await connect(context=context)
    found = await credentials(kube)
    await kube.close()

    assert found.server == server
    assert own_namespace() is None


async def test_a_token_file_is_read_again_when_it_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kube_connect, "_KUBECONFIG_REFRESH_SECONDS", 0)
    token = tmp_path / "token"
    token.write_text("first")
    kube = await connect(kubeconfig=str(kubeconfig(tmp_path / "config", tokenFile=str(token))))
    before = await credentials(kube)
    token.write_text("second")
    after = await credentials(kube)
    await kube.close()

    assert (before.token, after.token) == ("first", "second")


@pytest.mark.parametrize(
    ("content", "context", "says"),
    [
        pytest.param(None, None, "no kubeconfig at .*, and this is not a pod", id="no file"),
        pytest.param("just text", None, "is not one", id="another kind of file"),
        pytest.param("a: [", None, "is not one", id="not YAML"),
        pytest.param("", None, "is not one", id="an empty file"),
        pytest.param("clusters: []", None, "current-context", id="no contexts"),
        pytest.param("valid", "three", "three", id="an unknown context"),
    ],
)
async def test_what_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, content: str | None, context: str | None, says: str
) -> None:
    file = tmp_path / "config"
    if content == "valid":
        kubeconfig(file)
    elif content is not None:
        file.write_text(content)

    with pytest.raises(ConnectError, match=says) as caught:
        await connect(kubeconfig=str(file), context=context)

    assert "\n" not in str(caught.value)


AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUdOVGJIu2ERYS3gvoqFvSFwbDpu4wCgYIKoZIzj0EAwIw
JDEiMCAGA1UEAwwZYW4gYXV0aG9yaXR5IG9mIHRoZSB0ZXN0czAgFw0yNjExMjQw
MzA3NTFaGA8yMTI2MTAzMTAzMDc1MVowJDEiMCAGA1UEAwwZYW4gYXV0aG9yaXR5
IG9mIHRoZSB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKwBCLLfNqj8
VBqT6B3CHj8Xk7Jm46n0W4gBdogQ5GgEcSE6zUBRUhzHvgm1e0Mvtv3BgVsG9GJf
da41qoWn9wujUzBRMB0GA1UdDgQWBBQh1aQ6tKsiXPxdUbLP73wCqtMAuTAfBgNV
HSMEGDAWgBQh1aQ6tKsiXPxdUbLP73wCqtMAuTAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDOjZVZSz5Lt+nmpVAo1iUVQcmWAiqX8BX8/vRNxJk7
9AIgF5EGPoA4FZ53s/YF4pXDnhs+qDh27lYz19mzJsolmYQ=
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize(
    ("context", "namespace"),
    [
        pytest.param(None, "leadgen", id="of the current context"),
        pytest.param("two", "default", id="of a context that names none"),
        pytest.param("three", "default", id="of a context that is not there"),
    ],
)
def test_the_namespace_is_the_one_that_kubectl_would_use(context: str | None, namespace: str, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config")
    written = yaml.safe_load(file.read_text())
    written["contexts"][0]["context"]["namespace"] = "leadgen"
    file.write_text(yaml.safe_dump(written))

    assert chosen_namespace(kubeconfig=str(file), context=context) == namespace


def test_without_a_kubeconfig_the_namespace_is_the_pods_or_default(pod: Path) -> None:
    assert chosen_namespace(kubeconfig=None, context=None) == "ops"
    assert chosen_namespace(kubeconfig=str(pod / "none"), context=None) == "default"
