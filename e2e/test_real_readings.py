"""Readings of pods that behave as real ones do: young, killed, throttled, lost, with work before Ready and sidecars.

cAdvisor's samples are late and bear their own time, seven times as often as in a real kubelet. Everything happens at
once, and each test looks at what was seen of its own workload: what the operator read, and the replicas that it left.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from kubernetes.client import ApiClient, AppsV1Api
from prometheus_client.parser import text_string_to_metric_families

from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.nodes import NODE_NAMES
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.processes import wait_until
from e2e.testbed.prometheus import Prometheus, ScrapeJob
from e2e.testbed.simulator import Simulator
from e2e.testbed.workloads import workload

pytestmark = pytest.mark.timeout(300)  # the first test waits for all that is seen, beside the control plane

NAMESPACE = "readings"
SCRAPE_SECONDS = 2
REQUESTS = {"cpu": "500m", "memory": "256Mi"}
CPU = {"name": "cpu", "resource": {"name": "cpu", "of": "Requests"}}
MEMORY = {"name": "memory", "resource": {"name": "memory", "of": "Requests"}}
PROXY = {"name": "proxy", "resource": {"name": "cpu", "of": "Requests", "container": "istio-proxy"}}
UP: dict[str, Any] = {"anyOf": [{"metric": "cpu", "above": 70}], "cooldownSeconds": 0}
DOWN: dict[str, Any] = {"allOf": [{"metric": "cpu", "below": 30}], "forSeconds": 5, "cooldownSeconds": 0, "limits": []}

# Long enough for a window, a first reading and a for-time of the slowest.
FAULTS_SECONDS = 40
HIDDEN_SECONDS = 20


def at_percent(name: str, percent: float, pods: int, **more: Any) -> dict[str, Any]:
    """The load with which so many pods use that percent of their CPU request."""
    return {"namespace": NAMESPACE, "name": name, "cpu": {"percent": percent, "pods": pods}, **more}


WORKLOADS = [
    workload("rollout", NAMESPACE, replicas=4, requests=REQUESTS),
    workload("killed", NAMESPACE, replicas=2, requests=REQUESTS),
    workload("young", NAMESPACE, replicas=2, requests=REQUESTS),
    workload("overloaded", NAMESPACE, replicas=2, requests=REQUESTS, limits={"cpu": "500m"}),
    workload("far-away", NAMESPACE, replicas=2, requests=REQUESTS, node=NODE_NAMES[1]),
    workload("meshed", NAMESPACE, requests={"cpu": "100m"}, native_sidecars={"istio-proxy": {"cpu": "500m"}}),
    workload("whole-pod", NAMESPACE, pod_requests={"cpu": "500m"}),
]
STARTING = workload(
    "starting", NAMESPACE, replicas=2, requests={"cpu": "100m"}, annotations={"testbed.deadband.dev/starts-in": "6s"}
)
SCENARIO = {
    "sampling": {"everySeconds": 2, "firstAfterSeconds": 3.5},
    "nodeGraceSeconds": 8,
    "workloads": [
        at_percent("rollout", 48, 4),
        at_percent("killed", 104, 2, memory={"percent": 94, "pods": 2}),
        at_percent("young", 50, 2),
        at_percent("overloaded", 50, 2, readiness={"failsAfterSeconds": 3, "recoversAfterSeconds": 4}),
        at_percent("far-away", 50, 2),
        {"namespace": NAMESPACE, "name": "meshed", "cpu": {"amount": 0.01}, "sidecarCores": 0.47},
        at_percent("whole-pod", 60, 1),
        {"namespace": NAMESPACE, "name": "starting", "startUp": {"cores": 1.0, "seconds": 4}},
    ],
}
FAULTS = {
    "kill": [f"{NAMESPACE}/killed"],
    "workloads": {
        f"{NAMESPACE}/killed": {"memory": {"percent": 5, "pods": 2}},
        f"{NAMESPACE}/young": {"cpu": {"percent": 100, "pods": 2}},
        f"{NAMESPACE}/overloaded": {"cpu": {"percent": 300, "pods": 2}},
    },
    "lostNodes": [NODE_NAMES[1]],
}


def scaled(name: str, **spec: Any) -> dict[str, Any]:
    """A policy that acts at once upwards, and after 5 s downwards."""
    return policy(name, NAMESPACE, **{"metrics": [CPU], "scaleUp": UP, "scaleDown": DOWN, **spec})


POLICIES = [
    scaled("rollout"),
    scaled(
        "killed",
        maxReplicas=2,
        metrics=[CPU, MEMORY],
        scaleUp={"anyOf": [*UP["anyOf"], {"metric": "memory", "above": 80}]},
    ),
    scaled("young"),
    scaled("overloaded", maxReplicas=8, scaleUp={**UP, "forSeconds": 10}),
    scaled("far-away"),
    scaled(
        "meshed",
        maxReplicas=1,
        metrics=[CPU, PROXY],
        scaleUp={"anyOf": [*UP["anyOf"], {"metric": "proxy", "above": 70}]},
    ),
    scaled("whole-pod"),
]
LATE_POLICY = scaled("starting", minReplicas=2, scaleUp={**UP, "forSeconds": 5})


@dataclass(frozen=True, slots=True)
class Moment:
    """One look: replicas by workload, reasons by policy, readings by policy and metric; unknown ones are not there."""

    at: float
    replicas: Mapping[str, int]
    reasons: Mapping[str, str]
    readings: Mapping[tuple[str, str], float]


class Watch:
    """Looks at replicas and readings twice a second, in a thread; a context manager."""

    def __init__(self, client: ApiClient, operator: Operator) -> None:
        """Take a client with the rights to read and a running operator."""
        self.moments: list[Moment] = []
        self._apps = AppsV1Api(client)
        self._operator = operator
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop; raises what ended the looking too early."""
        self._ended.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._ended.wait(0.5):
                self.moments.append(self._look())
        except Exception as error:  # noqa: BLE001 - raised again where it is seen
            self._failure = error

    def _look(self) -> Moment:
        listed: Any = self._apps.list_namespaced_deployment(NAMESPACE)
        families = text_string_to_metric_families(self._operator.metrics())
        samples = [one for family in families for one in family.samples if one.labels.get("namespace") == NAMESPACE]
        return Moment(
            at=time.monotonic(),
            replicas={item.metadata.name: item.spec.replicas for item in listed.items},
            reasons={
                one.labels["policy"]: one.labels["reason"] for one in samples if one.name == "deadband_policy_decision"
            },
            readings={
                (one.labels["policy"], one.labels["metric"]): one.value
                for one in samples
                if one.name == "deadband_policy_metric_value"
            },
        )


@dataclass(frozen=True, slots=True, repr=False)
class Play:
    """What was seen; `summary` is for people who look into a failure.

    Attributes:
        moments: In order.
        faults, hidden: When (monotonic) everything was disturbed, and when cAdvisor's series stopped for all.
        messages: The text of condition MetricsAvailable by policy, before anything was disturbed.
    """

    moments: list[Moment]
    faults: float
    hidden: float
    messages: dict[str, str] = field(default_factory=dict)

    def readings(self, name: str, metric: str = "cpu", *, start: float, end: float) -> list[float]:
        """What was read between two times, without repetition."""
        values = [each.readings[name, metric] for each in self._between(start, end) if (name, metric) in each.readings]
        return list(dict.fromkeys(round(value, 1) for value in values))

    def replicas(self, name: str, *, start: float, end: float) -> list[int]:
        """The numbers of replicas between two times, without repetition."""
        return list(dict.fromkeys(each.replicas[name] for each in self._between(start, end) if name in each.replicas))

    def summary(self) -> str:
        """Every change of replicas and readings, with seconds since the faults."""
        lines, last = [], dict[str, str]()
        for each in self.moments:
            now = {name: f"{count} {each.reasons.get(name, '')}" for name, count in each.replicas.items()}
            for (name, metric), value in each.readings.items():
                now[name] += f" {metric} {value:.1f}"
            lines += [
                f"{each.at - self.faults:6.1f} {name}: {now[name]}" for name in now if now[name] != last.get(name)
            ]
            last = now
        return "\n".join(lines)

    def _between(self, start: float, end: float) -> Iterator[Moment]:
        return (each for each in self.moments if start <= each.at < end)


@pytest.fixture(scope="module")
def play(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Play]:
    """Everything at rest, then every fault at once, then no series of cAdvisor at all."""
    folder = tmp_path_factory.mktemp("readings")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(*WORKLOADS)
    seen = Seen(api_client, NAMESPACE)
    with Simulator(SCENARIO, str(cluster.kubeconfig)) as simulator:
        job = ScrapeJob("simulator", [f"127.0.0.1:{simulator.port}"])
        with Prometheus(folder / "prometheus", [job], scrape_interval=SCRAPE_SECONDS) as prometheus:
            # The lookback is long on purpose: a dead container is found for as long as it lasts.
            times = {"rateWindowSeconds": 4 * SCRAPE_SECONDS, "staleAfterSeconds": 60}
            cluster.apply(source("readings", prometheus.url, default=True, **times))
            operator = Operator(installation, folder, identity="readings", namespaces=[NAMESPACE])
            operator.start()
            try:
                cluster.kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout=60s")
                prometheus.wait_for(
                    f"count(rate(container_cpu_usage_seconds_total{{namespace='{NAMESPACE}'}}[8s])) > 30"
                )
                cluster.apply(*POLICIES)
                played = _played(cluster, simulator, operator, seen, api_client)
                (folder / "seen.txt").write_text(played.summary())
                yield played
            finally:
                operator.process.stop()
                cluster.kubectl("delete", "metricsource", "readings")
                cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _played(cluster: Cluster, simulator: Simulator, operator: Operator, seen: Seen, client: ApiClient) -> Play:
    names = [each["metadata"]["name"] for each in POLICIES]
    with Watch(client, operator) as watch:
        wait_until(
            lambda: (
                bool(watch.moments) and {name for name, _ in watch.moments[-1].readings} >= {*names} - {"whole-pod"}
            ),
            timeout=60,
            what="every policy has a reading",
        )
        time.sleep(6)  # an evaluation of each, so that the state at rest is seen
        messages = {name: seen.message(name, "MetricsAvailable") for name in names}
        faults = time.monotonic()
        cluster.apply(STARTING, LATE_POLICY)
        cluster.kubectl("rollout", "restart", "deployment/rollout", "-n", NAMESPACE)
        simulator.apply(FAULTS)
        time.sleep(FAULTS_SECONDS)
        hidden = time.monotonic()
        simulator.apply({"hide": ["container_*"]})
        time.sleep(HIDDEN_SECONDS)
    return Play(watch.moments, faults, hidden, messages)


POINTS = 10
"""How far a single number may be from the truth: what is promised of real pods; the faults were off by 30 and more."""


def wrong(found: list[float], truth: float) -> list[float]:
    """The readings that are further from the truth; a rate of a few samples that jitter is never exact."""
    return [value for value in found if abs(value - truth) > POINTS]


@pytest.mark.parametrize(
    ("name", "truth"), [("rollout", 48), ("killed", 104), ("young", 50), ("overloaded", 50), ("far-away", 50)]
)
def test_at_rest_a_reading_is_the_truth(play: Play, name: str, truth: float) -> None:
    found = play.readings(name, start=play.faults - 5, end=play.faults)
    assert found
    assert wrong(found, truth) == []


def test_a_rollout_under_constant_load_scales_nothing(play: Play) -> None:
    """A young container is measured over its own time or not at all; a window that is not full is no low load."""
    assert play.replicas("rollout", start=play.faults, end=play.hidden) == [4]
    assert wrong(play.readings("rollout", start=play.hidden - 5, end=play.hidden)[-1:], 48) == []


def test_of_a_restarted_container_the_living_one_is_read(play: Play) -> None:
    """TRUE stays 104%, and memory falls from 94% to 5% with the restart: neither number of the dead one counts."""
    assert wrong(play.readings("killed", start=play.faults, end=play.hidden), 104) == []
    settled = play.faults + 12  # the restart takes 2 s, the sample before it was right, evaluations are 5 s apart
    assert wrong(play.readings("killed", "memory", start=settled, end=play.hidden), 5) == []
    for metric in ("cpu", "memory"):
        assert play.readings("killed", metric, start=play.hidden - 10, end=play.hidden), "measured again"


def test_pods_that_are_not_measured_yet_do_not_multiply_a_scale_up(play: Play) -> None:
    """100% on 2 pods needs 4 at most; what those read before they shared the load says nothing of the others."""
    found = play.replicas("young", start=play.faults, end=play.hidden)
    assert found[0] == 2
    assert 3 <= max(found) <= 4
    assert found == sorted(found), "nothing is taken away again"


def test_work_before_ready_is_no_load(play: Play) -> None:
    """Ten times the request is burned before Ready, and nothing afterwards."""
    assert play.replicas("starting", start=play.faults, end=play.hidden) == [2]
    assert play.readings("starting", start=play.faults, end=play.hidden), "measured in the end"
    assert wrong(play.readings("starting", start=play.faults, end=play.hidden), 0) == []


def test_an_overload_that_costs_pods_their_readiness_is_answered(play: Play) -> None:
    """Three times what two pods can do: the for-time of 10 s is never reset, and ups go on until the load is met."""
    assert max(play.replicas("overloaded", start=play.faults, end=play.faults + 28)) > 2
    assert max(play.replicas("overloaded", start=play.faults, end=play.hidden)) >= 4


def test_a_lost_kubelet_gives_the_last_right_number_or_none(play: Play) -> None:
    assert wrong(play.readings("far-away", start=play.faults, end=play.hidden), 50) == []
    assert play.replicas("far-away", start=play.faults, end=play.hidden) == [2]
    assert play.readings("far-away", start=play.hidden - 10, end=play.hidden) == []


@pytest.mark.parametrize(
    ("name", "metric"),
    [("rollout", "cpu"), ("killed", "cpu"), ("young", "cpu"), ("meshed", "cpu"), ("meshed", "proxy")],
)
def test_lost_scrapes_give_the_last_right_number_or_none(play: Play, name: str, metric: str) -> None:
    before = play.readings(name, metric, start=play.hidden - 6, end=play.hidden)
    assert before, "measured until then"
    end = play.hidden + HIDDEN_SECONDS
    assert wrong(play.readings(name, metric, start=play.hidden, end=end), before[-1]) == []
    assert play.readings(name, metric, start=end - 5, end=end) == []
    assert len(play.replicas(name, start=play.hidden, end=end)) == 1


@pytest.mark.parametrize(("metric", "truth"), [("cpu", 80), ("proxy", 94)])
def test_a_native_sidecar_counts_and_can_be_named(play: Play, metric: str, truth: float) -> None:
    """0.01 of 0.1 cores and 0.47 of 0.5: 80% of both, 94% of the sidecar."""
    found = play.readings("meshed", metric, start=play.faults - 5, end=play.hidden)
    assert found
    assert wrong(found, truth) == []


def test_requests_of_the_whole_pod_are_named_as_the_reason(play: Play) -> None:
    """kube-state-metrics has no series of them, so there is nothing to compare with."""
    assert play.readings("whole-pod", start=play.faults - 5, end=play.hidden) == []
    assert "spec.resources" in play.messages["whole-pod"]
