"""The test bed itself: what it starts is real, works, and is gone at the end."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import pytest

from e2e.conftest import PrometheusFactory
from e2e.testbed.access import KubectlError
from e2e.testbed.audit import caller
from e2e.testbed.cluster import Cluster, open_cluster, open_native
from e2e.testbed.foreign import ClusterError
from e2e.testbed.native import NativeCluster
from e2e.testbed.processes import Process, ProcessError, wait_until
from e2e.testbed.prometheus import QueryError, ScrapeJob
from e2e.testbed.workloads import workload


def ready(cluster: Cluster, kind: str, name: str, namespace: str, replicas: int) -> None:
    """Wait until a workload has exactly that many ready pods."""
    condition = f"--for=jsonpath={{.status.readyReplicas}}={replicas}"
    cluster.kubectl("wait", condition, f"{kind}/{name}", "-n", namespace, "--timeout=60s")


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_api_server_is_ready(cluster: Cluster) -> None:
    assert cluster.kubectl("get", "--raw", "/readyz") == "ok"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_becomes_ready_and_follows_its_scale(
    cluster: Cluster, namespace: str, kind: Literal["Deployment", "StatefulSet"]
) -> None:
    cluster.apply(workload("web", namespace, kind=kind, replicas=3))
    ready(cluster, kind, "web", namespace, 3)

    for replicas in (5, 2):
        cluster.kubectl("scale", f"{kind}/web", "-n", namespace, f"--replicas={replicas}")
        ready(cluster, kind, "web", namespace, replicas)

    scale = json.loads(
        cluster.kubectl("get", "--raw", f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s/web/scale")
    )
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (2, 2)


def test_a_pod_can_be_kept_pending_and_terminating(cluster: Cluster, namespace: str) -> None:
    slow = {"testbed.deadband.dev/ready-after": "24h"}
    cluster.apply(workload("slow", namespace, replicas=1, annotations=slow))
    cluster.apply(workload("stays", namespace, replicas=1, annotations={"testbed.deadband.dev/terminates-in": "24h"}))
    ready(cluster, "Deployment", "stays", namespace, 1)

    cluster.kubectl("scale", "deployment/stays", "-n", namespace, "--replicas=0")
    cluster.kubectl("wait", "--for=jsonpath={.status.terminatingReplicas}=1", "deployment/stays", "-n", namespace)

    (pod,) = cluster.get("pods", "-n", namespace, "-l", "app=slow")["items"]
    assert pod["status"]["phase"] == "Pending"
    (pod,) = cluster.get("pods", "-n", namespace, "-l", "app=stays")["items"]
    assert pod["metadata"]["deletionTimestamp"]
    cluster.kubectl("delete", "pod", "-n", namespace, "-l", "app=stays", "--force", "--grace-period=0")


def test_a_service_account_without_rights_is_refused_and_the_audit_log_shows_it(
    own_control_plane: NativeCluster,
) -> None:
    cluster = own_control_plane
    cluster.create_namespace("poor")
    kubeconfig = cluster.service_account_kubeconfig("poor", "default")
    mark = cluster.audit_mark()

    with pytest.raises(KubectlError, match="Forbidden"):
        cluster.kubectl("get", "deployments", "-n", "poor", kubeconfig=kubeconfig)

    events = cluster.audit_events(mark)
    refused = [event for event in events if caller(event) == "system:serviceaccount:poor:default"]
    assert [event["responseStatus"]["code"] for event in refused if event["verb"] == "list"] == [403]


def test_the_api_server_comes_back_on_its_port_with_its_data(own_control_plane: NativeCluster) -> None:
    cluster = own_control_plane
    cluster.create_namespace("kept")
    before = cluster.api_server.pid

    cluster.restart_api_server()

    assert cluster.api_server.pid != before
    assert cluster.get("namespace", "kept")["status"]["phase"] == "Active"
    codes = [event["requestURI"] for event in cluster.audit_events() if "namespaces/kept" in event["requestURI"]]
    assert codes, "the audit log goes on in the same file"


def test_an_existing_cluster_is_used_when_it_is_named_and_is_left_running(
    own_control_plane: NativeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_control_plane.nodes.stop(delete=True)
    monkeypatch.setenv("KUBECONFIG", str(own_control_plane.kubeconfig))

    with open_cluster("existing", run_directory=tmp_path, kube_context="deadband-testbed") as cluster:
        cluster.create_namespace("guest")
        cluster.apply(workload("web", "guest", replicas=2))
        ready(cluster, "Deployment", "web", "guest", 2)

    assert own_control_plane.get("nodes")["items"] == []
    assert own_control_plane.api_server.running


def test_a_kube_context_of_somebody_else_is_refused_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "config"
    foreign.write_text("{apiVersion: v1, kind: Config, current-context: production, contexts: [{name: production}]}")
    monkeypatch.setenv("KUBECONFIG", str(foreign))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(ClusterError, match="--kube-context production"), open_cluster("existing"):
        pass
    assert list(tmp_path.iterdir()) == [foreign], "the temporary folder is removed"


def test_kind_without_docker_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ClusterError, match="docker, which is not on the PATH"), open_cluster("kind"):
        pass


def test_prometheus_scrapes_answers_and_keeps_its_data_over_a_restart(start_prometheus: PrometheusFactory) -> None:
    prometheus = start_prometheus([])
    itself = prometheus.url.removeprefix("http://")
    prometheus.scrape([ScrapeJob("itself", [itself], labels={"room": "kitchen"})])

    prometheus.wait_for('count_over_time(up{job="itself", room="kitchen"}[5m]) > 1')
    (before,) = prometheus.query('min_over_time(timestamp(up{job="itself"})[5m:1s])')
    prometheus.restart()

    assert prometheus.query('min_over_time(timestamp(up{job="itself"})[5m:1s])')[0]["value"][1] == before["value"][1]
    assert prometheus.value("vector(0.5)") == 0.5
    assert prometheus.value("absent_series") is None
    with pytest.raises(QueryError, match="parse error"):
        prometheus.query("sum(")


@pytest.mark.parametrize("end", ["stop", "interrupt"])
def test_nothing_is_left_after_the_end(tmp_path: Path, end: str) -> None:
    started: list[int] = []

    def use() -> None:
        with open_native(tmp_path) as cluster:
            processes = (cluster.etcd, cluster.api_server, cluster.controller_manager, cluster.nodes.process)
            started.extend(process.pid for process in processes)
            assert all(map(alive, started))
            if end == "interrupt":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if end == "interrupt" else nullcontext():
        use()

    assert len(started) == 4
    assert not any(map(alive, started))
    assert not (tmp_path / "etcd").exists()


_ORPHAN = """
import os, signal, sys
from pathlib import Path
from e2e.testbed.processes import Process
child = Process("sleep", ["sleep", "600"], log=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_test_run_started_is_stopped_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ORPHAN, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == -9
    wait_until(lambda: not alive(int(done.stdout)), timeout=10, what="the orphan is stopped")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("echo no such flag; exit 3", "ended with 3 while starting:\n  no such flag", id="it ends early"),
        pytest.param("echo thinking; sleep 60", "its log ends with:\n  thinking", id="it is never ready"),
    ],
)
def test_a_process_that_does_not_come_up_is_an_error_with_the_tail_of_its_log(
    tmp_path: Path, script: str, said: str
) -> None:
    process = Process("server", ["sh", "-c", script], log=tmp_path / "log")
    process.start()
    try:
        with pytest.raises(ProcessError, match=said):
            process.wait_ready(lambda: False, timeout=1)
    finally:
        process.stop()


def test_a_process_that_ignores_sigterm_or_is_frozen_is_stopped(tmp_path: Path) -> None:
    script = "trap '' TERM; echo trapped; while :; do sleep 0.1; done"
    process = Process("stubborn", ["sh", "-c", script], log=tmp_path / "log")
    process.start()
    process.wait_ready(lambda: "trapped" in process.log_tail())
    process.freeze()

    process.stop(timeout=0.2)

    assert process.returncode == -9
    assert not alive(process.pid)


def names(documents: list[dict[str, Any]]) -> set[str]:
    """Return the names of objects."""
    return {document["metadata"]["name"] for document in documents}


def test_both_pretended_nodes_are_there(cluster: Cluster) -> None:
    assert names(cluster.get("nodes", "-l", "testbed.deadband.dev/pretended=true")["items"]) == {
        "testbed-node-0",
        "testbed-node-1",
    }
