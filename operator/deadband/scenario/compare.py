"""Expected against got, tick by tick."""

from collections.abc import Iterator

from deadband.scenario.model import ANYTHING, Anything, Expect
from deadband.scenario.outcome import Difference, Outcome, Tick


def judge(played: Outcome) -> Outcome:
    """Compare a played scenario with what it expects.

    A refused policy holds only an expectation of `invalid: true`, and holds no other; an absent condition counts as
    "False".
    """
    expect = played.scenario.expect
    found = _refusal(played) if expect.invalid or played.refused else _differences(played, expect)
    return Outcome(played.scenario, played.ticks, played.refused, tuple(found))


def _refusal(played: Outcome) -> Iterator[Difference]:
    if played.refused and not played.scenario.expect.invalid:
        yield Difference("policy", "valid", "refused", sentence="; ".join(played.refused))
    elif not played.refused:
        yield Difference("policy", "refused", "valid")


def _differences(played: Outcome, expect: Expect) -> Iterator[Difference]:
    seconds = int(played.scenario.tick.total_seconds())
    for index, tick in enumerate(played.ticks):
        for field, expected, got in _compared(expect, index, tick):
            if expected is not ANYTHING and expected != got:
                yield Difference(field, _shown(expected), _shown(got), index, index * seconds, tick.sentence)
        if expect.message is not None and not _said(expect.message[index], tick):
            yield Difference("message", _shown(expect.message[index]), tick.sentence, index, index * seconds)
    writes = sum(tick.wrote for tick in played.ticks)
    if expect.writes is not None and expect.writes != writes:
        yield Difference("writes", str(expect.writes), str(writes))


def _said(part: str | Anything, tick: Tick) -> bool:
    return isinstance(part, Anything) or part in tick.sentence


def _compared(expect: Expect, index: int, tick: Tick) -> Iterator[tuple[str, object, object]]:
    """What is looked at in one tick: field, expected, got."""
    if expect.replicas is not None:
        yield "replicas", expect.replicas[index], tick.replicas
    if expect.desired is not None:
        yield "desired", expect.desired[index], tick.desired
    if expect.reason is not None:
        yield "reason", expect.reason[index], tick.reason
    for type_, statuses in expect.conditions.items():
        yield f"conditions.{type_}", statuses[index], tick.conditions.get(type_, "False")


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
