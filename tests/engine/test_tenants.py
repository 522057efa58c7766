"""A source may choose the namespaces whose policies use it."""

import pytest

from deadband.api.conditions import Reason
from deadband.engine.tenants import READ_AGAIN_SECONDS
from deadband.ports import DeniedError, UnreachableError
from tests.engine.fakes import FakeWorld

CHOOSY = {"allowedNamespaces": {"matchLabels": {"team": "retail", "tier": "gold"}}}
CHOSEN = {"shop": {"team": "retail", "tier": "gold", "more": "x"}}


@pytest.fixture
async def world() -> FakeWorld:
    """A leader with one choosy source that reads 150, and one policy in shop: up above 100."""
    made = FakeWorld()
    made.add_source(value=150, **CHOOSY)
    made.add_deployment()
    made.scheduler.lead(None)
    made.add_policy()
    return made


def ready(world: FakeWorld) -> tuple[str, str]:
    return next((each.reason, each.message) for each in world.status().conditions if each.type == "Ready")


async def test_a_policy_of_a_chosen_namespace_uses_the_source(world: FakeWorld) -> None:
    world.namespaces = CHOSEN
    await world.tenants.look()
    await world.evaluate()

    assert world.targets.scaled == [("api", 3)]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"shop": {"team": "retail"}}, id="only one of two labels"),
        pytest.param({"shop": {"team": "retail", "tier": "silver"}}, id="another value"),
        pytest.param({"shop": {}}, id="no labels"),
        pytest.param({"billing": CHOSEN["shop"]}, id="a namespace that is not there"),
    ],
)
async def test_a_policy_of_another_namespace_does_not(world: FakeWorld, labels: dict[str, dict[str, str]]) -> None:
    world.namespaces = labels
    await world.tenants.look()
    await world.evaluate()

    assert world.targets.scaled == []
    assert world.metrics.asked in ([], [()])
    assert ready(world) == (Reason.ACCESS_DENIED, "load: MetricSource main does not allow policies of namespace shop")


async def test_before_the_labels_are_known_nothing_is_asked(world: FakeWorld) -> None:
    world.namespaces = CHOSEN
    await world.evaluate()

    assert world.targets.scaled == []


@pytest.mark.parametrize(
    ("error", "moves"),
    [
        pytest.param(UnreachableError(Reason.ERROR, "no answer"), True, id="the last labels count during an outage"),
        pytest.param(DeniedError(Reason.ACCESS_DENIED, "no right"), False, id="and do not when the right is gone"),
    ],
)
async def test_a_failed_look_keeps_what_still_may_be_believed(
    world: FakeWorld, error: UnreachableError | DeniedError, *, moves: bool
) -> None:
    world.namespaces = CHOSEN
    await world.tenants.look()
    world.namespaces = error
    world.clock.seconds += READ_AGAIN_SECONDS
    await world.tenants.look()
    await world.evaluate()

    assert (world.targets.scaled == [("api", 3)]) is moves


async def test_a_changed_label_counts_after_a_minute_and_not_before(world: FakeWorld) -> None:
    world.namespaces = {"shop": {}}
    await world.tenants.look()
    world.namespaces = CHOSEN
    await world.tenants.look()
    await world.evaluate()
    before = list(world.targets.scaled)
    world.clock.seconds += READ_AGAIN_SECONDS
    await world.tenants.look()
    await world.evaluate()

    assert before == []
    assert world.targets.scaled == [("api", 3)]


async def test_namespaces_are_not_read_where_no_source_chooses() -> None:
    plain = FakeWorld()
    plain.add_source(value=150)
    plain.namespaces = AssertionError("was read")  # type: ignore[assignment]  # anything that would be seen

    await plain.tenants.look()

    assert plain.tenants.refusal("main", plain.store.sources["main"].spec, "shop") is None  # type: ignore[arg-type]
