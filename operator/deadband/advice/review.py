"""Everything there is to say of a policy, what matters most first: the table of contents of this room."""

from collections.abc import Mapping

from deadband.advice.amounts import amount_findings
from deadband.advice.band import band_findings
from deadband.advice.finding import Finding
from deadband.advice.hindsight import hindsight_findings
from deadband.advice.past import Past
from deadband.advice.queries import query_findings
from deadband.advice.queues import queue_findings
from deadband.advice.timing import timing_findings
from deadband.api.scalingpolicy import ScalingPolicySpec


def review(
    spec: ScalingPolicySpec,
    promql: Mapping[str, str],
    past: Past | None = None,
    *,
    refused: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Find whatever can be said with certainty and a number.

    Args:
        spec: A valid spec.
        promql: By metric name, the expression that is asked.
        past: What Prometheus recorded; None: only what the spec alone shows.
        refused: By field, why a query is never sent; None: nothing is known of the sources.

    Returns:
        Errors, then warnings, then the rest; within one severity in the order of the fields.
    """
    found = [*band_findings(spec), *timing_findings(spec, promql), *amount_findings(spec)]
    found += [*query_findings(spec, refused or {}), *queue_findings(spec, past)]
    if past is not None:
        found += hindsight_findings(spec, past)
    return sorted(found, key=lambda finding: (finding.severity.rank, finding.field, finding.id))
