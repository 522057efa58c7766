"""Whether a policy's own PromQL parses and yields an instant vector; no server is asked."""

import promql_parser

from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.validation import Fault

_SHOWN = 200


def promql_faults(spec: ScalingPolicySpec) -> list[Fault]:
    """Check the queries of metrics and vetoes.

    Returns:
        One fault for each query that does not parse, or whose result is a range vector or a string; empty when all
        are good. The grammar is the parser's (Prometheus 2.45 and what came to it since): what it knows too little of,
        the server refuses later, and the reading is Error.
    """
    queries = [(f"spec.metrics[{index}].query", metric.query) for index, metric in enumerate(spec.metrics)]
    queries += [(f"spec.vetoes[{index}].query", veto.query) for index, veto in enumerate(spec.vetoes)]
    return [Fault(field, fault) for field, text in queries if text is not None and (fault := promql_fault(text))]


def promql_fault(text: str) -> str | None:
    """Say what is wrong with one query in one line; None when nothing is."""
    try:
        expression = promql_parser.parse(text)
    except ValueError as error:
        return f"is not PromQL: {' '.join(str(error).split())[:_SHOWN]}"
    while isinstance(expression, promql_parser.ParenExpr):
        expression = expression.expr
    if isinstance(expression, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        return "yields a range vector: put it into a function such as rate() or max_over_time()"
    if isinstance(expression, promql_parser.StringLiteral):
        return "yields a string, not a number"
    return None
