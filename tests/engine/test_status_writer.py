"""The narrow door: coalescing, budget, what goes first, and what a failed write leaves behind."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from deadband.api.conditions import Reason
from deadband.api.status import DecisionStatus, ScalingPolicyStatus
from deadband.engine.status_writer import BURST, WRITES_PER_SECOND, StatusWriter
from deadband.engine.turn import Memory
from deadband.ports import ObjectRef, UnreachableError
from tests.engine.fakes import START, FakeClock, FakeLeadership, FakePolicies


class Desk:
    """A writer whose work is started by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.policies = FakePolicies()
        self.leadership = FakeLeadership()
        self.writer = StatusWriter(self.policies, self.leadership, self.clock)
        self.memories: dict[str, Memory] = {}

    def submit(
        self, name: str, *, summary: str, reason: Reason = Reason.WITHIN_BAND, scaled: datetime | None = None
    ) -> None:
        memory = self.memories.setdefault(name, Memory(ScalingPolicyStatus()))
        decision = DecisionStatus(sentence="", rule="R5", reason=reason, next="")
        status = ScalingPolicyStatus(metrics_summary=summary, decision=decision, last_scale_time=scaled)
        assert memory.settle(status, now=START)
        self.writer.submit(ObjectRef("ScalingPolicy", "shop", name, name), memory)

    @property
    def written(self) -> list[tuple[str, Any]]:
        return [(name, status["metricsSummary"]) for name, status in self.policies.written]


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def work(desk: Desk) -> None:
    task = asyncio.create_task(desk.writer.run())
    await desk.writer.flush()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_the_latest_status_of_a_policy_is_written(desk: Desk) -> None:
    desk.submit("a", summary="1")
    desk.submit("a", summary="2")

    await work(desk)

    assert desk.written == [("a", "2")]


async def test_what_was_written_is_remembered_and_not_due_again(desk: Desk) -> None:
    desk.submit("a", summary="1")
    await work(desk)

    memory = desk.memories["a"]
    assert not memory.settle(memory.status, now=START)


async def test_a_write_that_failed_stays_due(desk: Desk) -> None:
    desk.policies.failing = UnreachableError(Reason.ERROR, "no answer")
    desk.submit("a", summary="1")
    await work(desk)

    memory = desk.memories["a"]
    assert memory.settle(memory.status, now=START)


async def test_a_change_of_meaning_overtakes_figures(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.submit(name, summary="0")
    await work(desk)
    for memory in desk.memories.values():
        memory.compared_at = None
    desk.policies.written.clear()

    desk.submit("a", summary="1")
    desk.submit("b", summary="1", reason=Reason.AT_MAXIMUM)
    await work(desk)

    assert desk.written == [("b", "1"), ("a", "1")]


async def test_a_scaling_overtakes_the_first_status_of_many(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.submit(name, summary="0")
    desk.submit("c", summary="1", reason=Reason.SCALING_UP, scaled=START)

    await work(desk)

    assert desk.written == [("c", "1"), ("a", "0"), ("b", "0")]


async def test_a_scaling_that_waits_keeps_its_place_when_a_newer_status_comes(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.submit(name, summary="0", scaled=START)
    desk.submit("a", summary="1", reason=Reason.COOLING_DOWN, scaled=START)

    await work(desk)

    assert desk.written == [("a", "1"), ("b", "0")]


async def test_a_meaning_that_went_back_while_it_waited_is_not_written(desk: Desk) -> None:
    desk.submit("a", summary="0")
    await work(desk)
    desk.memories["a"].compared_at = None
    desk.policies.written.clear()

    desk.submit("a", summary="1", reason=Reason.AT_MAXIMUM)
    desk.submit("a", summary="2")
    await work(desk)

    assert desk.written == [("a", "2")]


async def test_a_burst_is_stretched_over_the_budget(desk: Desk) -> None:
    before = desk.clock.seconds
    extra = 100
    for number in range(int(BURST) + extra):
        desk.submit(f"p{number}", summary="1")

    await work(desk)

    assert len(desk.written) == BURST + extra
    assert desk.clock.seconds - before >= (extra - 1) / WRITES_PER_SECOND


async def test_who_does_not_lead_writes_nothing(desk: Desk) -> None:
    desk.submit("a", summary="1")
    desk.leadership.leading = False

    await work(desk)

    assert desk.written == []


async def test_a_policy_that_is_gone_is_not_written(desk: Desk) -> None:
    desk.submit("a", summary="1")
    desk.submit("b", summary="1")
    desk.writer.forget("a")

    await work(desk)

    assert desk.written == [("b", "1")]
