"""What others do beside the operator: appliers, autoscalers, administrators, tenants, another version of itself."""

import io
import json
import subprocess
import tarfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from e2e.chaos.fault import Fault, Lane
from e2e.chaos.play import START
from e2e.chaos.stage import Stage
from e2e.chaos.tampering import Match, Then
from e2e.testbed.installation import Operator
from e2e.testbed.workloads import workload

REPOSITORY = Path(__file__).parents[3]
NOISY = 120
"""Policies whose readings never rest."""
STATUS_WRITES_PER_SECOND, STATUS_BURST, STATUS_CONCURRENT = 20, 40, 4
"""The operator's budget (engine/status_writer.py); what was under way when ten seconds begin may arrive in them."""


def _reverted(lane: Lane) -> Generator[None]:
    """A GitOps tool applies one replica after every step; after three times the operator leaves it alone."""
    manifest = workload(lane.name, lane.stage.namespace, replicas=START)

    def revert() -> None:
        lane.apply_as("gitops", manifest)
        lane.stage.bed.readings.scaled(lane.stage.namespace, lane.name, START)

    lane.on_call("patch", "deployments/scale", Then(lambda _: threading.Timer(1.0, revert).start()))
    yield
    lane.stage.wait("contested", lambda: lane.condition("TargetContested") == "True", timeout=90)
    written = len(lane.scales())
    time.sleep(20)  # four evaluations in which it still wants to
    assert len(lane.scales()) == written <= 4, f"{written} writes"
    assert "gitops" in lane.stage.seen.message(lane.name, "TargetContested")
    yield
    yield


def _autoscaled(lane: Lane) -> Generator[None]:
    """An HPA on the same target appears after the first step."""
    yield
    lane.wait_for(2)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": lane.name}
    lane.stage.bed.cluster.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "rival", "namespace": lane.stage.namespace},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5},
        }
    )
    lane.stage.wait("contested", lambda: lane.condition("TargetContested") == "True", timeout=10)
    yield
    yield
    assert "rival" in lane.stage.seen.message(lane.name, "TargetContested")


def _rolled_out(lane: Lane) -> Generator[None]:
    """A rollout with slow pods is under way when the load falls, then the Deployment is paused: no step down before."""
    yield
    yield
    slow = {"testbed.deadband.dev/ready-after": "20s"}
    lane.patch("deployment", json.dumps({"spec": {"template": {"metadata": {"annotations": slow}}}}))
    lane.stage.wait("RolloutInProgress", lambda: lane.reason() == "RolloutInProgress", timeout=30)
    lane.patch("deployment", '{"spec":{"paused":true}}')
    lane.stage.wait("held", lambda: lane.reason() in {"TargetPaused", "RolloutInProgress"}, timeout=60)
    assert lane.stage.seen.replicas(lane.name) == 3
    lane.patch("deployment", '{"spec":{"paused":false}}')
    yield


def _over_quota(lane: Lane) -> Generator[None]:
    """A quota of two pods while the load asks for three: no raising against it, and a step when it is gone."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": lane.stage.namespace},
        "spec": {"hard": {"pods": "1"}},
    }
    lane.stage.bed.cluster.apply(quota)
    lane.kubectl("wait", "--for=jsonpath={.status.hard.pods}=1", "quota/few", "--timeout=60s")
    yield
    lane.wait_for(2)
    lane.stage.wait("QuotaExceeded", lambda: lane.reason() == "QuotaExceeded", timeout=30)
    time.sleep(15)
    assert lane.stage.seen.replicas(lane.name) == 2
    lane.kubectl("delete", "quota", "few")
    yield
    yield


def _namespace_deleted(lane: Lane) -> Generator[None]:
    """The namespace goes while its policies act: nothing holds it, and there is no storm of errors."""
    yield
    lane.wait_for(2)
    lane.stage.bed.cluster.kubectl("delete", "namespace", lane.stage.namespace, "--timeout=60s")
    yield
    before, began = len(lane.stage.log().splitlines()), time.monotonic()
    time.sleep(20)
    assert len(lane.stage.log().splitlines()) - before < 20, "the log is flooded"
    calls = lane.stage.api.seen(Match(namespace=lane.stage.namespace), since=began)
    assert [one for one in calls if one.verb not in {"watch", "list"}] == [], "it still calls for what is gone"
    yield


def _uninstalled(lane: Lane) -> Generator[None]:
    """The operator is gone for good, and so go its policies and its namespace: no finalizer holds them."""
    yield
    lane.wait_for(2)
    lane.stage.supervisor.pause()
    lane.kubectl("delete", "scalingpolicy", "--all", "--timeout=10s")
    lane.stage.bed.cluster.kubectl("delete", "namespace", lane.stage.namespace, "--timeout=60s")
    yield
    yield


def _mutated(lane: Lane) -> Generator[None]:
    """The policy turns into forms that only the operator can refuse, and back; it changes nothing meanwhile."""
    good = lane.stage.seen.policy(lane.name)["spec"]
    (load,) = good["metrics"]
    night = {"name": "night", "schedule": "0 25 * * *", "durationSeconds": 3600, "maxReplicas": 1}
    yield
    lane.wait_for(2)
    for bad in (
        {"metrics": [load | {"query": "sum(rate(x[5m])"}]},
        {"overrides": [night]},
        {"overrides": [night | {"schedule": "0 5 * * *", "timeZone": "Nowhere/Never"}]},
    ):
        lane.patch("scalingpolicy", json.dumps({"spec": bad}))
        lane.stage.wait("Stalled", lambda: lane.condition("Stalled") == "True", timeout=30)
        before = lane.stage.seen.replicas(lane.name)
        time.sleep(12)  # as long as the cooldown
        assert lane.stage.seen.replicas(lane.name) == before, "an invalid policy scaled"
        lane.patch("scalingpolicy", json.dumps({"spec": {"overrides": None, **good}}))
        lane.stage.wait("not Stalled", lambda: lane.condition("Stalled") == "False", timeout=30)
    yield
    yield


def _storm(lane: Lane) -> Generator[None]:
    """Many policies change their minds at every evaluation: the budget of status writes holds."""
    names = [f"noisy-{number}" for number in range(NOISY)]
    lane.advise(names)
    yield
    lane.wait_for(2)
    deadline = time.monotonic() + 60
    for load in _alternating():
        lane.stage.offer(load, names)
        time.sleep(4)
        if time.monotonic() > deadline:
            break
    lane.stage.offer(1.0, names)
    yield
    yield
    times = sorted(one.at for one in lane.stage.calls() if one.resource == "scalingpolicies/status")
    most = max(sum(at <= later < at + 10 for later in times) for at in times)
    assert len(times) > NOISY, "there was no storm"
    budget = STATUS_BURST + 10 * STATUS_WRITES_PER_SECOND + STATUS_CONCURRENT
    assert most <= budget, f"{most} status writes in 10 s"


def _alternating() -> Iterator[float]:
    while True:
        yield 20.0
        yield 7.0


def _other_version(stage: Stage) -> Operator:
    """The version before this one, from the repository's history."""
    folder = stage.folder / "before"
    archive = subprocess.run(
        ["git", "archive", previous_version(), "operator"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return stage.operator("operator", stage.api, environment={"PYTHONPATH": str(folder / "operator")})


def previous_version() -> str:
    """The newest tag, or as long as there is none the twentieth commit before this one; empty without a history."""
    for command in (["describe", "--tags", "--abbrev=0"], ["rev-parse", "--verify", "HEAD~20"]):
        done = subprocess.run(["git", *command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return ""


def _upgraded(lane: Lane) -> Generator[None]:
    """The version before acts first, then this one, then the one before again; what status remembers stays."""
    supervisor, before = lane.stage.supervisor, lane.stage.supervisor.operator
    yield
    lane.wait_for(2)
    lane.stage.wait("the status", lambda: bool(lane.stage.seen.status(lane.name).get("scaleEvents")))
    remembered = lane.stage.seen.status(lane.name)["scaleEvents"]
    supervisor.exchange(lane.stage.operator("operator", lane.stage.api))
    lane.stage.wait("the newer leads", supervisor.operator.leads, timeout=60)
    assert lane.stage.seen.status(lane.name)["scaleEvents"][: len(remembered)] == remembered
    yield
    supervisor.exchange(before)
    lane.stage.wait("the older leads", supervisor.operator.leads, timeout=60)
    yield


_KUBECTL = "kubectl"

UPGRADE = Fault(id="F30", name="upgraded", what="the version before, this one, and the one before again", how="git",
                script=_upgraded, dress=_other_version)  # fmt: skip

NEIGHBORS: tuple[Fault, ...] = (
    Fault(id="F22", name="reverted", what="a GitOps tool reverts every step", how="server-side apply",
          script=_reverted, top=1, twin=False, excused={"O3": "steps begin anew after each revert"}),
    Fault(id="F23", name="autoscaled", what="an HPA appears on the same target", how=_KUBECTL, script=_autoscaled,
          top=2, end=2, rest="TargetContested", twin=False),
    Fault(id="F24", name="rolled-out", what="a rollout, and a pause, while the load falls", how=_KUBECTL,
          script=_rolled_out, settle_seconds=180),
    Fault(id="F24", name="over-quota", what="a quota denies pods while the load rises", how="ResourceQuota",
          script=_over_quota),
    Fault(id="F25", name="namespace-deleted", what="the namespace is deleted", how=_KUBECTL,
          script=_namespace_deleted, settles=False),
    Fault(id="F27", name="uninstalled", what="the operator is uninstalled, then everything deleted", how=_KUBECTL,
          script=_uninstalled, settles=False, excused={"O4": "it was told to go"}),
    Fault(id="F29", name="mutated", what="the policy turns invalid and back, three times", how=_KUBECTL,
          script=_mutated, twin=False),
    *((UPGRADE,) if previous_version() else ()),
    Fault(id="F31", name="storm", what=f"{NOISY} policies change at every evaluation", how="readings", script=_storm),
)  # fmt: skip
