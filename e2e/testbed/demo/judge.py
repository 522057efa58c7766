"""The judge: what the acts expect, held against what was seen. Nothing here waits, asks or prints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from e2e.testbed.demo.observed import METRICS_AVAILABLE, READY, AskingKind, Change, Record
from e2e.testbed.demo.story import Act, Scaling


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation and what became of it.

    Attributes:
        act: Title of the act.
        expected: What should have happened: "api up".
        seen: What did: "2 → 5".
        holds: True when the one is the other.
        at: Seconds since the play began at which it was first seen; None for what has no instant.
        sentence: The operator's own words for it; empty where none belong to it.
    """

    act: str
    expected: str
    seen: str
    holds: bool
    at: float | None = None
    sentence: str = ""


def judge(acts: Sequence[Act], policies: Sequence[str], record: Record) -> list[Verdict]:
    """Return a verdict for everything that the acts expect and for everything that they did not.

    Args:
        acts: The whole story, also what was not reached.
        policies: Names of all policies, for the conditions during an outage.
        record: What was seen.
    """
    return [verdict for act in acts for verdict in _judge_act(act, policies, record)]


def _judge_act(act: Act, policies: Sequence[str], record: Record) -> Iterator[Verdict]:
    if act.title not in record.acts:
        asked = [_ASKING[kind][0].format(policy) for kind, policies_ in _askings(act) for policy in policies_]
        for expected in (*(act.expects or ("nothing is scaled",)), *asked):
            yield Verdict(act.title, str(expected), "not reached", holds=False)
        return
    changes = [change for change in record.changes if change.act == act.title]
    for scaling in act.expects:
        yield _judge_scaling(scaling, [change for change in changes if change.scaling == scaling], act)
    if not act.expects:
        seen = "nothing" if not changes else _steps(changes)
        yield Verdict(act.title, "nothing is scaled", seen, holds=not changes)
    else:
        for change in changes:
            if change.scaling not in (*act.expects, *act.allows):
                yield Verdict(
                    act.title,
                    f"not {change.scaling}",
                    _steps([change]),
                    holds=False,
                    at=change.at,
                    sentence=change.sentence,
                )
    for kind, policies_ in _askings(act):
        yield from (_judge_asking(act, kind, policy, record) for policy in policies_)
    if not act.prometheus:
        yield from (_judge_outage(act, policy, record) for policy in policies)


_ASKING: Mapping[AskingKind, tuple[str, str]] = {
    "asks": ("{} asks a person", "a proposal, and Alertmanager has the alert"),
    "refuses": ("{} refuses the late approval", "refused"),
    "settled": ("{} asks nobody any more", "no proposal, and the alert is over"),
}
"""By kind: what is expected of a policy, and what it is called when it was seen."""


def _askings(act: Act) -> tuple[tuple[AskingKind, tuple[str, ...]], ...]:
    return ("asks", act.asks), ("refuses", act.approves_late), ("settled", act.settles)


def _judge_asking(act: Act, kind: AskingKind, policy: str, record: Record) -> Verdict:
    expected, seen = _ASKING[kind]
    found = record.asking(act.title, policy, kind)
    if found is None:
        return Verdict(act.title, expected.format(policy), "nothing of that", holds=False)
    return Verdict(act.title, expected.format(policy), seen, holds=True, at=found.at, sentence=found.sentence)


def _judge_scaling(scaling: Scaling, changes: Sequence[Change], act: Act) -> Verdict:
    if not changes:
        return Verdict(act.title, str(scaling), "nothing", holds=False)
    first = changes[0]
    explained = all(change.sentence for change in changes)
    seen = _steps(changes) if explained else f"{_steps(changes)}, but no status says so"
    return Verdict(act.title, str(scaling), seen, holds=explained, at=first.at, sentence=first.sentence)


def _judge_outage(act: Act, policy: str, record: Record) -> Verdict:
    available = record.stood(act.title, policy, METRICS_AVAILABLE)
    ready = record.stood(act.title, policy, READY)
    # It was True until the operator's next evaluation: that it was False at all is what counts.
    told = "False" if "False" in available else _statuses(available)
    expected = f"{policy} says so and stays Ready"
    seen = f"{METRICS_AVAILABLE} {told}, {READY} {_statuses(ready)}"
    return Verdict(act.title, expected, seen, holds=told == "False" and ready == {"True"})


def _steps(changes: Sequence[Change]) -> str:
    """Say what happened to each workload: `api 2 → 5`, `lead-worker 2 → 6 → 12`."""
    steps: dict[str, list[int]] = {}
    for change in changes:
        steps.setdefault(change.workload, [change.before]).append(change.after)
    return ", ".join(f"{name} {' → '.join(map(str, numbers))}" for name, numbers in steps.items())


def _statuses(statuses: set[str]) -> str:
    return "/".join(sorted(statuses, reverse=True)) or "was never there"
