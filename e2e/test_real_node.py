"""deadband's own pods on a real node, judged by what the kernel counted (a kubelet, containerd, cAdvisor, cgroups).

Everything is scraped every 15s and every other setting is at its default, as on most clusters. All workloads are there
from the start, what is to happen to them happens at once, and each test looks at the record of its own.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from e2e.testbed.installation import SYSTEM
from e2e.testbed.node.load import Load, call
from e2e.testbed.node.record import Moment
from e2e.testbed.node.truth import GROUPS
from e2e.testbed.node.workloads import burner, pod_level, with_sidecar
from e2e.testbed.node.world import World, open_world
from e2e.testbed.policies import policy
from e2e.testbed.processes import wait_until

pytestmark = pytest.mark.timeout(300)

NAMESPACE = "real"
REQUEST = 0.05
CPU: dict[str, Any] = {"name": "cpu", "resource": {"name": "cpu", "of": "Requests"}}
MEMORY = {"name": "memory", "resource": {"name": "memory", "of": "Requests"}}
MEMORY_REQUEST = 128
POINTS = 12
"""How far a reading may be from the truth: the burner does not beat evenly, and probes cost a point or two."""
WATCH_SECONDS = 100
"""For so long after it happened a test looks; the faults showed within 70s."""
LONG_WATCH_SECONDS = 130
KNOWN_SECONDS = 25
"""kube-state-metrics is scraped every 15s, and policies are evaluated every 5s."""
SEEN_SECONDS = 120
"""Within these an overload is acted on: at the limit, 100%, it takes 42 of the 60s that a rate looks back until that is
70%; samples are up to 30s old; and 30s are asked for."""
RATE = 3.5
COST = 0.02
"""Requests per second and the CPU seconds of each: 140% of one pod's request, and 150 to 200% with what surrounds them,
which depends on how busy the machine is. To be below 70% that needs 3 pods."""
LOADED = f"--cost={COST * 1000:g}ms"
QUICKLY: dict[str, Any] = {"cooldownSeconds": 0, "limits": [], "forSeconds": 5}


def up(above: int, **more: Any) -> dict[str, Any]:
    """A direction on CPU, or on a metric of that name, that acts soon."""
    return {"anyOf": [{"metric": more.pop("metric", "cpu"), "above": above}], **QUICKLY, **more}


def down(below: int, **more: Any) -> dict[str, Any]:
    """As `up`."""
    return {"allOf": [{"metric": "cpu", "below": below}], **QUICKLY, **more}


def scales(name: str, **spec: Any) -> dict[str, Any]:
    """A policy of the Deployment of the name."""
    return policy(name, NAMESPACE, **{"metrics": [CPU], **spec})


def burns(name: str, replicas: int, percent: float, **more: Any) -> dict[str, Any]:
    """A Deployment whose pods use a share of their request all the time."""
    cpu = f"{REQUEST * 1000:g}m"
    return burner(name, NAMESPACE, replicas=replicas, cpu=cpu, burn=REQUEST * percent / 100, **more)


WORKLOADS = [
    burns("restarted", 4, 62),
    burns("killed", 2, 104),
    burner(
        "out-of-memory",
        NAMESPACE,
        replicas=1,
        cpu="10m",
        memory=f"{MEMORY_REQUEST}Mi",
        limits={"memory": f"{MEMORY_REQUEST}Mi"},
    ),
    burns("joined", 2, 45),
    burns("warming-up", 2, 0, flags=["--burst=4s"]),
    burns("overloaded", 2, 0, flags=[LOADED, "--queue=2"], limits={"cpu": f"{REQUEST * 1000:g}m"}),
    burns("unscraped", 1, 50),
    with_sidecar(burner("beside", NAMESPACE, replicas=2, cpu="10m", burn=0.001), cpu="50m", burn=0.047),
    pod_level(burner("of-the-pod", NAMESPACE, replicas=1, cpu="10m", burn=0.03), cpu="50m"),
    burns("loaded", 1, 0, flags=[LOADED]),
]
POLICIES = [
    scales("restarted", scaleDown=down(30, forSeconds=30), maxReplicas=4),
    scales("killed", scaleUp=up(70), scaleDown=down(60), minReplicas=2, maxReplicas=2),
    scales("out-of-memory", metrics=[MEMORY], scaleUp=up(80, metric="memory"), maxReplicas=1),
    scales("joined", scaleUp=up(70), maxReplicas=2),
    scales("warming-up", scaleUp=up(70, forSeconds=60, cooldownSeconds=120), minReplicas=2),
    scales("overloaded", scaleUp=up(70, forSeconds=30), minReplicas=2, maxReplicas=4),
    scales("unscraped", metrics=[{**CPU, "source": "lossy"}], scaleUp=up(70), scaleDown=down(45)),
    scales(
        "beside",
        metrics=[CPU, {"name": "proxy", "resource": {**CPU["resource"], "container": "proxy"}}],
        scaleDown=down(20),
        scaleUp=up(200, metric="proxy"),
        minReplicas=1,
        maxReplicas=2,
    ),
    scales("of-the-pod", scaleUp=up(200)),
    scales("loaded", scaleUp=up(70), scaleDown=down(20, forSeconds=10), maxReplicas=6),
]


@dataclass(frozen=True, slots=True)
class Scene:
    """The world, and the Unix time at which everything happened in it."""

    world: World
    when: float

    def after(self, name: str, seconds: float = WATCH_SECONDS) -> list[Moment]:
        """The moments of a policy in the seconds after it happened; waits until they are over."""
        self.world.wait_past(self.when + seconds)
        return [each for each in self.world.record.moments(name, self.when) if each.when <= self.when + seconds]

    def before(self, name: str) -> list[Moment]:
        """The moments of a policy before it happened."""
        return [each for each in self.world.record.moments(name) if each.when < self.when]

    def told(self, name: str, true: float | None = None) -> str:
        """What a policy went through since it happened, and what its pods really used."""
        return f"TRUE {true}\n{self.world.record.told(name, self.when)}"

    def true_percent(self, name: str, start: float, end: float, request: float = REQUEST) -> float:
        """CPU between two times after it happened, by the kernel."""
        return self.world.record.true_percent(name, request, self.when + start, self.when + end)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The operator's pods, the workloads, and their policies."""
    with open_world(tmp_path_factory.mktemp("node"), NAMESPACE) as opened:
        opened.cluster.apply(*WORKLOADS)
        opened.cluster.kubectl("wait", "--for=condition=Available", "deploy", "--all", "-n", NAMESPACE, "--timeout=90s")
        opened.cluster.apply(*POLICIES)
        wait_until(lambda: bool(opened.record.ready("out-of-memory")), timeout=10, what="a pod is recorded")
        call(opened.record.ready("out-of-memory")[0], f"/allocate?mib={MEMORY_REQUEST * 0.85:.0f}")
        for address in opened.record.ready("joined"):
            call(address, f"/burn?cores={REQUEST * 1.11:g}")
        yield opened


@pytest.fixture(scope="module")
def scene(world: World) -> Iterator[Scene]:
    """Wait until every policy has a number, and let it all happen, but for the load of `loaded`."""
    for each in POLICIES:
        name, metric = each["metadata"]["name"], each["spec"]["metrics"][0]["name"]
        if name != "of-the-pod":
            world.wait_for(f"{name} has a number", name, partial(read, world, name, metric), timeout=120)
    for address in world.record.ready("joined"):
        call(address, f"/burn?cores={REQUEST * 0.45:g}")
    world.cluster.kubectl("scale", "deployment/joined", "-n", NAMESPACE, "--replicas=4")
    patched = {"spec": {"maxReplicas": 10, "minReplicas": 4}}
    world.cluster.kubectl("patch", "spol/joined", "-n", NAMESPACE, "--type=merge", "-p", str(patched).replace("'", '"'))
    (address,) = world.record.ready("out-of-memory")
    with suppress(requests.RequestException):  # it dies of this
        call(address, f"/allocate?mib={2 * MEMORY_REQUEST}")
    world.cluster.kubectl("rollout", "restart", "deployment/restarted", "deployment/warming-up", "-n", NAMESPACE)
    kill_first_processes(world, "killed")
    world.lose_kubelet()
    with Load(lambda: world.record.ready("overloaded"), 2 * 2 * REQUEST / COST, most=16):
        yield Scene(world, time.time())  # noqa: TID251 - to compare with the record


def read(world: World, name: str, metric: str) -> bool:
    """Whether the policy shows a number for the metric."""
    moments = world.record.moments(name)
    return bool(moments) and moments[-1].ends(metric) is not None


def kill_first_processes(world: World, name: str) -> None:
    """Kill process 1 of each container of a Deployment, as the kernel does when memory is out."""
    pods = world.cluster.get("pods", "-n", NAMESPACE, "-l", f"app={name}")["items"]
    for pod in pods:
        for group in (GROUPS / "kubepods").glob(f"**/pod{pod['metadata']['uid']}/*/cgroup.procs"):
            for pid in map(int, group.read_text().split()):
                if "pause" not in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)


def test_the_charts_own_pods_are_ready_as_helm_installs_them(world: World) -> None:
    world.cluster.kubectl("wait", "-n", SYSTEM, "--for=condition=Available", "deployment/deadband", "--timeout=60s")

    pods = world.cluster.get("pods", "-n", SYSTEM)["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    assert all(status["ready"] for pod in pods for status in pod["status"]["containerStatuses"])
    assert all(status["restartCount"] == 0 for pod in pods for status in pod["status"]["containerStatuses"])
    security = pods[0]["spec"]["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert pods[0]["spec"]["securityContext"]["runAsNonRoot"]
    assert pods[0]["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_real_load_takes_one_pod_to_three_and_back(scene: Scene) -> None:
    world = scene.world

    def replicas() -> int:
        return world.record.moments("loaded")[-1].replicas

    with Load(lambda: world.record.ready("loaded"), RATE) as load:
        began = time.time()  # noqa: TID251 - to compare with the record
        world.wait_for("3 replicas", "loaded", lambda: replicas() >= 3, timeout=120)
        time.sleep(30)
        assert max(each.replicas for each in world.record.moments("loaded", began)) == 3, scene.told("loaded")
    assert load.done > 20 * load.failed
    world.wait_for("1 replica", "loaded", lambda: replicas() == 1, timeout=120)


def test_a1_a_rollout_reads_no_lower_than_the_pods_work(scene: Scene) -> None:
    moments = scene.after("restarted")
    true = scene.true_percent("restarted", 0, WATCH_SECONDS)

    assert true > 45
    assert {each.replicas for each in moments} == {4}, scene.told("restarted")
    assert astray(moments, true) == [], scene.told("restarted", true)


def test_a2_a_container_that_was_killed_counts_no_more(scene: Scene) -> None:
    moments = scene.after("killed")
    true = scene.true_percent("killed", 0, WATCH_SECONDS)

    assert true > 85
    assert {each.replicas for each in moments} == {2}
    assert astray(moments, true) == [], scene.told("killed", true)


def test_a2_the_memory_of_a_container_that_ran_out_of_it_counts_no_more(scene: Scene) -> None:
    moments = scene.after("out-of-memory")
    known = [each for each in moments if each.when > scene.when + KNOWN_SECONDS]

    assert any((each.ends("memory") or (0, 0))[0] > 80 for each in scene.before("out-of-memory"))
    assert all((each.ends("memory") or (0, 0))[0] < 20 for each in known), scene.told("out-of-memory")
    assert known[-1].ends("memory"), scene.told("out-of-memory")


def test_a3_pods_that_have_just_come_do_not_raise_the_wish(scene: Scene) -> None:
    moments = scene.after("joined")

    assert scene.true_percent("joined", 10, WATCH_SECONDS) < 70
    assert {each.replicas for each in moments} == {4}, scene.told("joined")


def test_a4_work_before_ready_is_no_load(scene: Scene) -> None:
    moments = scene.after("warming-up", LONG_WATCH_SECONDS)

    assert scene.true_percent("warming-up", 0, LONG_WATCH_SECONDS) > 10
    assert scene.true_percent("warming-up", WATCH_SECONDS, LONG_WATCH_SECONDS) < 30
    assert {each.replicas for each in moments} == {2}, scene.told("warming-up")
    assert [each.ends() for each in moments if (each.ends() or (0, 0))[0] > 70] == [], scene.told("warming-up")


def test_a5_an_overload_that_costs_pods_their_readiness_is_seen(scene: Scene) -> None:
    moments = scene.after("overloaded", SEEN_SECONDS)
    raised = [each for each in moments if each.replicas > 2]

    assert min(each.ready for each in moments) < 2
    assert raised, scene.told("overloaded")


def test_a6_a_scrape_that_is_lost_reads_as_before_or_not_at_all(scene: Scene) -> None:
    moments = scene.after("unscraped")
    true = scene.true_percent("unscraped", 0, WATCH_SECONDS)

    assert {each.replicas for each in moments} == {1}
    assert astray(moments, true) == [], scene.told("unscraped", true)
    assert moments[-1].ends() is None, scene.told("unscraped")


def test_a7_a_native_sidecar_counts_and_can_be_measured_alone(scene: Scene) -> None:
    moments = scene.after("beside")
    true = scene.true_percent("beside", 0, WATCH_SECONDS, request=0.06)

    assert true > 60
    assert {each.replicas for each in moments} == {2}
    assert astray(moments, true) == [], scene.told("beside", true)
    assert astray(moments, 94, "proxy") == [], scene.told("beside")
    assert moments[-1].ends("proxy"), scene.told("beside")


def test_a8_requests_of_the_whole_pod_are_named(scene: Scene) -> None:
    moment = scene.after("of-the-pod")[-1]

    assert moment.readings["cpu"] == (None, "NoRequests"), scene.told("of-the-pod")
    assert "spec.resources" in moment.messages["MetricsAvailable"]


def astray(moments: list[Moment], true: float, metric: str = "cpu") -> list[tuple[float, float]]:
    """The readings among moments that the truth is not within, with what they may be off."""
    ends = [found for each in moments if (found := each.ends(metric))]
    return [(low, high) for low, high in ends if not low - POINTS <= true <= high + POINTS]
