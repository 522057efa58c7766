"""The conditions that follow from a decision: what kstatus, Argo CD, alerts and people read."""

from collections.abc import Iterator

from deadband.api.conditions import ConditionType, Reason, Said
from deadband.api.status import ScaleEvent
from deadband.core import words
from deadband.core.decision import Decision
from deadband.core.history import reversals
from deadband.core.types import Absent, Inputs, NoTarget, Pause

FLAPPING_FROM = 4
"""So many reversals in 30 minutes are flapping (R21)."""


def of_decision(
    inputs: Inputs, decision: Decision, *, events: list[ScaleEvent], refused: tuple[Reason, str] | None
) -> list[Said]:
    """Every condition after one evaluation.

    Args:
        inputs: What was decided on.
        decision: What was decided.
        events: Scale events, this evaluation's included.
        refused: Reason and message when the API server did not take the write.
    """
    return [
        *_readiness(inputs, decision, refused),
        _scaling_active(inputs, decision),
        _able_to_scale(inputs, refused),
        _scaling_limited(decision),
        _metrics_available(inputs, decision),
        _contested(decision),
        _action_required(inputs, decision),
        _flapping(inputs, events),
    ]


def of_invalid(message: str) -> list[Said]:
    """Every condition of a policy whose spec is refused."""
    said: list[Said] = [
        (ConditionType.READY, "False", Reason.INVALID_SPEC, message),
        (ConditionType.RECONCILING, "False", Reason.INVALID_SPEC, ""),
        (ConditionType.STALLED, "True", Reason.INVALID_SPEC, message),
        (ConditionType.SCALING_ACTIVE, "False", Reason.INVALID_SPEC, "Nothing is evaluated."),
    ]
    unknown = [type_ for type_ in ConditionType if type_ not in {each[0] for each in said}]
    return said + [(type_, "Unknown", Reason.INVALID_SPEC, "Nothing is evaluated.") for type_ in unknown]


def _readiness(inputs: Inputs, decision: Decision, refused: tuple[Reason, str] | None) -> Iterator[Said]:
    """Ready, Reconciling, Stalled as kstatus reads them: a Prometheus outage changes none of them."""
    trouble = _permanent(inputs, decision, refused)
    if trouble is None:
        yield ConditionType.READY, "True", Reason.OK, "The spec is accepted and evaluated."
        yield ConditionType.RECONCILING, "False", Reason.OK, ""
        yield ConditionType.STALLED, "False", Reason.OK, ""
    else:
        yield ConditionType.READY, "False", *trouble
        yield ConditionType.RECONCILING, "False", trouble[0], ""
        yield ConditionType.STALLED, "True", *trouble


def _permanent(inputs: Inputs, decision: Decision, refused: tuple[Reason, str] | None) -> tuple[Reason, str] | None:
    """What stays wrong until a person mends it: the target, a missing right, or a source that is not there for it."""
    if isinstance(inputs.target, NoTarget):
        return None if inputs.target.passes else (inputs.target.reason, inputs.target.message)
    if refused is not None and refused[0] is Reason.ACCESS_DENIED:
        return refused
    for metric in inputs.spec.metrics:
        seen = decision.observed[metric.name]
        if isinstance(seen, Absent) and seen.reason in (Reason.SOURCE_NOT_FOUND, Reason.ACCESS_DENIED):
            return seen.reason, f"{metric.name}: {seen.message}"
    return None


def _scaling_active(inputs: Inputs, decision: Decision) -> Said:
    type_ = ConditionType.SCALING_ACTIVE
    if isinstance(inputs.target, NoTarget):
        return type_, "False", inputs.target.reason, inputs.target.message
    if decision.reason is Reason.SCALING_DISABLED:
        what = "HPA's workload" if inputs.spec.moves else "target"
        return type_, "False", Reason.SCALING_DISABLED, f"The {what} has 0 replicas and minReplicas is not 0."
    if decision.contest is not None:
        return type_, "False", Reason.TARGET_CONTESTED, f"{decision.contest.clause}."
    if inputs.pause is Pause.BOTH:
        return type_, "False", Reason.PAUSED, "The annotation deadband.dev/paused is set."
    return type_, "True", Reason.OK, "The policy only advises." if inputs.target is None else ""


def _able_to_scale(inputs: Inputs, refused: tuple[Reason, str] | None) -> Said:
    if isinstance(inputs.target, NoTarget):
        return ConditionType.ABLE_TO_SCALE, "False", inputs.target.reason, inputs.target.message
    if refused:
        return ConditionType.ABLE_TO_SCALE, "False", *refused
    return ConditionType.ABLE_TO_SCALE, "True", Reason.OK, ""


def _scaling_limited(decision: Decision) -> Said:
    step = decision.limiting
    if step is None or step.limits is None:
        return ConditionType.SCALING_LIMITED, "False", Reason.OK, ""
    return ConditionType.SCALING_LIMITED, "True", step.limits, step.note


def _metrics_available(inputs: Inputs, decision: Decision) -> Said:
    absent = [
        (metric, seen) for metric in inputs.spec.metrics if isinstance(seen := decision.observed[metric.name], Absent)
    ]
    if not absent:
        return ConditionType.METRICS_AVAILABLE, "True", Reason.OK, ""
    message = words.join(words.reading_clause(metric, seen) for metric, seen in absent)
    return ConditionType.METRICS_AVAILABLE, "False", absent[0][1].reason, f"{message}."


def _contested(decision: Decision) -> Said:
    if decision.contest is not None:
        return ConditionType.TARGET_CONTESTED, "True", Reason.TARGET_CONTESTED, f"{decision.contest.clause}."
    return ConditionType.TARGET_CONTESTED, "False", Reason.OK, ""


def _action_required(inputs: Inputs, decision: Decision) -> Said:
    proposal = decision.proposal
    # An approval of the open proposal only waits, and the decision says what for; any other does nothing at all.
    waits = proposal is not None and proposal.replicas is not None and inputs.approval == proposal.id
    yet = " yet" if waits else ""
    refusal = f" The approval was not carried out{yet}: {decision.refusal}." if decision.refusal else ""
    refused = Reason.APPROVAL_REFUSED if refusal and not waits else None
    if proposal is None:
        return ConditionType.ACTION_REQUIRED, "False", refused or Reason.OK, refusal.strip()
    how = f" Approve with deadband.dev/approve={proposal.id}." if proposal.replicas is not None else ""
    message = f"{proposal.text}{how}{refusal}"
    return ConditionType.ACTION_REQUIRED, "True", refused or Reason.APPROVAL_REQUIRED, message


def _flapping(inputs: Inputs, events: list[ScaleEvent]) -> Said:
    turns = reversals(events, now=inputs.now)
    if turns < FLAPPING_FROM:
        return ConditionType.FLAPPING, "False", Reason.OK, ""
    message = (
        f"The direction turned {turns} times in 30 minutes. Widen the band between the thresholds, or raise "
        f"scaleDown.forSeconds above {inputs.spec.down.for_seconds} and scaleUp.forSeconds above "
        f"{inputs.spec.up.for_seconds}."
    )
    return ConditionType.FLAPPING, "True", Reason.FLAPPING, message
