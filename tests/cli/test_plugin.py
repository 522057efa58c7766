"""What people do to policies on a cluster, as far as it needs none: how they stand, what may be approved, history."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from deadband.api.conditions import ConditionType
from deadband.api.status import Cause, ScalingPolicyStatus
from deadband.cli.approve import approvable
from deadband.cli.commands import PLUGIN, kubectl_deadband
from deadband.cli.completion import complete
from deadband.cli.entry import run
from deadband.cli.history import entries
from deadband.cli.standing import STATES, standing
from tests.core.builders import T0, event

NOW = "2026-01-05T08:00:00Z"


def policy(
    name: str = "api", *, generation: int = 1, annotations: Any = None, spec: Any = None, **status: Any
) -> dict[str, Any]:
    metadata = {"namespace": "leadgen", "name": name, "generation": generation, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": spec or {}, "status": {"observedGeneration": 1, **status}}


def condition(type_: ConditionType, status: str, reason: str = "R") -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": status, "reason": reason, "lastTransitionTime": NOW}]}


@pytest.mark.parametrize(
    ("obj", "state"),
    [
        pytest.param(policy(**condition(ConditionType.STALLED, "True")), "Stalled", id="stalled"),
        pytest.param(policy(**condition(ConditionType.TARGET_CONTESTED, "True")), "Contested", id="contested"),
        pytest.param(policy(**condition(ConditionType.ACTION_REQUIRED, "True")), "ActionRequired", id="asks"),
        pytest.param(policy(**condition(ConditionType.METRICS_AVAILABLE, "False")), "NoMetrics", id="without metrics"),
        pytest.param(policy(**condition(ConditionType.FLAPPING, "True")), "Flapping", id="flapping"),
        pytest.param(policy(**condition(ConditionType.SCALING_LIMITED, "True")), "Limited", id="at a limit"),
        pytest.param(
            policy(**condition(ConditionType.SCALING_LIMITED, "True", "AtMinimum")), "Active", id="idle at its minimum"
        ),
        pytest.param(policy(**condition(ConditionType.STALLED, "False")), "Active", id="nothing the matter"),
        pytest.param(policy(generation=2), "Unseen", id="a newer generation than was evaluated"),
        pytest.param({"metadata": policy()["metadata"]}, "Unseen", id="never evaluated"),
        pytest.param(policy(annotations={"deadband.dev/paused": "scale-up"}), "Paused", id="paused in one direction"),
        pytest.param(policy(spec={"mode": "DryRun"}), "DryRun", id="a dry run"),
        pytest.param(
            policy(annotations={"deadband.dev/paused": "true"}, **condition(ConditionType.METRICS_AVAILABLE, "False")),
            "NoMetrics",
            id="what is more urgent comes first",
        ),
    ],
)
def test_how_a_policy_stands(obj: dict[str, Any], state: str) -> None:
    assert standing(obj).state == state


def test_what_needs_attention_comes_first() -> None:
    objects = [
        policy("a"),
        policy("c", **condition(ConditionType.STALLED, "True")),
        policy("b", **condition(ConditionType.STALLED, "True")),
    ]

    assert [one.name for one in sorted(map(standing, objects), key=lambda one: one.urgency)] == ["b", "c", "a"]
    assert len(set(STATES)) == len(STATES)


def test_a_status_of_another_version_is_shown_as_unseen() -> None:
    assert standing(policy(scaleEvents="?")).sentence == "The operator has not evaluated it yet."


def proposing(**changes: Any) -> dict[str, Any]:
    proposal = {
        "id": "1a2b3c4d5e",
        "direction": "Up",
        "replicas": 3,
        "text": "Scale up from 2 to 3: cpu is above 70.",
        "createdAt": NOW,
        "expiresAt": "2026-01-05T09:00:00Z",
        **changes,
    }
    return policy(proposal=proposal, decision={"sentence": "Holding at 2.", "rule": "R13", "reason": "x", "next": ""})


@pytest.mark.parametrize("wanted", [None, "1a2b3c4d5e"])
def test_an_open_proposal_may_be_approved_to_its_last_second(wanted: str | None) -> None:
    now = T0 + timedelta(seconds=3599)

    assert approvable(proposing(), wanted, now=now).replicas == 3


@pytest.mark.parametrize(
    ("obj", "wanted", "seconds", "says"),
    [
        pytest.param(policy(), None, 0, "there is no open proposal.", id="none"),
        pytest.param(
            policy(decision={"sentence": "Holding at 2.", "rule": "R5", "reason": "x", "next": ""}), None, 0,
            "there is no open proposal. Holding at 2.", id="none, and what is instead",
        ),
        pytest.param(proposing(), "0", 0, "0 is not the open proposal, which is 1a2b3c4d5e", id="another one"),
        pytest.param(
            policy(lastProposal={"id": "0", "outcome": "Withdrawn", "time": NOW}), "0", 0,
            "proposal 0 is not open any more: it was withdrawn, since it did not apply any more, at 2026-01-05 08:00:00Z",
            id="one that is over",
        ),
        pytest.param(
            proposing(), None, 3600, "proposal 1a2b3c4d5e expired at 2026-01-05 09:00:00Z", id="at its expiry"
        ),
        pytest.param(proposing(replicas=None), None, 0, "so acting is up to you: Scale up", id="without a target"),
    ],
)  # fmt: skip
def test_what_may_not_be_approved_is_refused_with_the_reason(
    obj: dict[str, Any], wanted: str | None, seconds: int, says: str
) -> None:
    with pytest.raises(click.ClickException, match=re.escape(says)):
        approvable(obj, wanted, now=T0 + timedelta(seconds=seconds))


def recorded(seconds: int, reason: str, note: str, *, count: int = 1) -> dict[str, Any]:
    at = (T0 + timedelta(seconds=seconds)).isoformat()
    series = {"count": count, "lastObservedTime": at}
    return {"eventTime": at, "reason": reason, "note": note, **({"series": series} if count > 1 else {})}


def test_history_is_in_order_and_a_scaling_is_told_once_in_its_own_words() -> None:
    status = ScalingPolicyStatus(scale_events=[event(300, 2, 4), event(60, 4, 5, cause=Cause.APPROVAL)])
    events = [
        recorded(-30, "MetricsUnavailable", "cpu is unknown.", count=3),
        recorded(-299, "ScaledUp", "Deployment/api: Scaling up from 2 to 4: cpu is above 70."),
    ]

    assert [(one.what, one.times, one.sentence) for one in entries(status, events)] == [
        ("Metrics", 1, "Deployment/api: Scaling up from 2 to 4: cpu is above 70."),
        ("Approval", 1, "Scaled from 4 to 5."),
        ("MetricsUnavailable", 3, "cpu is unknown."),
    ]


def test_a_pin_that_leaves_the_floor_is_told_once() -> None:
    pinned = recorded(
        -299, "ScaledDown", "HorizontalPodAutoscaler/web: Moving both bounds of HPA web to 3: they differ."
    )

    assert len(entries(ScalingPolicyStatus(scale_events=[event(300, 3, 3)]), [pinned])) == 1


@pytest.mark.parametrize(
    "event_",
    [
        pytest.param(recorded(-200, "ScaledUp", "Deployment/api: Scaling up from 2 to 4: cpu."), id="of another time"),
        pytest.param(
            recorded(-299, "ScaledUp", "Deployment/api: Scaling up from 2 to 3: cpu."), id="to another number"
        ),
        pytest.param(
            recorded(-299, "ScaledUp", "Deployment/api: Scaling up from 2 to 4: cpu.", count=2), id="told twice"
        ),
    ],
)
def test_an_event_of_another_scaling_stands_by_itself(event_: dict[str, Any]) -> None:
    found = entries(ScalingPolicyStatus(scale_events=[event(300, 2, 4)]), [event_])

    assert sorted(one.what for one in found) == ["Metrics", "ScaledUp"]


@pytest.mark.parametrize("name", list(PLUGIN))
def test_every_command_of_the_plugin_has_help_under_its_own_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"], group=kubectl_deadband, program="kubectl deadband") == 0

    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: kubectl deadband {name} ")
    assert "Examples:" in shown


def test_what_needs_no_policy_on_a_cluster_is_no_part_of_the_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["crds"], group=kubectl_deadband, program="kubectl deadband") == 2
    assert capsys.readouterr().err == "Error: No such command 'crds'. (see kubectl deadband --help)\n"


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["pause", "api"], ["resume", "api"], ["approve", "api"], ["history", "api"], ["explain", "api"]],
    ids=" ".join,
)
def test_without_a_cluster_it_is_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    assert run(arguments, group=kubectl_deadband, program="kubectl deadband") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: cannot connect to Kubernetes")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param(["res"], "resume\tLet a paused policy act again.\n:4\n", id="a command"),
        pytest.param([], "status\t", id="nothing yet"),
        pytest.param(["pause", "api", "--dir"], "--direction\t", id="an option"),
        pytest.param(["pause", "api", "--direction", "d"], "down\t\n:4\n", id="its value"),
    ],
)
def test_completion_says_what_may_follow(arguments: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    complete(arguments)

    assert capsys.readouterr().out.startswith(shown)
