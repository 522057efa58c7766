"""The alert that goes with a policy's open proposal: labels that route it, texts that say what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deadband.api.conditions import ConditionType
from deadband.api.scalingpolicy import APPROVE_ANNOTATION, ScalingPolicySpec
from deadband.api.status import Proposal, ScalingPolicyStatus
from deadband.api.types import render_instant
from deadband.core import words
from deadband.engine.records import PolicyRecord

ALERT_NAME = "DeadbandActionRequired"

DEFAULT_SEVERITY = "warning"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person is asked, as long as it lasts.

    Attributes:
        labels: The alert's identity (ADR 27).
        annotations: Its texts.
        proposal: Id of the proposal that they speak of.
        since: When the policy began to ask; proposals that follow each other without a pause ask on.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    proposal: str
    since: datetime

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """Equal for what Alertmanager takes for the same alert."""
        return tuple(sorted(self.labels.items()))


def ask_of(record: PolicyRecord, status: ScalingPolicyStatus) -> Ask | None:
    """What a policy with this status asks a person; None when it asks nothing.

    Args:
        record: Who asks, and the labels that its owner put on it.
        status: After an evaluation, or as the object carries it.
    """
    proposal = status.proposal
    if proposal is None:
        return None
    labels = {
        "alertname": ALERT_NAME,
        "namespace": record.ref.namespace,
        "policy": record.ref.name,
        "direction": proposal.direction.value,
        "severity": record.severity or DEFAULT_SEVERITY,
    }
    optional = {"resource": status.target or _measured(record.spec), "owner": record.owner}
    labels |= {name: value for name, value in optional.items() if value}
    return Ask(labels, _texts(record, status, proposal), proposal.id, _since(status, proposal))


def _since(status: ScalingPolicyStatus, proposal: Proposal) -> datetime:
    condition = next((one for one in status.conditions if one.type == ConditionType.ACTION_REQUIRED), None)
    asking = condition is not None and condition.status == "True"
    return condition.last_transition_time if condition is not None and asking else proposal.created_at


def _measured(spec: ScalingPolicySpec | None) -> str:
    """The things that the metrics name, where there is no target: database instances and queues."""
    metrics = spec.metrics if spec is not None else []
    names = [metric.database.instance for metric in metrics if metric.database is not None]
    names += [metric.queue.name for metric in metrics if metric.queue is not None]
    return ",".join(dict.fromkeys(names))


def _texts(record: PolicyRecord, status: ScalingPolicyStatus, proposal: Proposal) -> Mapping[str, str]:
    sentence = status.decision.sentence if status.decision is not None else ""
    if proposal.replicas is None:
        how = "Nothing here can be scaled by deadband: a person does what is asked for."
    else:
        how = (
            f"To carry it out once, until {words.clock(proposal.expires_at)}: kubectl annotate scalingpolicy "
            f"{record.ref.name} -n {record.ref.namespace} --overwrite {APPROVE_ANNOTATION}={proposal.id}"
        )
    return {
        "summary": proposal.text,
        "description": f"{sentence} {how}".strip(),
        "proposal": proposal.id,
        "expires_at": render_instant(proposal.expires_at),
    }
