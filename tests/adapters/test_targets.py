"""What one read of a workload tells, and the write on its scale."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from deadband.adapters.kube import Kube
from deadband.adapters.targets import KubeTargets, workload_from_object
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScaleTargetRef
from deadband.ports import ConflictError, GoneError
from tests.adapters.fake_api import FakeApi

REF = ScaleTargetRef(api_version="apps/v1", kind="Deployment", name="api")
AVAILABLE = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
SETTLED = {
    "observedGeneration": 7,
    "replicas": 4,
    "updatedReplicas": 4,
    "readyReplicas": 4,
    "availableReplicas": 4,
    "conditions": [AVAILABLE],
}
STATEFUL = {
    "observedGeneration": 7,
    "replicas": 4,
    "updatedReplicas": 4,
    "readyReplicas": 4,
    "availableReplicas": 4,
    "currentRevision": "db-1",
    "updateRevision": "db-1",
}


def deployment(
    status: Mapping[str, Any] = SETTLED, *, managed: list[dict[str, Any]] | None = None, **spec: Any
) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"generation": 7, "resourceVersion": "42", "managedFields": managed or []},
        "spec": {"replicas": 4, **spec},
        "status": dict(status),
    }


def stateful_set(status: Mapping[str, Any] = STATEFUL, **spec: Any) -> dict[str, Any]:
    return {**deployment(status, **spec), "kind": "StatefulSet"}


def progressing(reason: str, status: str = "True") -> dict[str, Any]:
    return {"conditions": [{"type": "Progressing", "status": status, "reason": reason}]}


def entry(manager: str, operation: str = "Update", subresource: str | None = "scale", **fields: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "time": "2026-03-01T12:00:00Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        **({"subresource": subresource} if subresource else {}),
        **fields,
    }


@pytest.mark.parametrize(
    ("obj", "replicas", "ready", "available"),
    [
        pytest.param(deployment(), 4, 4, 4, id="all is well"),
        pytest.param(
            {"kind": "Deployment", "spec": {}}, 1, 0, 0, id="nothing written yet counts as one wanted, none ready"
        ),
        pytest.param(deployment(SETTLED | {"readyReplicas": 6}), 4, 4, 4, id="surge pods do not count as ready"),
        pytest.param(deployment(replicas=0), 0, 0, 4, id="zero is a number"),
        pytest.param(
            deployment({key: value for key, value in SETTLED.items() if key != "readyReplicas"}),
            4,
            0,
            4,
            id="none ready",
        ),
    ],
)
def test_counts(obj: dict[str, Any], replicas: int, ready: int, available: int) -> None:
    target = workload_from_object(obj).target

    assert (target.replicas, target.ready, target.available) == (replicas, ready, available)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        pytest.param({"matchLabels": {"app": "api", "tier": "web"}}, "app=api,tier=web", id="labels"),
        pytest.param(
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]},
            "app in (api,web)",
            id="one of several",
        ),
        pytest.param(
            {
                "matchLabels": {"app": "api"},
                "matchExpressions": [
                    {"key": "track", "operator": "NotIn", "values": ["canary"]},
                    {"key": "team", "operator": "Exists"},
                    {"key": "legacy", "operator": "DoesNotExist"},
                ],
            },
            "app=api,track notin (canary),team,!legacy",
            id="every operator",
        ),
        pytest.param({}, "", id="none"),
    ],
)
def test_the_pods_of_a_workload_are_chosen_as_its_controller_chooses_them(selector: dict[str, Any], text: str) -> None:
    assert workload_from_object(deployment(selector=selector)).selector == text


@pytest.mark.parametrize(
    ("obj", "uncreated"),
    [
        pytest.param(stateful_set(replicas=6), 2, id="two were not made"),
        pytest.param(stateful_set(replicas=3), 0, id="one too many"),
        pytest.param(deployment(replicas=6), 0, id="a Deployment says itself what denies its pods"),
    ],
)
def test_pods_that_a_stateful_set_could_not_make_are_counted(obj: dict[str, Any], uncreated: int) -> None:
    assert workload_from_object(obj).uncreated == uncreated


@pytest.mark.parametrize(
    ("obj", "rolling"),
    [
        pytest.param(deployment(), False, id="a settled Deployment"),
        pytest.param(deployment(SETTLED | {"observedGeneration": 6}), True, id="a spec that nobody has looked at yet"),
        pytest.param(deployment(SETTLED | {"replicas": 5}), True, id="a pod of an old revision is left"),
        pytest.param(deployment(SETTLED | progressing("ReplicaSetUpdated")), True, id="the new revision is not up yet"),
        pytest.param(deployment(replicas=9), False, id="a plain scale-up whose pods are not there yet"),
        pytest.param(
            deployment(SETTLED | {"replicas": 6, "updatedReplicas": 6}, replicas=9), False, id="a scale-up half-way"
        ),
        pytest.param(deployment(replicas=2), False, id="a plain scale-down whose pods still run"),
        pytest.param(deployment(SETTLED | {"conditions": []}), False, id="no progress deadline, all of one revision"),
        pytest.param(
            deployment(SETTLED | {"conditions": [], "updatedReplicas": 1}),
            True,
            id="no progress deadline, two revisions",
        ),
        pytest.param({"kind": "Deployment", "metadata": {"generation": 1}}, True, id="a Deployment that was just made"),
        pytest.param(stateful_set(), False, id="a settled StatefulSet"),
        pytest.param(stateful_set(STATEFUL | {"observedGeneration": 6}), True, id="a StatefulSet nobody has looked at"),
        pytest.param(stateful_set(STATEFUL | {"updateRevision": "db-2"}), True, id="two revisions of a StatefulSet"),
        pytest.param(stateful_set(replicas=9), False, id="a StatefulSet that scales up"),
        pytest.param(
            stateful_set(STATEFUL | {"updateRevision": "db-2"}, updateStrategy={"type": "OnDelete"}),
            False,
            id="OnDelete never moves the current revision, its pods are all new",
        ),
        pytest.param(
            stateful_set(
                STATEFUL | {"updateRevision": "db-2", "updatedReplicas": 1}, updateStrategy={"type": "OnDelete"}
            ),
            True,
            id="OnDelete with an old pod left",
        ),
    ],
)
def test_a_rollout_is_told_from_a_scaling(obj: dict[str, Any], rolling: bool) -> None:
    assert workload_from_object(obj).target.rollout_in_progress is rolling


def failure(reason: str, message: str, status: str = "True") -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": status, "reason": reason, "message": message}
    return SETTLED | {"conditions": [AVAILABLE, condition]}


QUOTA = 'pods "api-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'


@pytest.mark.parametrize(
    ("status", "exceeded"),
    [
        pytest.param(failure("FailedCreate", QUOTA), True, id="quota denies pods"),
        pytest.param(failure("FailedCreate", QUOTA, "False"), False, id="quota denied pods once"),
        pytest.param(failure("FailedCreate", "denied by a webhook"), False, id="something else denies pods"),
        pytest.param(failure("FailedDelete", QUOTA), False, id="pods cannot be deleted"),
        pytest.param(SETTLED, False, id="no failure"),
    ],
)
def test_a_quota_is_told_from_other_failures(status: dict[str, Any], exceeded: bool) -> None:
    assert workload_from_object(deployment(status)).target.quota_exceeded is exceeded


@pytest.mark.parametrize(
    ("managed", "ours"),
    [
        pytest.param([entry("deadband")], True, id="our write on scale"),
        pytest.param(
            [entry("deadband"), entry("kubectl", subresource=None, fieldsV1={"f:spec": {"f:paused": {}}})],
            True,
            id="somebody else wrote another field",
        ),
        pytest.param([entry("kubectl", subresource=None)], False, id="somebody else's write"),
        pytest.param([entry("kubectl")], False, id="somebody else's write on scale"),
        pytest.param([entry("deadband"), entry("flux", "Apply", None)], False, id="somebody applies the same value"),
        pytest.param([entry("deadband", "Apply")], False, id="an apply under our name is not from us"),
        pytest.param([entry("deadband", subresource=None)], False, id="nor is a write past scale"),
        pytest.param([entry("deadband", fieldsV1={"f:spec": {}})], False, id="somebody took the field over"),
        pytest.param([], False, id="nobody owns anything"),
    ],
)
def test_our_own_last_write_is_known_while_nobody_touched_the_replicas(
    managed: list[dict[str, Any]], ours: bool
) -> None:
    written = workload_from_object(deployment(managed=managed)).target.own_write

    assert written == (datetime(2026, 3, 1, 12, tzinfo=UTC) if ours else None)


STATUS = entry("kube-controller-manager", subresource="status", fieldsV1={"f:status": {"f:replicas": {}}})


@pytest.mark.parametrize(
    ("managed", "writer"),
    [
        pytest.param([entry("deadband"), STATUS], None, id="we did"),
        pytest.param([STATUS], None, id="nobody: a default of the API server's"),
        pytest.param([entry("kubectl")], "kubectl", id="kubectl scale"),
        pytest.param([entry("kubectl-client-side-apply", subresource=None)], "kubectl-client-side-apply", id="apply"),
        pytest.param([entry("argocd-controller", subresource=None)], "argocd-controller", id="Argo CD, client-side"),
        pytest.param([entry("kustomize-controller", "Apply", None)], "kustomize-controller", id="Flux, server-side"),
        pytest.param([entry("kube-controller-manager")], "kube-controller-manager", id="an HPA"),
        pytest.param([entry("deadband"), entry("helm", "Apply", None)], "helm", id="who applies our value shares it"),
        pytest.param(
            [entry("helm", "Apply", None), entry("argocd-controller", subresource=None)],
            "argocd-controller and helm",
            id="two that share it",
        ),
    ],
)
def test_whoever_set_the_replicas_as_they_are_is_named(managed: list[dict[str, Any]], writer: str | None) -> None:
    assert workload_from_object(deployment(managed=managed)).target.writer == writer


@pytest.mark.parametrize(
    ("others", "latest"),
    [
        pytest.param(["12:00:07"], 7, id="the controller has answered since"),
        pytest.param(["12:00:07", "12:00:09"], 9, id="the newest of all is never before our write"),
        pytest.param([], None, id="no time at all"),
    ],
)
def test_a_write_without_a_time_was_not_after_the_controllers_answer(others: list[str], latest: int | None) -> None:
    ours = {key: value for key, value in entry("deadband").items() if key != "time"}
    status = [
        entry(f"controller-{time}", subresource="status", fieldsV1={"f:status": {}}, time=f"2026-03-01T{time}Z")
        for time in others
    ]

    written = workload_from_object(deployment(managed=[*status, ours])).target.own_write

    assert written == (None if latest is None else datetime(2026, 3, 1, 12, 0, latest, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "rollout", "failed"),
    [
        pytest.param(progressing("ProgressDeadlineExceeded", "False"), False, True, id="it passed its deadline"),
        pytest.param(
            progressing("ProgressDeadlineExceeded", "False") | {"updatedReplicas": 1},
            False,
            True,
            id="with pods of the old revision left",
        ),
        pytest.param(
            progressing("ProgressDeadlineExceeded", "False") | {"observedGeneration": 6},
            True,
            False,
            id="a new spec may have begun another",
        ),
        pytest.param(progressing("ReplicaSetUpdated"), True, False, id="it goes on"),
    ],
)
def test_a_rollout_that_failed_is_not_in_progress(status: dict[str, Any], rollout: bool, failed: bool) -> None:
    seen = workload_from_object(deployment(SETTLED | status)).target

    assert (seen.rollout_in_progress, seen.rollout_failed) == (rollout, failed)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        pytest.param({"replicas": 9}, True, id="a scaling"),
        pytest.param({"paused": True}, True, id="another field"),
        pytest.param({"template": {"spec": {"containers": [{"image": "api:2"}]}}}, False, id="another image"),
    ],
)
def test_a_pod_template_is_told_from_another(changes: dict[str, Any], same: bool) -> None:
    before = {"template": {"spec": {"containers": [{"image": "api:1"}]}}}
    was = workload_from_object(deployment(**before)).target.template
    is_ = workload_from_object(deployment(**{**before, **changes})).target.template

    assert was is not None
    assert (was == is_) is same


def test_the_pods_of_a_deployment_that_was_made_again_are_others() -> None:
    one, other = deployment(template={"spec": {}}), deployment(template={"spec": {}})
    one["metadata"]["uid"], other["metadata"]["uid"] = "a", "b"

    assert workload_from_object(one).target.template != workload_from_object(other).target.template


def test_a_paused_deployment_says_so() -> None:
    assert workload_from_object(deployment(paused=True)).target.paused
    assert not workload_from_object(deployment()).target.paused


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        pytest.param("Deployment", "deployments", id="a Deployment"),
        pytest.param("StatefulSet", "statefulsets", id="a StatefulSet"),
    ],
)
async def test_a_scale_is_a_merge_patch_with_a_precondition(api: FakeApi, kube: Kube, kind: str, plural: str) -> None:
    ref = ScaleTargetRef(api_version="apps/v1", kind=kind, name="api")

    await KubeTargets(kube).scale("leadgen", ref, 7, resource_version="42")

    (request,) = api.seen
    assert (request["method"], request["path"]) == ("PATCH", f"/apis/apps/v1/namespaces/leadgen/{plural}/api/scale")
    assert request["query"] == {"fieldManager": "deadband"}
    assert request["body"] == {"metadata": {"resourceVersion": "42"}, "spec": {"replicas": 7}}


async def test_a_scale_on_a_changed_object_is_a_conflict(api: FakeApi, kube: Kube) -> None:
    api.answer(409)

    with pytest.raises(ConflictError):
        await KubeTargets(kube).scale("leadgen", REF, 7, resource_version="42")


async def test_a_read_is_a_get_of_the_whole_workload(api: FakeApi, kube: Kube) -> None:
    api.answer(200, deployment())

    workload = await KubeTargets(kube).read("leadgen", REF)

    assert (api.seen[0]["method"], api.seen[0]["path"]) == ("GET", "/apis/apps/v1/namespaces/leadgen/deployments/api")
    assert (workload.target.replicas, workload.resource_version) == (4, "42")


async def test_a_target_that_is_not_there_is_not_found(api: FakeApi, kube: Kube) -> None:
    api.answer(404)

    with pytest.raises(GoneError) as caught:
        await KubeTargets(kube).read("leadgen", REF)

    assert caught.value.reason is Reason.TARGET_NOT_FOUND
