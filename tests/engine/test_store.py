"""The store: what watches bring, what a LIST repairs, and who owns a target."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deadband.core.types import NoTarget, Pause, Target
from deadband.engine.records import read_pause
from deadband.engine.store import PolicyChange, Store
from deadband.ports import ScaledObject, Workload
from tests.engine.fakes import Json, autoscaler, deployment, policy, read_autoscaler, scaled_object, source

TARGET = Target(replicas=2, ready=2, available=2)


@pytest.fixture
def store() -> Store:
    return Store(lambda obj: Workload(TARGET, obj["metadata"]["resourceVersion"]), read_autoscaler)


def names(changes: list[PolicyChange]) -> list[tuple[str, bool]]:
    return [(change.record.ref.name, change.gone) for change in changes]


@pytest.mark.parametrize(
    ("changes", "evaluated"),
    [
        pytest.param({"generation": 2, "version": 2}, True, id="a new generation is evaluated"),
        pytest.param(
            {"annotations": {"deadband.dev/paused": "true"}, "version": 2}, True, id="a pause is evaluated at once"
        ),
        pytest.param(
            {"annotations": {"deadband.dev/approve": "p1"}, "version": 2}, True, id="an approval is evaluated at once"
        ),
        pytest.param({"annotations": {"team": "shop"}, "version": 2}, False, id="a foreign annotation means nothing"),
        pytest.param({"status": {"failures": 1}, "version": 2}, False, id="our own status means nothing"),
        pytest.param({"generation": 2, "version": 0}, False, id="an older object is not taken in"),
    ],
)
def test_a_change_is_evaluated_when_it_means_something(store: Store, changes: dict[str, Any], evaluated: bool) -> None:
    store.apply("ScalingPolicy", "ADDED", policy())

    assert bool(store.apply("ScalingPolicy", "MODIFIED", policy(**changes))) is evaluated


def test_a_deleted_policy_is_gone_and_no_late_event_brings_it_back(store: Store) -> None:
    obj = policy()
    store.apply("ScalingPolicy", "ADDED", obj)

    assert names(store.apply("ScalingPolicy", "DELETED", obj)) == [("api", True)]
    assert store.apply("ScalingPolicy", "MODIFIED", obj) == []
    assert store.policies == {}


def test_a_policy_made_anew_under_the_same_name_replaces_the_old_one(store: Store) -> None:
    store.apply("ScalingPolicy", "ADDED", policy(uid="old"))

    changes = store.apply("ScalingPolicy", "ADDED", policy(uid="new"))

    assert [(change.record.ref.uid, change.gone) for change in changes] == [("old", True), ("new", False)]
    assert list(store.policies) == ["new"]


@pytest.mark.parametrize("kind", ["ScalingPolicy", "MetricSource", "Deployment"])
def test_a_list_drops_what_was_deleted_unseen(store: Store, kind: Any) -> None:
    make = {"ScalingPolicy": policy, "MetricSource": source, "Deployment": deployment}[kind]
    ghost, kept, young = make("ghost"), make("kept"), make("young")
    store.apply(kind, "ADDED", ghost)
    store.apply(kind, "ADDED", kept)
    known = store.known(kind)
    store.apply(kind, "ADDED", young)

    store.drop_ghosts(kind, known=known, listed={kept["metadata"]["uid"]})

    assert store.known(kind) == {kept["metadata"]["uid"], young["metadata"]["uid"]}


def test_an_invalid_policy_keeps_every_fault_with_its_field(store: Store) -> None:
    store.apply(
        "ScalingPolicy", "ADDED", policy(minReplicas=9, maxReplicas=3, metrics=[{"name": "x", "query": "sum("}])
    )

    record = store.policies["uid-api"]
    assert record.spec is None
    assert any("minReplicas" in fault for fault in record.faults)


@pytest.mark.parametrize(
    ("older", "holds"),
    [
        pytest.param({}, "b", id="the oldest policy owns the target"),
        pytest.param({"minReplicas": 9, "maxReplicas": 3}, "b", id="an invalid elder keeps its claim"),
        pytest.param({"mode": "DryRun"}, None, id="a simulated elder writes nothing and claims nothing"),
        pytest.param({"target": "other"}, None, id="another target is nobody's business"),
    ],
)
def test_of_two_policies_on_one_target_the_younger_holds(store: Store, older: Json, holds: str | None) -> None:
    store.apply("ScalingPolicy", "ADDED", policy("b", target="web", created="2026-03-01T00:00:01Z"))
    store.apply("ScalingPolicy", "ADDED", policy("a", created="2026-03-01T00:00:00Z", **{"target": "web"} | older))

    elders = {record.ref.name: store.elder(record) for record in store.policies.values()}

    assert [name for name, elder in elders.items() if elder is not None] == ([holds] if holds else [])


def test_policies_of_one_second_are_ordered_by_their_uid(store: Store) -> None:
    store.apply("ScalingPolicy", "ADDED", policy("b", uid="1", target="web"))
    store.apply("ScalingPolicy", "ADDED", policy("a", uid="2", target="web"))

    elder = store.elder(store.policies["2"])
    assert elder is not None
    assert elder.ref.name == "b"
    assert store.elder(store.policies["1"]) is None


def test_the_target_passes_on_when_its_owner_is_deleted(store: Store) -> None:
    elder = policy("a", target="web", created="2026-03-01T00:00:00Z")
    store.apply("ScalingPolicy", "ADDED", elder)
    store.apply("ScalingPolicy", "ADDED", policy("b", target="web", created="2026-03-01T00:00:01Z"))

    store.apply("ScalingPolicy", "DELETED", elder)

    assert store.elder(store.policies["uid-b"]) is None


@pytest.mark.parametrize(
    ("changes", "hpa", "contester"),
    [
        pytest.param({}, {"scales": "api"}, "HorizontalPodAutoscaler web", id="an HPA of the same workload"),
        pytest.param({}, {"scales": "other"}, None, id="an HPA of another workload"),
        pytest.param({}, {"scales": "api", "namespace": "else"}, None, id="an HPA of another namespace"),
        pytest.param({"mode": "DryRun"}, {"scales": "api"}, None, id="a simulation is contested by nobody"),
        pytest.param(
            {"scaleTargetRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"}},
            {"scales": "api"},
            None,
            id="an HPA does not contest the policy that moves it",
        ),
    ],
)
def test_an_hpa_contests_the_policy_on_its_workload(
    store: Store, changes: Json, hpa: Json, contester: str | None
) -> None:
    store.apply("HorizontalPodAutoscaler", "ADDED", autoscaler(**hpa))
    store.apply("ScalingPolicy", "ADDED", policy(**changes))

    assert store.contester(store.policies["uid-api"]) == contester


def test_an_older_policy_is_named_before_an_hpa(store: Store) -> None:
    store.apply("HorizontalPodAutoscaler", "ADDED", autoscaler(scales="web"))
    store.apply("ScalingPolicy", "ADDED", policy("b", target="web", created="2026-03-01T00:00:01Z"))
    store.apply("ScalingPolicy", "ADDED", policy("a", target="web", created="2026-03-01T00:00:00Z"))

    assert store.contester(store.policies["uid-b"]) == "ScalingPolicy a"
    assert store.contester(store.policies["uid-a"]) == "HorizontalPodAutoscaler web"


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda store: store.apply("HorizontalPodAutoscaler", "DELETED", autoscaler()), id="deleted"),
        pytest.param(
            lambda store: store.apply(
                "HorizontalPodAutoscaler", "MODIFIED", autoscaler(scales="other", resourceVersion="2")
            ),
            id="pointed at another workload",
        ),
        pytest.param(
            lambda store: store.drop_ghosts(
                "HorizontalPodAutoscaler", known=store.known("HorizontalPodAutoscaler"), listed=()
            ),
            id="gone without a watch that told it",
        ),
    ],
)
def test_an_hpa_that_is_gone_contests_no_more(store: Store, end: Callable[[Store], object]) -> None:
    store.apply("HorizontalPodAutoscaler", "ADDED", autoscaler())
    store.apply("ScalingPolicy", "ADDED", policy())
    assert store.contester(store.policies["uid-api"]) is not None

    end(store)

    assert store.contester(store.policies["uid-api"]) is None


@pytest.mark.parametrize(
    ("found", "contester"),
    [
        pytest.param([scaled_object()], "ScaledObject keda-web", id="on the same workload"),
        pytest.param([scaled_object(paused=True)], None, id="one that writes nothing"),
        pytest.param([scaled_object(scales="other")], None, id="on another workload"),
        pytest.param([scaled_object(kind="StatefulSet")], None, id="on a namesake of another kind"),
        pytest.param([scaled_object(namespace="else")], None, id="in another namespace"),
        pytest.param(
            [scaled_object("b"), scaled_object("a")], "ScaledObject a", id="the first by name, whatever the order"
        ),
    ],
)
def test_a_scaled_object_contests_the_policy_on_its_workload(
    store: Store, found: list[ScaledObject], contester: str | None
) -> None:
    store.apply("ScalingPolicy", "ADDED", policy())
    record = store.policies["uid-api"]

    store.scalables.hold_scaled_objects(found)
    assert store.contester(record) == contester

    store.scalables.hold_scaled_objects([])
    assert store.contester(record) is None


def test_a_scaled_object_is_named_before_its_hpa_listed_or_not(store: Store) -> None:
    store.apply("ScalingPolicy", "ADDED", policy())
    store.apply("HorizontalPodAutoscaler", "ADDED", autoscaler("keda-hpa-web", owner="ScaledObject keda-web"))

    assert store.contester(store.policies["uid-api"]) == "ScaledObject keda-web"
    store.scalables.hold_scaled_objects([scaled_object()])
    assert store.contester(store.policies["uid-api"]) == "ScaledObject keda-web"


def test_an_older_state_of_an_hpa_is_not_taken_in(store: Store) -> None:
    store.apply("HorizontalPodAutoscaler", "ADDED", autoscaler(low=5, resourceVersion="7"))
    store.apply("HorizontalPodAutoscaler", "MODIFIED", autoscaler(low=2, resourceVersion="6"))

    assert store.scalables.autoscalers["shop", "web"].autoscaler.low == 5


def test_a_watch_that_lags_behind_our_own_write_does_not_undo_it() -> None:
    """What a late event tells was so before the write: it must not read as a revert."""
    seen = [TARGET]
    store = Store(lambda obj: Workload(seen[0], obj["metadata"]["resourceVersion"]), read_autoscaler)
    store.apply("ScalingPolicy", "ADDED", policy())
    store.apply("Deployment", "ADDED", deployment(version=5))
    record = store.policies["uid-api"]

    assert record.spec is not None
    assert record.spec.scale_target_ref is not None
    store.scalables.note_scaled("shop", record.spec.scale_target_ref, 3, resource_version="8")
    seen[0] = replace(TARGET, writer="argocd-controller")
    store.apply("Deployment", "MODIFIED", deployment(version=8))
    assert store.target(record) == replace(TARGET, replicas=3)

    store.apply("Deployment", "MODIFIED", deployment(version=9))
    assert store.target(record) == replace(TARGET, writer="argocd-controller")


def test_a_second_default_source_never_changes_what_is_in_use(store: Store) -> None:
    store.apply("MetricSource", "ADDED", source("b", created="2026-01-01T00:00:00Z"))
    store.apply("MetricSource", "ADDED", source("a", created="2026-01-02T00:00:00Z"))

    assert store.default_source == "b"


def test_a_source_whose_status_alone_changed_keeps_its_connections(store: Store) -> None:
    store.apply("MetricSource", "ADDED", source())
    store.sources_changed = False

    store.apply("MetricSource", "MODIFIED", source() | {"status": {"reachable": True}})

    assert store.sources_changed is False


def test_a_target_that_does_not_exist_says_what_to_do(store: Store) -> None:
    store.apply("ScalingPolicy", "ADDED", policy())

    target = store.target(store.policies["uid-api"])

    assert isinstance(target, NoTarget)
    assert target.reason == "TargetNotFound"
    assert "create it" in target.message


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        pytest.param(None, Pause.NOTHING, id="no annotation"),
        pytest.param("false", Pause.NOTHING, id="false"),
        pytest.param("true", Pause.BOTH, id="true"),
        pytest.param("scale-up", Pause.UP, id="up"),
        pytest.param("scale-down", Pause.DOWN, id="down"),
        pytest.param("yes please", Pause.BOTH, id="a word nobody knows holds everything back"),
    ],
)
def test_the_paused_annotation(text: str | None, pause: Pause) -> None:
    assert read_pause({} if text is None else {"deadband.dev/paused": text}) is pause
