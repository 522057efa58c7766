"""When a status goes to the API server: meaning at once, figures every 30 s, nothing twice."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deadband.api.scalingpolicy import PolicyMode, ScalingPolicySpec
from deadband.api.status import ScalingPolicyStatus
from deadband.core.calm import Calm
from deadband.core.decide import decide
from deadband.core.status import Change, change, next_status
from deadband.engine.turn import Memory
from tests.core.builders import T0, World, inputs, spec, target, up
from tests.core.test_calm import ticks
from tests.core.test_properties import policies


def test_meaning_is_written_at_once_figures_at_most_every_30_s_and_nothing_twice() -> None:
    world, memory, writes = World(spec(), 3), Memory.of(None), []
    for second, cpu in enumerate([50, 50, 51, 52, 53, 99, 50]):
        now = world.now
        world.step({"cpu": cpu})
        if memory.settle(world.status, now=now):
            memory.wrote(world.status)
            writes.append(second * 15)

    # 0: never written; 30: 51 %, 30 s after; 60: 53 %, again; 75: a scaling; 90: the band again.
    assert writes == [0, 30, 60, 75, 90]


def test_a_status_that_was_not_taken_stays_due() -> None:
    world, memory = World(spec(), 3), Memory.of(None)
    world.step({"cpu": 50})

    assert memory.settle(world.status, now=T0)
    assert memory.settle(world.status, now=T0)


def test_of_two_equal_statuses_one_is_held() -> None:
    world, memory = World(spec(), 3), Memory.of(None)
    world.step({"cpu": 50})
    memory.settle(world.status, now=T0)
    memory.wrote(world.status)
    again = world.status.model_copy()

    assert not memory.settle(again, now=T0)
    assert memory.status is memory.written is world.status


def test_what_was_written_reads_back_as_the_same_memory() -> None:
    world, memory = World(spec(scaleUp=up(stabilizationWindowSeconds=60)), 3), Memory.of(None)
    world.step({"cpu": 99})
    memory.settle(world.status, now=T0)
    composed = memory.compose()

    assert composed is not None
    assert Memory.of(composed.model_dump(mode="json")).status == world.status


def test_a_wish_that_matters_is_written_within_30_s() -> None:
    """Held back by its limit, the wish of 4 must survive a restart: it is not n."""
    limits = [{"type": "Pods", "value": 1, "periodSeconds": 1800}]
    world, memory = World(spec(scaleUp=up(limits=limits, stabilizationWindowSeconds=600)), 3), Memory.of(None)
    written_at = []
    for _ in range(6):
        now = world.now
        world.step({"cpu": 99})
        if memory.settle(world.status, now=now):
            memory.wrote(world.status)
            written_at.append(now)

    assert all(later - earlier <= timedelta(seconds=30) for earlier, later in pairwise(written_at))
    assert memory.written is not None
    assert memory.written.wishes


@dataclass
class Object:
    """What the API server keeps of a policy whose evaluations pass where they may, beside one decided in full."""

    policy: ScalingPolicySpec
    memory: Memory = field(default_factory=lambda: Memory.of(None))
    full: ScalingPolicyStatus = field(default_factory=ScalingPolicyStatus)
    carried: ScalingPolicyStatus | None = None

    def evaluate(self, tick: dict[str, Any], now: datetime, *, fails: bool) -> None:
        known = {metric.name: tick["readings"][metric.name] for metric in self.policy.metrics}
        facts = {name: tick[name] for name in ("pause", "approval", "contested_by")}
        workload = target(4, ready=4 - tick["unready"])
        given = inputs(self.policy, workload, status=self.full, now=now, readings=known, **facts)
        self.full = next_status(given, decide(given))
        mine = replace(given, status=self.memory.status)
        if self.memory.passes(mine) is None:
            decision = decide(mine)
            left = next_status(mine, decision)
            self.memory.settle(left, now=now, calm=Calm.after(mine, decision, left))
        if self.memory.wants_writing(now=now) and (status := self.memory.compose()) is not None and not fails:
            self.memory.wrote(status)
            self.carried = status


@given(policies(), st.lists(st.tuples(ticks(), st.booleans()), min_size=1, max_size=20))
def test_whatever_passed_and_whichever_writes_failed_what_lasts_is_on_the_object_within_30_s(
    policy: ScalingPolicySpec, timeline: list[tuple[dict[str, Any], bool]]
) -> None:
    policy = policy.model_copy(update={"mode": PolicyMode.ENFORCE, "min_replicas": 4, "max_replicas": 4})
    kept, now = Object(policy), T0
    for tick, fails in timeline:
        now += timedelta(seconds=tick["seconds"])
        kept.evaluate(tick, now, fails=fails)
    shown = []
    for _ in range(3):
        now += timedelta(seconds=15)
        kept.evaluate(timeline[-1][0], now, fails=False)
        shown.append(without_points(kept.full))

    if shown[0] == shown[1] == shown[2]:
        assert kept.carried is not None
        assert change(without_points(kept.carried), shown[2]) is Change.NONE


def without_points(status: ScalingPolicyStatus) -> ScalingPolicyStatus:
    """Points change with every evaluation while the wish is not n."""
    return status.model_copy(update={"wishes": []})
