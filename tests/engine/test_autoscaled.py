"""A policy that moves the bounds of an HPA, in a world where others write the same HPA."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from deadband.api.conditions import EventReason, Reason
from deadband.api.originals import ORIGINAL_BOUNDS_ANNOTATION, MovedBound, OriginalBounds
from deadband.ports import DeniedError, GoneError, UnreachableError, WriteError
from tests.engine.fakes import FakeWorld, Json, policy, read_autoscaler

HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"}


@pytest.fixture
async def world() -> FakeWorld:
    """A leader, a source that reads 150 (up above 100), and HPA web: 2 to 10 replicas of Deployment api, which has 4."""
    made = FakeWorld()
    made.add_source(value=150)
    made.add_deployment("api", 4)
    made.add_autoscaler(low=2, high=10)
    made.scheduler.lead(None)
    return made


def on_hpa(world: FakeWorld, name: str = "api", **changes: Any) -> Json:
    return world.add_policy(name, **{"scaleTargetRef": HPA, **changes})


def originals(world: FakeWorld, name: str = "web") -> OriginalBounds | None:
    return read_autoscaler(world.autoscalers.objects[name]).originals


def condition(world: FakeWorld, type_: str, name: str = "api") -> Any:
    return next(one for one in world.status(name).conditions if one.type == type_)


async def test_the_floor_moves_and_what_was_there_is_kept(world: FakeWorld) -> None:
    on_hpa(world)

    await world.evaluate()

    assert world.autoscalers.rewritten == [("web", 6, 10)]
    assert originals(world) == OriginalBounds(
        policy="api", uid="uid-api", min_replicas=MovedBound(original=2, written=6)
    )
    assert world.status().target == "HorizontalPodAutoscaler/web"
    assert world.status().current_replicas == 6
    assert world.events.recorded == [("api", EventReason.SCALED_UP)]
    assert world.targets.scaled == []


async def test_a_move_is_logged_as_that_of_a_bound_and_not_as_a_scaling(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    on_hpa(world)

    with caplog.at_level(logging.INFO):
        await world.evaluate()

    (line,) = [record.message for record in caplog.records if hasattr(record, "rule")]
    assert line.startswith("moved minReplicas of HPA web from 2 to 6: Raising minReplicas of HPA web from 2 to 6: ")


async def test_our_own_move_is_known_before_the_watch_tells_it(world: FakeWorld) -> None:
    on_hpa(world, maxReplicas=6)
    await world.evaluate()

    await world.evaluate(seconds=15)

    assert world.autoscalers.rewritten == [("web", 6, 10)]
    assert world.reason() == Reason.AT_MAXIMUM


async def test_a_foreign_edit_between_read_and_write_is_not_lost(world: FakeWorld) -> None:
    on_hpa(world)
    world.autoscalers.before_write = [lambda: world.autoscalers.put("web", low=5, high=7)]

    await world.evaluate()

    assert world.autoscalers.rewritten == [("web", 6, 7)]
    assert originals(world) == OriginalBounds(
        policy="api", uid="uid-api", min_replicas=MovedBound(original=5, written=6)
    )


async def test_both_bounds_are_pinned_where_the_workload_stands_and_then_left_alone(world: FakeWorld) -> None:
    world.metrics.values["main"] = 50  # type: ignore[assignment]  # an int is a number here, too
    on_hpa(world, bound="Both")

    for _ in range(3):
        await world.evaluate(seconds=15)

    assert world.autoscalers.rewritten == [("web", 4, 4)]


async def test_of_two_policies_on_one_hpa_the_oldest_moves_it(world: FakeWorld) -> None:
    on_hpa(world, "old", created="2026-03-01T00:00:00Z")
    up = {"anyOf": [{"metric": "load", "above": 100}], "step": {"type": "Pods", "pods": 1}}
    on_hpa(world, "young", created="2026-03-01T00:00:05Z", bound="MaxReplicas", maxReplicas=20, scaleUp=up)

    await world.evaluate()

    assert world.autoscalers.rewritten == [("web", 6, 10)]
    assert world.reason("young") == Reason.TARGET_CONTESTED


async def test_an_hpa_that_keda_made_is_left_to_keda(world: FakeWorld) -> None:
    world.autoscalers.put("web", owner="ScaledObject queue")
    world.scheduler.receive("HorizontalPodAutoscaler", "MODIFIED", world.autoscalers.objects["web"])
    on_hpa(world)

    await world.evaluate()

    assert world.autoscalers.rewritten == []
    contested = condition(world, "TargetContested")
    assert (contested.status, contested.message) == ("True", "ScaledObject queue writes the same target.")


async def test_a_policy_on_the_workload_of_an_hpa_holds_whoever_moves_that(world: FakeWorld) -> None:
    on_hpa(world, "floor")
    world.add_policy("direct", target="api")

    await world.evaluate()

    assert world.targets.scaled == []
    assert "HorizontalPodAutoscaler web" in condition(world, "TargetContested", "direct").message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda world: world.scheduler.receive(
                "HorizontalPodAutoscaler", "DELETED", world.autoscalers.objects.pop("web")
            ),
            "HorizontalPodAutoscaler web does not exist in namespace shop; create it, or correct spec.scaleTargetRef",
            id="no HPA",
        ),
        pytest.param(
            lambda world: world.add_autoscaler(scales="gone"),
            "Deployment gone does not exist in namespace shop; create it, or correct what HorizontalPodAutoscaler web "
            "scales",
            id="no workload",
        ),
    ],
)
async def test_what_is_missing_is_named(world: FakeWorld, change: Callable[[FakeWorld], object], message: str) -> None:
    change(world)
    on_hpa(world)

    await world.evaluate()

    stalled = condition(world, "Stalled")
    assert (stalled.status, stalled.reason, stalled.message) == ("True", Reason.TARGET_NOT_FOUND, message)


async def test_a_workload_that_went_since_the_watch_saw_it_is_told(world: FakeWorld) -> None:
    on_hpa(world)
    world.targets.workloads.clear()

    await world.evaluate()

    assert world.autoscalers.rewritten == []
    assert condition(world, "Ready").message == (
        "what HorizontalPodAutoscaler web scales cannot be scaled: Deployment api does not exist"
    )


async def test_a_resource_metric_reads_the_pods_of_the_hpa_s_workload(world: FakeWorld) -> None:
    on_hpa(
        world,
        metrics=[{"name": "load", "resource": {"name": "cpu"}}],
        scaleUp={"anyOf": [{"metric": "load", "above": 70}]},
        scaleDown=None,
    )

    await world.evaluate()

    first, second = world.metrics.asked  # an answer without the workload is looked into pod by pod
    for asked in (*first, *second):
        assert 'owner_name="api"' in asked.promql
        assert 'owner_kind="Deployment"' in asked.promql


# R19


async def moved(world: FakeWorld, **changes: Any) -> None:
    """The policy has moved its bound, and the watch has told it."""
    on_hpa(world, **changes)
    await world.evaluate()
    world.autoscalers.rewritten.clear()


def edit(world: FakeWorld, **changes: Any) -> None:
    obj = policy("api", generation=2, version=2, **{"scaleTargetRef": HPA, **changes})
    world.policies.objects["uid-api"] = obj
    world.scheduler.receive("ScalingPolicy", "MODIFIED", obj)


async def test_the_bounds_come_back_when_the_policy_goes(world: FakeWorld) -> None:
    await moved(world)
    world.delete_policy()

    await world.restoring.once()
    await world.restoring.once()

    assert world.autoscalers.rewritten == [("web", 2, 10)]
    assert originals(world) is None
    assert ("web", EventReason.BOUNDS_RESTORED) in world.events.recorded


async def test_as_long_as_the_policy_is_there_nothing_is_given_back(world: FakeWorld) -> None:
    await moved(world)

    await world.restoring.once()

    assert world.autoscalers.rewritten == []


async def test_a_policy_deleted_while_no_operator_ran_is_restored_by_the_next_one() -> None:
    world = FakeWorld()
    left = OriginalBounds(policy="gone", uid="uid-gone", min_replicas=MovedBound(original=2, written=6))
    world.add_autoscaler(low=6, annotations={ORIGINAL_BOUNDS_ANNOTATION: left.model_dump_json()})

    await world.restoring.once()
    assert world.autoscalers.reads == 0, "who does not lead does not know every policy"

    world.scheduler.lead(None)
    await world.restoring.once()
    assert world.autoscalers.rewritten == [("web", 2, 10)]


async def test_a_watch_that_lost_the_policy_gives_nothing_back(world: FakeWorld) -> None:
    await moved(world)
    world.scheduler.receive("ScalingPolicy", "DELETED", world.policies.objects["uid-api"])  # but it is there

    await world.restoring.once()

    assert world.autoscalers.rewritten == []


@pytest.mark.parametrize(
    ("changes", "given_back"),
    [
        pytest.param({"minReplicas": 9, "maxReplicas": 3}, False, id="an invalid policy changes nothing"),
        pytest.param({"mode": "DryRun"}, False, id="a dry run changes nothing"),
        pytest.param({"annotations": {"deadband.dev/paused": "true"}}, False, id="a paused policy still moves it"),
        pytest.param({"scaleTargetRef": {**HPA, "name": "other"}}, True, id="it targets another HPA"),
        pytest.param({"bound": "MaxReplicas"}, True, id="it moves another bound"),
        pytest.param({"bound": "Both"}, False, id="it moves this bound and another"),
        pytest.param(
            {"scaleTargetRef": None, "minReplicas": None, "maxReplicas": None}, True, id="it has no target any more"
        ),
    ],
)
async def test_what_an_edited_policy_gives_back(world: FakeWorld, changes: Json, given_back: bool) -> None:
    await moved(world)
    edit(world, **changes)

    await world.restoring.once()

    assert world.autoscalers.rewritten == ([("web", 2, 10)] if given_back else [])


@pytest.mark.parametrize(
    ("heir", "given_back"),
    [
        pytest.param({}, False, id="one made anew under the old name takes over"),
        pytest.param({"mode": "DryRun"}, True, id="a dry run takes nothing over"),
        pytest.param({"bound": "MaxReplicas"}, True, id="one that moves the other bound"),
        pytest.param({"minReplicas": 9, "maxReplicas": 3}, True, id="one that does not validate"),
    ],
)
async def test_what_becomes_of_the_bounds_of_a_policy_that_is_replaced(
    world: FakeWorld, heir: Json, given_back: bool
) -> None:
    await moved(world)
    world.delete_policy()
    on_hpa(world, uid="uid-new", **heir)

    await world.restoring.once()

    assert world.autoscalers.rewritten == ([("web", 2, 10)] if given_back else [])


async def test_the_original_outlives_the_policy_that_found_it(world: FakeWorld) -> None:
    await moved(world, maxReplicas=6)
    world.delete_policy()
    on_hpa(world, uid="uid-new", minReplicas=8)

    await world.evaluate(seconds=60)
    world.scheduler.receive("ScalingPolicy", "DELETED", world.policies.objects.pop("uid-new"))
    await world.restoring.once()

    assert world.autoscalers.rewritten == [("web", 8, 10), ("web", 2, 10)]


async def test_somebody_s_bound_is_not_overwritten_by_a_restore(world: FakeWorld) -> None:
    await moved(world)
    world.delete_policy()
    world.autoscalers.before_write = [lambda: world.autoscalers.put("web", low=3)]

    await world.restoring.once()  # the HPA changed between the read and the write
    world.scheduler.receive("HorizontalPodAutoscaler", "MODIFIED", world.autoscalers.objects["web"])
    await world.restoring.once()

    assert world.autoscalers.rewritten == [("web", 3, 10)]
    assert originals(world) is None


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "may not patch"), id="denied"),
        pytest.param(UnreachableError(Reason.ERROR, "no answer"), id="unreachable"),
    ],
)
async def test_a_refused_restore_is_told_and_tried_again_after_a_minute(
    world: FakeWorld, error: WriteError, caplog: pytest.LogCaptureFixture
) -> None:
    await moved(world)
    world.delete_policy()

    def fail() -> None:
        raise error

    world.autoscalers.before_write = [fail]
    await world.restoring.once()
    await world.restoring.once()
    assert world.autoscalers.rewritten == []
    assert "could not restore the bounds of web" in caplog.text

    world.clock.seconds += 60
    await world.restoring.once()
    assert world.autoscalers.rewritten == [("web", 2, 10)]


async def test_an_hpa_that_went_with_its_policy_needs_no_restore(world: FakeWorld) -> None:
    await moved(world)
    world.delete_policy()
    del world.autoscalers.objects["web"]

    await world.restoring.once()

    with pytest.raises(GoneError):
        await world.autoscalers.read("shop", "web")
