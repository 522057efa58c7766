"""What one read of a HorizontalPodAutoscaler tells."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deadband.adapters.autoscalers import autoscaler_from_object
from deadband.api.originals import MovedBound, OriginalBounds


def hpa(*, annotations: dict[str, str] | None = None, managed: Any = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations, "managedFields": managed},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
            "minReplicas": 2,
            "maxReplicas": 10,
            **spec,
        },
    }


def entry(manager: str, *fields: str, **changes: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "time": "2026-03-01T12:00:00Z",
        "fieldsV1": {"f:spec": {field: {} for field in fields}},
        **changes,
    }


def test_bounds_and_workload_are_read() -> None:
    read = autoscaler_from_object(hpa())

    assert (read.low, read.high) == (2, 10)
    assert (read.scales.api_version, read.scales.kind, read.scales.name) == ("apps/v1", "Deployment", "api")


def controller(version: str, kind: str = "ScaledObject", **changes: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": "web", "controller": True, **changes}


@pytest.mark.parametrize(
    ("owners", "owner"),
    [
        pytest.param(None, None, id="nobody's"),
        pytest.param([controller("keda.sh/v1alpha1")], "ScaledObject web", id="KEDA's"),
        pytest.param([controller("keda.sh/v2")], "ScaledObject web", id="a later KEDA's"),
        pytest.param([controller("keda.sh/v1alpha1", controller=False)], None, id="not under its control"),
        pytest.param([controller("acme.io/v1")], None, id="a namesake's"),
        pytest.param([controller("acme.io/v1", "App")], None, id="some operator's"),
    ],
)
def test_an_hpa_that_keda_made_names_its_scaled_object(owners: Any, owner: str | None) -> None:
    obj = hpa()
    obj["metadata"]["ownerReferences"] = owners

    assert autoscaler_from_object(obj).owner == owner


def test_an_absent_floor_is_one() -> None:
    obj = hpa()
    del obj["spec"]["minReplicas"]

    assert autoscaler_from_object(obj).low == 1


@pytest.mark.parametrize(
    ("text", "originals"),
    [
        pytest.param(
            json.dumps({"policy": "web", "uid": "u", "minReplicas": {"original": 2, "written": 4}}),
            OriginalBounds(policy="web", uid="u", min_replicas=MovedBound(original=2, written=4)),
            id="a floor that was moved",
        ),
        pytest.param("somebody's notes", None, id="not ours to understand"),
        pytest.param('{"policy": "web"}', None, id="not whole"),
    ],
)
def test_the_annotation_tells_what_was_there_before(text: str, originals: OriginalBounds | None) -> None:
    assert autoscaler_from_object(hpa(annotations={"deadband.dev/original-bounds": text})).originals == originals


@pytest.mark.parametrize(
    ("managed", "low", "high"),
    [
        pytest.param([entry("deadband", "f:minReplicas")], True, False, id="the floor is ours"),
        pytest.param([entry("deadband", "f:minReplicas", "f:maxReplicas")], True, True, id="both are ours"),
        pytest.param([entry("kubectl", "f:minReplicas", "f:maxReplicas")], False, False, id="somebody else's"),
        pytest.param(
            [entry("deadband", "f:minReplicas"), entry("argocd", "f:minReplicas", operation="Apply")],
            False,
            False,
            id="shared, so nobody can tell",
        ),
        pytest.param([entry("deadband", "f:minReplicas", operation="Apply")], False, False, id="not as we write"),
    ],
)
def test_our_own_write_is_known_by_its_manager(managed: Any, low: bool, high: bool) -> None:
    read = autoscaler_from_object(hpa(managed=managed))

    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (read.own_low, read.own_high) == (when if low else None, when if high else None)
