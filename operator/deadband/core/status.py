"""The next status: what an evaluation leaves for kubectl, and for the next evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from deadband.api.conditions import Reason, merge
from deadband.api.metrics import Assumption, Metric
from deadband.api.scalingpolicy import PolicyMode, ScalingPolicySpec
from deadband.api.status import (
    Cause,
    DecisionStatus,
    LastWrite,
    MetricStatus,
    ScaleEvent,
    ScalingPolicyStatus,
    TimerStatus,
    Way,
    Wish,
)
from deadband.core import timers, words
from deadband.core.conditions import of_decision, of_invalid
from deadband.core.decision import Decision
from deadband.core.forecast import remedy
from deadband.core.history import keep_events, keep_points, own_past, points
from deadband.core.proposals import lapsed
from deadband.core.ready import ready_maximum
from deadband.core.triggers import Load, Observed, holds
from deadband.core.types import Inputs, NoTarget, Outage, Target
from deadband.core.zero import standing_write


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server did not take the scale write.

    Attributes:
        reason: Why.
        message: In words.
        unanswered: No answer came, so the write may have been taken.
    """

    reason: Reason
    message: str
    unanswered: bool = False


class Change(Enum):
    """How a status differs from the one that the object carries (section 4)."""

    NONE = "none"
    VALUES = "values"
    """Only figures moved: written at most every 30 s."""
    MEANING = "meaning"
    """Something a person or another program would act on: written at once."""


def next_status(inputs: Inputs, decision: Decision, *, refused: Refusal | None = None) -> ScalingPolicyStatus:
    """The status after this evaluation.

    Args:
        inputs: What was decided on.
        decision: What was decided.
        refused: Set when the write was not taken: then nothing is remembered as scaled.
    """
    inputs = own_past(inputs)
    before, now, spec = inputs.status, inputs.now, inputs.spec
    if refused is not None and decision.cause is Cause.APPROVAL:
        # The approval was not used up: the next evaluation tries again.
        decision = replace(decision, proposal=before.proposal, last_proposal=before.last_proposal)
    moved_to = decision.current if refused else decision.moved_to
    events = before.scale_events
    last, way, wrote = before.last_scale_time, before.last_scale_direction, standing_write(inputs)
    pinned = decision.scales and refused is None  # a pin of an HPA's bounds may leave n where it is
    if decision.current is not None and moved_to is not None and (moved_to != decision.current or pinned):
        events = [*events, ScaleEvent(time=now, from_=decision.current, to=moved_to, cause=decision.cause)]
        last, way = now, (Way.UP if moved_to > decision.current else Way.DOWN)
    if decision.write is not None and (refused is None or refused.unanswered):
        wrote = LastWrite(replicas=decision.write, time=now)
    events = keep_events(spec, events, now=now)
    said = of_decision(inputs, decision, events=events, refused=(refused.reason, refused.message) if refused else None)
    return ScalingPolicyStatus(
        observed_generation=inputs.generation,
        target=spec.target,
        metrics_summary=words.thresholds_summary(spec, decision.observed),
        current_replicas=_real(inputs, moved_to),
        ready_maximum=ready_maximum(inputs),
        pod_template=_pod_template(inputs),
        desired_replicas=decision.desired,
        shadow_replicas=_shadow(inputs, moved_to),
        last_scale_time=last,
        last_scale_direction=way,
        last_write=wrote,
        metrics=[_metric(inputs, metric, decision.observed[metric.name]) for metric in spec.metrics],
        scale_up=decision.timers.up,
        scale_down=decision.timers.down,
        failures=decision.failures,
        scale_events=events,
        wishes=_wishes(inputs, decision),
        reverts=list(decision.reverts),
        proposal=decision.proposal,
        last_proposal=decision.last_proposal,
        decision=_told(decision, refused),
        conditions=merge(before.conditions, said, generation=inputs.generation, now=now),
    )


def _told(decision: Decision, refused: Refusal | None) -> DecisionStatus:
    """The decision in words; a write that was not taken is part of them, for the replicas are not what it says."""
    sentence, following = decision.sentence, decision.next
    if refused is not None:
        sentence = f"{sentence} This was not done: {refused.message}."
        following = remedy(refused.reason) or "Tries again at the next evaluation."
    return DecisionStatus(sentence=sentence, rule=decision.rule, reason=decision.reason, next=following)


def invalid_status(
    before: ScalingPolicyStatus,
    faults: Sequence[str],
    *,
    generation: int | None,
    now: datetime,
    outage: Outage | None = None,
) -> ScalingPolicyStatus:
    """The status of a policy that does not validate: it acts on nothing, and its timers stand still (R7).

    Args:
        before: What the last evaluation left.
        faults: Each with its field.
        generation: metadata.generation of the refused spec.
        now: The evaluation's time.
        outage: The time without an operator, in the first evaluation after it: it counts as unknown here, too.
    """

    def still(timer: TimerStatus) -> TimerStatus:
        running = timer.held_since is not None
        return timers.advance(timer, None, now=now, outage=outage) if running else TimerStatus()

    message = "; ".join(faults)
    decision = DecisionStatus(
        sentence=f"Not evaluating: the spec is invalid: {message}.",
        rule="validation",
        reason=Reason.INVALID_SPEC,
        next="Correct the spec; the fields are named in the message.",
    )
    return before.model_copy(
        update={
            "observed_generation": generation,
            "desired_replicas": before.current_replicas,
            "scale_up": still(before.scale_up),
            "scale_down": still(before.scale_down),
            "proposal": None,
            "last_proposal": lapsed(before, now=now),
            "decision": decision,
            "conditions": merge(before.conditions, of_invalid(message), generation=generation, now=now),
        }
    )


def change(written: ScalingPolicyStatus | None, current: ScalingPolicyStatus) -> Change:
    """Tell whether, and how, `current` differs from what the object carries.

    Points that equal the replicas need no write: what is not written counts as n after a restart (R10).
    """
    if written is None or _meaning(written) != _meaning(current):
        return Change.MEANING
    if _figures(written) != _figures(current):
        return Change.VALUES
    before = set(map(_point, written.wishes))
    unwritten = [point for point in current.wishes if _point(point) not in before]
    return Change.VALUES if any(point.replicas != current.current_replicas for point in unwritten) else Change.NONE


def _point(wish: Wish) -> tuple[datetime, int]:
    return wish.time, wish.replicas


def _meaning(status: ScalingPolicyStatus) -> object:
    decision = status.decision
    return (
        status.observed_generation,
        status.target,
        status.current_replicas,
        status.desired_replicas,
        status.shadow_replicas,
        status.last_scale_time,
        status.last_write,
        status.scale_up,
        status.scale_down,
        status.failures,
        [(metric.name, metric.verdict) for metric in status.metrics],
        [(event.time, event.to) for event in status.scale_events if event.time == status.last_scale_time],
        status.reverts,
        status.proposal,
        (decision.reason, decision.rule) if decision else None,
        [(condition.type, condition.status, condition.reason) for condition in status.conditions],
    )


def _figures(status: ScalingPolicyStatus) -> object:
    told = status.metrics_summary, status.metrics, status.decision, status.conditions
    return *told, status.ready_maximum, status.pod_template


def _real(inputs: Inputs, moved_to: int | None) -> int | None:
    """The real target's replicas after this evaluation: in DryRun the shadow moves and the target does not."""
    if isinstance(inputs.target, NoTarget) and inputs.target.passes:
        return inputs.status.current_replicas
    if not isinstance(inputs.target, Target):
        return None
    return inputs.target.replicas if inputs.spec.mode is PolicyMode.DRY_RUN else moved_to


def _pod_template(inputs: Inputs) -> str | None:
    if isinstance(inputs.target, Target):
        return inputs.target.template
    return inputs.status.pod_template if inputs.target is not None and inputs.target.passes else None


def _shadow(inputs: Inputs, moved_to: int | None) -> int | None:
    if inputs.spec.mode is not PolicyMode.DRY_RUN:
        return None
    unseen = isinstance(inputs.target, NoTarget) and inputs.target.passes
    return inputs.status.shadow_replicas if unseen else moved_to


def _wishes(inputs: Inputs, decision: Decision) -> list[Wish]:
    replicas = decision.current if decision.current is not None else 0
    return keep_points(inputs.spec, points(inputs, replicas=replicas), decision.wish, now=inputs.now)


def _metric(inputs: Inputs, metric: Metric, observed: Observed) -> MetricStatus:
    verdict = _verdict(inputs.spec, metric, observed)
    before = next((known for known in inputs.status.metrics if known.name == metric.name), None)
    value, measured = words.value_text(metric, observed), words.measured_text(observed)
    if before is not None and (before.value, before.measured, before.verdict) == (value, measured, verdict):
        return before
    since = before.since if before is not None and before.verdict == verdict else inputs.now
    return MetricStatus(name=metric.name, value=value, measured=measured, verdict=verdict, since=since)


def _verdict(spec: ScalingPolicySpec, metric: Metric, observed: Observed) -> str:
    match observed:
        case Assumption():
            return f"Assumed{observed}"
        case Load():
            mine = [t for d in (spec.up, spec.down) if d.enabled for t in d.triggers if t.metric == metric.name]
            if any(trigger.above is not None and holds(trigger, observed) for trigger in mine):
                return "Above"
            if any(trigger.below is not None and holds(trigger, observed) for trigger in mine):
                return "Below"
            return "Undecided" if any(holds(trigger, observed) is None for trigger in mine) else "Inside"
        case absent:
            return str(absent.reason)
