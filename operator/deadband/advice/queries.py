"""Findings of a policy's own PromQL: what is never sent, and what only the source can judge."""

from collections.abc import Iterator, Mapping

from deadband.advice.finding import Finding, FindingId, Severity
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.queries.syntax import unread_queries


def query_findings(spec: ScalingPolicySpec, refused: Mapping[str, str]) -> Iterator[Finding]:
    """Find what the text of a query shows.

    Args:
        spec: The policy.
        refused: By field, why a query is never sent.
    """
    for field, why in refused.items():
        yield Finding(
            FindingId.QUERY_NEVER_SENT,
            Severity.ERROR,
            field,
            f"It is never sent, and reads Error: {why}.",
            "Write it so that it can be bound, or ask another source.",
        )
    for field, said in unread_queries(spec).items():
        if field not in refused:
            yield Finding(
                FindingId.QUERY_NOT_READ,
                Severity.INFO,
                field,
                f"deadband's parser cannot read it ({said}), so it is sent as it is written: a source that rejects it "
                "makes this reading Error, and the rest of the policy acts.",
                "Try it on the source, unless it is newer PromQL or MetricsQL that works there already.",
            )
