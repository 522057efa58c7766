"""What deadband's own parser makes of a policy's PromQL; the source has the last word, and no server is asked here.

The parser (promql-parser 0.12) knows Prometheus 2.45 and some of what came since, and no MetricsQL. So what it cannot
read is no fault: the query is sent as it is written, and the reading is Error where the source refuses it.
"""

import re
from typing import Any

import promql_parser

from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.validation import Fault
from deadband.queries.promql import quote

_SHOWN = 200
_TOKENS = re.compile(
    r"""
      (?P<raw>`[^`]*`)
    | (?P<grouped>[1-9][0-9]*(?:_[0-9]+)+)(?![\w.])
    | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | \#[^\n]* | [a-zA-Z_:][\w:]* | [0-9][\w.]*
    """,
    re.VERBOSE,
)
"""Two spellings that the parser does not know, and whatever could hold something that only looks like one."""


def parse(text: str) -> Any:
    """Read PromQL into a tree.

    Strings between backticks, in which Prometheus reads no escapes, and digits in groups (`10_000`) are spelled
    otherwise first: the parser takes neither.

    Raises:
        ValueError: The parser cannot read it, which does not mean that a source cannot.
    """
    return promql_parser.parse(_TOKENS.sub(_respelled, text))


def promql_faults(spec: ScalingPolicySpec) -> list[Fault]:
    """Find the queries of metrics and vetoes that no source can answer with a number.

    Returns:
        One fault for each query whose result is a range vector or a string; a query that the parser cannot read has
        none.
    """
    return [Fault(field, fault) for field, text in raw_queries(spec).items() if (fault := promql_fault(text))]


def unread_queries(spec: ScalingPolicySpec) -> dict[str, str]:
    """Tell which queries of metrics and vetoes only the source can judge: by field, what the parser says."""
    return {field: said for field, text in raw_queries(spec).items() if (said := unread(text))}


def raw_queries(spec: ScalingPolicySpec) -> dict[str, str]:
    """The PromQL that a policy brings itself, by field such as `spec.vetoes[0].query`."""
    queries = {f"spec.metrics[{index}].query": metric.query for index, metric in enumerate(spec.metrics)}
    queries |= {f"spec.vetoes[{index}].query": veto.query for index, veto in enumerate(spec.vetoes)}
    return {field: text for field, text in queries.items() if text is not None}


def promql_fault(text: str) -> str | None:
    """Say in one line why a query cannot yield a number, whatever the source; None when it may."""
    try:
        expression = parse(text)
    except ValueError:
        return None
    while isinstance(expression, promql_parser.ParenExpr):
        expression = expression.expr
    if isinstance(expression, promql_parser.MatrixSelector | promql_parser.SubqueryExpr):
        return "yields a range vector: put it into a function such as rate() or max_over_time()"
    if isinstance(expression, promql_parser.StringLiteral):
        return "yields a string, not a number"
    return None


def unread(text: str) -> str | None:
    """Say in one line what the parser cannot read; None when it reads the query."""
    try:
        parse(text)
    except ValueError as error:
        return in_one_line(error)
    return None


def in_one_line(error: ValueError) -> str:
    """The parser's own words, cut short."""
    return " ".join(str(error).split())[:_SHOWN]


def _respelled(found: re.Match[str]) -> str:
    if found["raw"] is not None:
        return quote(found["raw"][1:-1])
    return found[0].replace("_", "") if found["grouped"] is not None else found[0]
