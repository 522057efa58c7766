"""`kubectl deadband` as people use it: the real kubectl, the plugin on the PATH, a real operator."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from e2e.testbed import tools
from e2e.testbed.cluster import Cluster
from e2e.testbed.installation import Installation, Operator
from e2e.testbed.policies import Seen, policy, source
from e2e.testbed.prometheus import Prometheus
from e2e.testbed.workloads import workload

NAMESPACE = "plugin"
UP = {"anyOf": [{"metric": "load", "above": 70}], "step": {"type": "Pods", "pods": 1}}
DOWN = {"allOf": [{"metric": "load", "below": 20}]}


def reading(value: int) -> list[dict[str, Any]]:
    return [{"name": "load", "query": f"vector({value})", "per": "Replica"}]


POLICIES = [
    policy("asks", NAMESPACE, metrics=reading(90), maxReplicas=3, scaleUp={**UP, "mode": "Manual"}),
    policy("calm", NAMESPACE, metrics=reading(50), scaleUp=UP, scaleDown=DOWN),
    policy("lost", NAMESPACE, metrics=reading(50), scaleUp=UP),
]


@dataclass(frozen=True)
class World:
    """A cluster with three policies, and a person at a terminal."""

    cluster: Cluster
    seen: Seen
    folder: Path

    def run(
        self, *words: str, kubeconfig: Path | None = None, before: Sequence[str] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Type `kubectl deadband …`, with what stands before the plugin's name."""
        kubectl = tools.path("kubectl")
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.cluster.kubeconfig),
            "KUBERC": "off",
            "KUBECACHEDIR": str(self.folder / "cache"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        return subprocess.run(
            [kubectl, *before, "deadband", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def annotations(self, name: str) -> dict[str, str]:
        return dict(self.seen.policy(name)["metadata"].get("annotations") or {})


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, installation: Installation, api_client: ApiClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("plugin")
    cluster.create_namespace(NAMESPACE)
    cluster.apply(workload("asks", NAMESPACE, replicas=2), workload("calm", NAMESPACE, replicas=2))
    with Prometheus(folder / "prometheus", []) as prometheus:
        cluster.apply(source("plugin", prometheus.url, default=True))
        operator = Operator(installation, folder, identity="plugin", namespaces=[NAMESPACE])
        operator.start()
        try:
            cluster.apply(*POLICIES)
            seen = Seen(api_client, NAMESPACE)
            seen.wait_for("a proposal", lambda: bool(seen.status("asks").get("proposal")))
            seen.wait_for("the band", lambda: seen.reason("calm") == "WithinBand")
            seen.wait_for("no target", lambda: seen.condition("lost", "Stalled")[0] == "True")
            yield World(cluster, seen, folder)
        finally:
            operator.process.stop()
            cluster.kubectl("delete", "metricsource", "plugin")
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_status_shows_what_needs_attention_first(world: World) -> None:
    done = world.run("status", "-n", NAMESPACE)

    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["NAME", "STATE", "TARGET", "CURRENT", "DESIRED", "METRICS", "REASON", "DECISION"]
    assert [row.split()[:2] for row in rows] == [["lost", "Stalled"], ["asks", "ActionRequired"], ["calm", "Active"]]
    assert "Holding at 2: load 50 is not above 70 and not below 20." in rows[2]


def test_status_of_all_namespaces_as_json(world: World) -> None:
    done = world.run("status", "-A", "-o", "json")

    assert done.returncode == 0, done.stderr
    (calm,) = [one for one in json.loads(done.stdout) if (one["namespace"], one["name"]) == (NAMESPACE, "calm")]
    assert (calm["currentReplicas"], calm["metrics"]) == (2, "load 50 <20 >70")


def test_a_policy_is_paused_and_resumed(world: World) -> None:
    paused = world.run("pause", "calm", "-n", NAMESPACE, "--direction", "down")
    assert paused.stdout == f"{NAMESPACE}/calm is paused: scaling down is held back; it goes on evaluating.\n"
    assert world.annotations("calm")["deadband.dev/paused"] == "scale-down"

    both = world.run("pause", "calm", "-n", NAMESPACE, "--direction", "up")
    assert both.stdout == f"{NAMESPACE}/calm is paused: every change is held back; it goes on evaluating.\n"
    shown = json.loads(world.run("status", "-n", NAMESPACE, "-o", "json").stdout)
    assert [one["state"] for one in shown if one["name"] == "calm"] == ["Paused"]
    world.seen.wait_for("R15", lambda: world.seen.condition("calm", "ScalingActive") == ("False", "Paused"))

    resumed = world.run("resume", "calm", "-n", NAMESPACE)
    assert resumed.stdout == f"{NAMESPACE}/calm acts again: every change was held back.\n"
    assert "deadband.dev/paused" not in world.annotations("calm")
    assert world.run("resume", "calm", "-n", NAMESPACE).stdout == f"{NAMESPACE}/calm was not paused.\n"


def test_a_proposal_is_approved_carried_out_and_remembered(world: World) -> None:
    wrong = world.run("approve", "asks", "0000000000", "-n", NAMESPACE)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("Error: 0000000000 is not the open proposal, which is ")
    proposal = world.seen.status("asks")["proposal"]

    done = world.run("approve", "asks", proposal["id"], "-n", NAMESPACE)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        f"{proposal['id']}: Scale up from 2 to 3: load 90 is above 70.",
        "Scaled from 2 to 3.",
    ]
    assert world.seen.replicas("asks") == 3
    managers = [each["manager"] for each in world.seen.policy("asks")["metadata"]["managedFields"]]
    assert "kubectl-deadband" in managers

    world.seen.wait_for("the maximum", lambda: world.seen.reason("asks") == "AtMaximum")
    again = world.run("approve", "asks", "-n", NAMESPACE)
    assert again.returncode == 1
    assert again.stderr.startswith("Error: there is no open proposal. Holding at 3")

    def remembered() -> bool:
        return "Deployment/asks: Scaling up from 2 to 3: " in world.run("history", "asks", "-n", NAMESPACE).stdout

    world.seen.wait_for("its Event", remembered)
    _, *rows = world.run("history", "asks", "-n", NAMESPACE).stdout.splitlines()
    assert [row.split()[2] for row in rows] == ["ActionRequired", "Approval"]


def test_explain_says_what_it_does_and_what_to_change(world: World) -> None:
    done = world.run("explain", "calm", "-n", NAMESPACE)

    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == f"ScalingPolicy {NAMESPACE}/calm"
    assert any(line.startswith("info: load read 50 to 50 in 7 days (10081 of 10081 instants)") for line in lines)
    assert "load 50" in lines


def test_a_file_is_linted_against_the_sources_of_the_cluster(world: World, tmp_path: Path) -> None:
    manifest = policy(
        "calm", NAMESPACE, metrics=[{"name": "load", "query": "absent_here", "per": "Replica"}], scaleUp=UP
    )
    (tmp_path / "calm.yaml").write_text(yaml.safe_dump(manifest))

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "deadband",
            "lint",
            str(tmp_path),
            "--cluster",
            "--kubeconfig",
            world.cluster.kubeconfig,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1, done.stderr
    assert "[NoValueInADay]" in done.stdout


def test_who_may_not_is_told_the_missing_right_in_one_line(world: World) -> None:
    nobody = world.cluster.service_account_kubeconfig(NAMESPACE, "default")

    done = world.run("pause", "calm", "-n", NAMESPACE, kubeconfig=nobody)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "your user lacks the RBAC rule: verb get on resource scalingpolicies" in done.stderr


def test_a_policy_that_is_not_there_is_told_in_one_line(world: World) -> None:
    done = world.run("resume", "nobody", "-n", NAMESPACE)

    assert (done.returncode, done.stderr) == (1, f"Error: there is no ScalingPolicy nobody in namespace {NAMESPACE}\n")


def test_kubectl_completes_the_commands(world: World) -> None:
    """kubectl asks the executable kubectl_complete-deadband on the PATH."""
    done = world.run("pa", before=["__complete"])

    assert done.stdout.splitlines()[:2] == ["pause\tHold a policy's changes back.", ":4"]
