"""The watcher of pods against an API server that goes away and comes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from kubernetes.client import ApiException

from e2e.testbed.simulator import Simulator
from e2e.testbed.simulator.cluster import Cluster
from e2e.testbed.simulator.watcher import KubeWatcher


class ApiServer(ThreadingHTTPServer):
    """Answers every list with as many Deployments as ``deployments`` says, or 503 while it is None."""

    deployments: int | None = 1
    refused = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, ApiServer)
            count = self.server.deployments
            meta = [{"metadata": {"namespace": "shop", "name": f"api-{i}"}, "spec": {}} for i in range(count or 0)]
            body = json.dumps({"items": meta if "deployments" in self.path else []}).encode()
            self.send_response(200 if count is not None else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if count is None:
                self.server.refused.set()

        def log_message(self, *args: object) -> None: ...


@pytest.fixture
def api() -> Iterator[ApiServer]:
    server = ApiServer(("127.0.0.1", 0), ApiServer.Handler)
    server.refused = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kubeconfig(api: ApiServer, tmp_path: Path) -> str:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{api.server_address[1]}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def test_the_watcher_goes_on_after_the_api_server_was_away(api: ApiServer, kubeconfig: str) -> None:
    seen: Queue[Cluster] = Queue()
    watcher = KubeWatcher(kubeconfig, seen.put, interval_seconds=0.01)
    watcher.start()
    try:
        assert len(seen.get(timeout=10).scalables) == 1
        api.deployments = None
        assert api.refused.wait(10)
        api.deployments = 2
        while len(seen.get(timeout=10).scalables) != 2:
            pass
    finally:
        watcher.stop()


def test_an_api_server_that_refuses_at_the_start_is_an_error(api: ApiServer, kubeconfig: str) -> None:
    api.deployments = None
    with pytest.raises(ApiException), Simulator({}, kubeconfig):
        pass


def command(kubeconfig: str, scenario: str, tmp_path: Path) -> list[str]:
    (tmp_path / "scenario.yaml").write_text(scenario)
    module = [sys.executable, "-m", "e2e.testbed.simulator"]
    return [*module, "--kubeconfig", kubeconfig, "--config", str(tmp_path / "scenario.yaml"), "--port", "0"]


def test_the_command_serves_until_it_is_asked_to_end(kubeconfig: str, tmp_path: Path) -> None:
    running = subprocess.Popen(command(kubeconfig, "seed: 3", tmp_path), stdout=subprocess.PIPE, text=True)
    with running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[-1]
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"kube_deployment_spec_replicas" in answer.read()
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        pytest.param("workloads: [{name: api}]", "namespace", id="a scenario with a fault"),
        pytest.param("workloads: [", "expected", id="not YAML"),
        pytest.param("", "503", id="an API server that refuses"),
    ],
)
def test_the_command_says_what_it_cannot_use(
    api: ApiServer, kubeconfig: str, tmp_path: Path, scenario: str, fault: str
) -> None:
    api.deployments = None
    done = subprocess.run(
        command(kubeconfig, scenario, tmp_path), capture_output=True, text=True, timeout=25, check=False
    )
    assert done.returncode == 2
    assert fault in done.stderr
    assert "Traceback" not in done.stderr
