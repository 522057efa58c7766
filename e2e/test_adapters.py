"""The adapters on a real API server, as a ServiceAccount that has exactly the rights they need."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from deadband.adapters import kube as kube_module
from deadband.adapters.events import EVENTS, KubeEvents
from deadband.adapters.kube import Kube, Resource
from deadband.adapters.kube_connect import connect, credentials
from deadband.adapters.lease import LEASES, LeaseElector, Timing
from deadband.adapters.policies import POLICIES, SOURCES, KubePolicies
from deadband.adapters.targets import WORKLOADS, KubeTargets, workload_from_object
from deadband.api.conditions import EventReason, Reason
from deadband.api.crd import crds
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.core.types import Outage
from deadband.ports import ConflictError, DeniedError, GoneError, ObjectRef, UnreachableError, Workload
from e2e.testbed.cluster import Cluster
from e2e.testbed.workloads import workload

WorkloadKind = Literal["Deployment", "StatefulSet"]

RULES: list[dict[str, list[str]]] = [
    {
        "apiGroups": ["deadband.dev"],
        "resources": ["scalingpolicies", "metricsources"],
        "verbs": ["get", "list"],
    },
    {
        "apiGroups": ["deadband.dev"],
        "resources": ["scalingpolicies/status", "metricsources/status"],
        "verbs": ["patch"],
    },
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments/scale", "statefulsets/scale"], "verbs": ["patch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
]
SECRETS = Resource("", "v1", "secrets", "Secret")
SHORT = Timing(duration=3, renew_deadline=2, retry=0.2)


@pytest.fixture(scope="module")
def account(cluster: Cluster) -> Path:
    """A kubeconfig of the ServiceAccount; the definitions are there, too."""
    cluster.apply(*crds(), server_side=True)
    cluster.kubectl(
        "wait", "--for=condition=Established", *(f"crd/{crd['metadata']['name']}" for crd in crds()), "--timeout=60s"
    )
    name = f"adapters-{uuid.uuid4().hex[:8]}"
    group = "rbac.authorization.k8s.io"
    cluster.create_namespace(name)
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": name}},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": RULES},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": name}],
        },
    )
    return cluster.service_account_kubeconfig(name, name)


@pytest.fixture
async def kube(account: Path) -> AsyncIterator[Kube]:
    client = await connect(kubeconfig=str(account))
    yield client
    await client.close()


def ref_of(kind: WorkloadKind, name: str = "web") -> ScaleTargetRef:
    return ScaleTargetRef(api_version="apps/v1", kind=kind, name=name)


async def until(read: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
    """Read again and again until it holds; the test's own timeout is the limit."""
    while not holds(found := await read()):
        await asyncio.sleep(0.1)
    return found


async def settled(kube: Kube, kind: WorkloadKind, namespace: str, replicas: int) -> Workload:
    """Wait until a workload has its pods and rolls nothing out."""

    async def read() -> Workload:
        return await KubeTargets(kube).read(namespace, ref_of(kind))

    def holds(found: Workload) -> bool:
        target = found.target
        return (target.replicas, target.ready, target.available, target.rollout_in_progress) == (
            replicas,
            replicas,
            replicas,
            False,
        )

    found: Workload = await until(read, holds)
    return found


def policy(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": POLICIES.api_version,
        "kind": POLICIES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [{"name": "load", "query": "sum(load)"}],
            "scaleUp": {"anyOf": [{"metric": "load", "above": 70}]},
        },
    }


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_a_scale_needs_the_version_that_was_read(
    cluster: Cluster, kube: Kube, namespace: str, kind: WorkloadKind
) -> None:
    cluster.apply(workload("web", namespace, kind=kind, replicas=2))
    targets = KubeTargets(kube)
    before = await settled(kube, kind, namespace, 2)
    assert before.target.own_write is None

    await targets.scale(namespace, ref_of(kind), 4, resource_version=before.resource_version)
    with pytest.raises(ConflictError):
        await targets.scale(namespace, ref_of(kind), 9, resource_version=before.resource_version)

    after = await targets.read(namespace, ref_of(kind))
    assert after.target.replicas == 4
    assert after.target.own_write is not None


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_our_own_last_write_is_known_until_somebody_else_scales(
    cluster: Cluster, kube: Kube, namespace: str, kind: WorkloadKind
) -> None:
    cluster.apply(workload("web", namespace, kind=kind, replicas=1))
    targets = KubeTargets(kube)
    for replicas in (2, 3):
        seen = await settled(kube, kind, namespace, replicas - 1)
        began = datetime.now(UTC).replace(microsecond=0)  # the record is exact to the second
        await targets.scale(namespace, ref_of(kind), replicas, resource_version=seen.resource_version)
        after = await settled(kube, kind, namespace, replicas)
        assert after.target.own_write is not None
        assert began <= after.target.own_write <= datetime.now(UTC)

    cluster.kubectl("scale", f"{kind}/web", "-n", namespace, "--replicas=1")
    assert (await targets.read(namespace, ref_of(kind))).target.own_write is None


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_a_scaling_is_no_rollout_and_a_new_template_is(
    cluster: Cluster, kube: Kube, namespace: str, kind: WorkloadKind
) -> None:
    slow = {"testbed.deadband.dev/ready-after": "2s"}
    cluster.apply(workload("web", namespace, kind=kind, replicas=2, annotations=slow))
    resource = WORKLOADS["apps/v1", kind]
    seen: list[bool] = []

    async def read() -> dict[str, Any]:
        obj = await kube.get(resource, namespace, "web")
        if obj["metadata"]["generation"] == obj["status"].get("observedGeneration"):
            seen.append(workload_from_object(obj).target.rollout_in_progress)
        return obj

    def up(replicas: int) -> Callable[[dict[str, Any]], bool]:
        return lambda obj: (
            obj["status"].get("replicas", 0) == obj["status"].get("readyReplicas", 0) == replicas
            and obj["metadata"]["generation"] == obj["status"]["observedGeneration"]
        )

    before = await settled(kube, kind, namespace, 2)
    for replicas in (6, 3):
        await KubeTargets(kube).scale(namespace, ref_of(kind), replicas, resource_version=before.resource_version)
        await until(read, up(replicas))
        before = await settled(kube, kind, namespace, replicas)
    assert len(seen) > 5, "the scaling was over before it could be watched"
    assert not any(seen)

    patch = '{"spec":{"template":{"metadata":{"annotations":{"build":"2"}}}}}'
    cluster.kubectl("patch", kind, "web", "-n", namespace, "--type=merge", "-p", patch)
    seen.clear()
    await until(read, lambda obj: up(3)(obj) and not workload_from_object(obj).target.rollout_in_progress)
    assert seen.count(True) > 5
    assert seen == sorted(seen, reverse=True), "a rollout was over, and then it was not"


async def test_a_quota_that_denies_pods_is_seen_and_is_no_rollout(cluster: Cluster, kube: Kube, namespace: str) -> None:
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": namespace},
            "spec": {"hard": {"pods": "2"}},
        },
        workload("web", namespace, replicas=2),
    )
    cluster.kubectl("wait", "--for=jsonpath={.status.hard.pods}=2", "quota/few", "-n", namespace, "--timeout=60s")
    before = await settled(kube, "Deployment", namespace, 2)
    assert not before.target.quota_exceeded

    targets = KubeTargets(kube)
    await targets.scale(namespace, ref_of("Deployment"), 4, resource_version=before.resource_version)
    denied = await until(
        lambda: targets.read(namespace, ref_of("Deployment")), lambda found: found.target.quota_exceeded
    )
    assert (denied.target.replicas, denied.target.ready, denied.target.rollout_in_progress) == (4, 2, False)


async def test_a_target_that_is_not_there_is_gone(kube: Kube, namespace: str) -> None:
    with pytest.raises(GoneError) as read:
        await KubeTargets(kube).read(namespace, ref_of("Deployment", "nobody"))
    with pytest.raises(GoneError):
        await KubeTargets(kube).scale(namespace, ref_of("Deployment", "nobody"), 2, resource_version="1")

    assert read.value.reason is Reason.TARGET_NOT_FOUND


async def test_a_status_leaves_the_spec_alone_and_none_removes_a_key(
    cluster: Cluster, kube: Kube, namespace: str
) -> None:
    cluster.apply(policy("api", namespace))
    policies = KubePolicies(kube)
    ref = ObjectRef("ScalingPolicy", namespace, "api")
    before = await policies.read(ref)

    await policies.write_status(ref, {"currentReplicas": 3, "desiredReplicas": 4})
    await policies.write_status(ref, {"currentReplicas": None})

    after = await policies.read(ref)
    assert after["status"] == {"desiredReplicas": 4}
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert [entry["manager"] for entry in after["metadata"]["managedFields"] if entry.get("subresource")] == [
        "deadband"
    ]


async def test_a_policy_that_was_made_again_is_another_one(cluster: Cluster, kube: Kube, namespace: str) -> None:
    policies = KubePolicies(kube)
    cluster.apply(policy("api", namespace))
    uid = (await policies.read(ObjectRef("ScalingPolicy", namespace, "api")))["metadata"]["uid"]
    ref = ObjectRef("ScalingPolicy", namespace, "api", uid=uid)
    await policies.read(ref)

    cluster.kubectl("delete", "scalingpolicy", "api", "-n", namespace)
    with pytest.raises(GoneError):
        await policies.write_status(ref, {"currentReplicas": 3})
    cluster.apply(policy("api", namespace))
    with pytest.raises(GoneError, match="another one"):
        await policies.read(ref)


async def test_lists_of_many_pages_are_complete(
    cluster: Cluster, kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_module, "PAGE_SIZE", 2)
    names = [f"p{number}" for number in range(5)]
    cluster.apply(*(policy(name, namespace) for name in names), workload("web", namespace, replicas=0))
    policies = KubePolicies(kube, namespaces=[namespace])

    found = await policies.list_policies()
    (deployment,) = [item async for page in policies.pages("Deployment") for item in page]

    assert sorted(item["metadata"]["name"] for item in found) == names
    assert {(item["apiVersion"], item["kind"]) for item in found} == {(POLICIES.api_version, POLICIES.kind)}
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    assert {policy["metadata"]["uid"] for policy in found} <= {
        policy["metadata"]["uid"] for policy in await KubePolicies(kube).list_policies()
    }


async def test_the_status_of_a_source_is_written(cluster: Cluster, kube: Kube) -> None:
    name = f"source-{uuid.uuid4().hex[:8]}"
    cluster.apply(
        {
            "apiVersion": SOURCES.api_version,
            "kind": SOURCES.kind,
            "metadata": {"name": name},
            "spec": {"url": "http://prometheus.monitoring:9090"},
        }
    )
    policies = KubePolicies(kube)
    await policies.write_source_status(name, {"reachable": True})

    (source,) = [item for item in await policies.list_sources() if item["metadata"]["name"] == name]
    cluster.kubectl("delete", "metricsource", name)
    assert source["status"] == {"reachable": True}
    assert await policies.missing_kinds() == ()
    assert await kube.served("nobody.example", "v1") == frozenset()


async def test_repeated_events_are_one_event_with_a_count(cluster: Cluster, kube: Kube, namespace: str) -> None:
    about = ObjectRef("ScalingPolicy", namespace, "api", uid=str(uuid.uuid4()))
    events = KubeEvents(kube, "deadband-0")
    for _ in range(3):
        events.record(about, "Normal", EventReason.SCALED_UP, "Scaled up from 2 to 4: cpu 80 % is above 70 %")
        await events.flush()
    events.record(about, "Warning", EventReason.METRICS_UNAVAILABLE, "Prometheus does not answer")
    await events.flush()

    found = {event["reason"]: event for event in cluster.get("events", "-n", namespace)["items"]}
    assert events.dropped == 0
    assert set(found) == {"ScaledUp", "MetricsUnavailable"}
    assert found["ScaledUp"]["series"]["count"] == 3
    assert "series" not in found["MetricsUnavailable"]
    assert found["ScaledUp"]["message"] == "Scaled up from 2 to 4: cpu 80 % is above 70 %"
    assert (found["ScaledUp"]["involvedObject"]["uid"], found["ScaledUp"]["type"]) == (about.uid, "Normal")


async def test_an_event_that_somebody_deleted_is_made_again(cluster: Cluster, kube: Kube, namespace: str) -> None:
    about = ObjectRef("ScalingPolicy", namespace, "api", uid=str(uuid.uuid4()))
    events = KubeEvents(kube, "deadband-0")
    for _ in range(2):
        events.record(about, "Normal", EventReason.SCALED_UP, "up")
        await events.flush()
        (found,) = cluster.get("events", "-n", namespace)["items"]
        assert "series" not in found
        cluster.kubectl("delete", "event", found["metadata"]["name"], "-n", namespace)

    assert events.dropped == 0


async def test_an_event_on_a_cluster_scoped_object_is_taken(cluster: Cluster, kube: Kube) -> None:
    name = f"source-{uuid.uuid4().hex[:8]}"
    events = KubeEvents(kube, "deadband-0")
    events.record(
        ObjectRef("MetricSource", "", name, uid=str(uuid.uuid4())), "Warning", EventReason.INVALID_SPEC, "ä" * 2000
    )
    await events.flush()

    assert events.dropped == 0
    (found,) = cluster.get("events", "-n", "default", f"--field-selector=involvedObject.name={name}")["items"]
    assert found["message"] == "ä" * 512
    assert EVENTS.plural == "events"


class Candidate:
    """An elector that runs, and what it told."""

    def __init__(self, kube: Kube, namespace: str, name: str) -> None:
        self.elector = LeaseElector(kube, namespace, "deadband", name, timing=SHORT)
        self.started: asyncio.Queue[Outage | None] = asyncio.Queue()
        self.stopped = asyncio.Event()
        self.task = asyncio.create_task(self.elector.run(self.started.put, self.stopped.set))

    async def ends(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def candidates(kube: Kube, namespace: str) -> AsyncIterator[tuple[Candidate, Candidate]]:
    """The first leads a Lease that never existed; the second follows and has seen it."""
    first = Candidate(kube, namespace, "first")
    assert await first.started.get() is None
    second = Candidate(kube, namespace, "second")
    while second.elector.holder != "first":
        await asyncio.sleep(0.05)
    yield first, second
    await first.ends()
    await second.ends()


async def test_of_two_electors_one_leads(candidates: tuple[Candidate, Candidate], kube: Kube, namespace: str) -> None:
    first, second = candidates
    renewed = {(await kube.get(LEASES, namespace, "deadband"))["spec"]["renewTime"]}
    while len(renewed) < 8:
        renewed.add((await kube.get(LEASES, namespace, "deadband"))["spec"]["renewTime"])
        assert (first.elector.leads(), second.elector.leads()) == (True, False)

    assert second.started.empty()
    assert not first.stopped.is_set()


async def test_a_released_lease_is_taken_over_without_waiting_for_it_to_expire(
    candidates: tuple[Candidate, Candidate], kube: Kube, namespace: str
) -> None:
    first, second = candidates
    await first.elector.release()
    assert not first.elector.leads()

    outage = await second.started.get()
    assert second.elector.leads()
    assert outage is not None
    assert outage.length < timedelta(seconds=SHORT.duration)
    spec = (await kube.get(LEASES, namespace, "deadband"))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second", 1)
    assert not first.stopped.is_set()


async def test_after_a_silent_death_the_lease_has_to_expire(candidates: tuple[Candidate, Candidate]) -> None:
    first, second = candidates
    await first.ends()

    outage = await second.started.get()
    assert outage is not None
    assert outage.length >= timedelta(seconds=SHORT.duration)
    assert second.elector.leads()
    assert not first.elector.leads()


async def test_a_right_that_is_missing_is_named(kube: Kube, namespace: str) -> None:
    with pytest.raises(DeniedError) as denied:
        await kube.get(SECRETS, namespace, "prometheus")

    assert denied.value.reason is Reason.ACCESS_DENIED
    assert f'verb get on resource secrets in API group "" in namespace {namespace}' in str(denied.value)


async def test_a_token_that_is_not_accepted_is_told(account: Path, tmp_path: Path, namespace: str) -> None:
    config = yaml.safe_load(account.read_text())
    config["users"][0]["user"]["token"] = "nobody"
    broken = tmp_path / "kubeconfig"
    broken.write_text(yaml.safe_dump(config))
    kube = await connect(kubeconfig=str(broken))

    with pytest.raises(DeniedError, match=r"credentials of the operator are not accepted \(401\)"):
        await KubeTargets(kube).read(namespace, ref_of("Deployment"))
    await kube.close()


async def test_a_server_of_another_authority_is_not_trusted(account: Path, tmp_path: Path, namespace: str) -> None:
    config = yaml.safe_load(account.read_text())
    cluster = config["clusters"][0]["cluster"]
    for key in ("certificate-authority", "certificate-authority-data"):
        cluster.pop(key, None)
    stranger = tmp_path / "kubeconfig"
    stranger.write_text(yaml.safe_dump(config))
    kube = await connect(kubeconfig=str(stranger))

    with pytest.raises(UnreachableError, match="certificate authority"):
        await KubeTargets(kube).read(namespace, ref_of("Deployment"))
    await kube.close()


async def test_the_watches_get_the_same_credentials(kube: Kube, cluster: Cluster) -> None:
    found = await credentials(kube)

    assert (found.server, found.scheme, found.insecure) == (cluster.server, "Bearer", False)
    assert found.token.count(".") == 2
    assert found.ca_path is not None
    assert found.certificate_path is None
