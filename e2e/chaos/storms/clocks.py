"""What befalls the operator's wall clock: it is set while the load rises or falls, or it is another one all along."""

import time
from collections.abc import Generator
from pathlib import Path

from e2e.chaos.fault import Fault, Lane, Script
from e2e.chaos.stage import Stage
from e2e.chaos.storms.operators import TAKEOVER_SECONDS
from e2e.testbed.installation import Operator
from e2e.testbed.packages import program

JUMP_SECONDS = 600
SLIGHTLY_SECONDS = 25
"""More than a sample may be old in the play, less than it takes."""


def _right_at_first(stage: Stage) -> Operator:
    return stage.operator("operator", stage.api, environment=_with_clock(stage, 0))


def _with_clock(stage: Stage, seconds: int) -> dict[str, str]:
    """The environment of a process whose wall clock is off by what a file says; its monotonic clock stays true."""
    _set_clock(stage, seconds)
    return {
        "LD_PRELOAD": str(_libfaketime()),
        "FAKETIME_TIMESTAMP_FILE": str(_clock_file(stage)),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _libfaketime() -> Path:
    """The library behind the program, in the same package or on this machine."""
    root = program("faketime").binary.parents[2]
    patterns = ("usr/lib/*/faketime/libfaketime.so.1", "usr/lib*/faketime/libfaketime.so.1")
    return next(found for place in (root, Path("/")) for pattern in patterns for found in place.glob(pattern))


def _clock_file(stage: Stage) -> Path:
    return stage.folder / "clock"


def _set_clock(stage: Stage, seconds: int) -> None:
    _clock_file(stage).write_text(f"{seconds:+d}\n")


def _clock_jumps(seconds: int, *, falling: bool = False) -> Script:
    """The wall clock is set while the load rises, or while it falls, and is set right again."""

    def script(lane: Lane) -> Generator[None]:
        yield
        lane.wait_for(2)
        if not falling:
            _jump(lane, seconds)
        yield
        if falling:
            _jump(lane, seconds)
        yield

    return script


def _jump(lane: Lane, seconds: int) -> None:
    before = lane.stage.seen.replicas(lane.name)
    _set_clock(lane.stage, seconds)
    time.sleep(30)  # six evaluations by a wrong clock
    assert lane.stage.seen.replicas(lane.name) == before, "scaled by a wrong clock"
    _set_clock(lane.stage, 0)


def _skewed_peer(lane: Lane) -> Generator[None]:
    """An operator whose clock is ten minutes ahead takes over, and is ended again."""
    with lane.stage.another_way("second") as way:
        second = lane.stage.operator("second", way, environment=_with_clock(lane.stage, JUMP_SECONDS))
        second.start()
        first = lane.stage.supervisor.operator
        try:
            yield
            lane.wait_for(2)
            first.process.freeze()
            lane.stage.wait("the second leads", second.leads, timeout=TAKEOVER_SECONDS)
            first.process.thaw()
            time.sleep(15)
            assert lane.stage.seen.replicas(lane.name) == 2, "scaled by a wrong clock"
            second.process.stop()
            yield
            yield
        finally:
            first.process.thaw()
            second.process.stop()


_HOW = "libfaketime"

CLOCKS: tuple[Fault, ...] = (
    Fault(id="F18", name="clock-ahead", what="the clock jumps ten minutes ahead, and back", how=_HOW,
          script=_clock_jumps(JUMP_SECONDS), dress=_right_at_first),
    Fault(id="F18", name="clock-behind", what="the clock jumps ten minutes back, and ahead", how=_HOW,
          script=_clock_jumps(-JUMP_SECONDS), dress=_right_at_first),
    Fault(id="F18", name="clock-slightly-behind", what="the clock jumps 25 s back: what it asks for was once true",
          how=_HOW, script=_clock_jumps(-SLIGHTLY_SECONDS, falling=True), dress=_right_at_first),
    Fault(id="F18", name="skewed-peer", what="a follower that is ten minutes ahead takes over", how=_HOW,
          script=_skewed_peer, settle_seconds=120),
)  # fmt: skip
