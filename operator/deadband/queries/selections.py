"""Which series a query reads: its selectors, each with the range and the function that it stands in. Pure text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser as tree

from deadband.queries.syntax import parse
from deadband.queries.tenancy import NotEnforceableError, selector_text


@dataclass(frozen=True, slots=True)
class Selection:
    """One selector of a query.

    Attributes:
        selector: The selector alone as PromQL: without range, `offset` and `@`.
        window: How far back a range selector reaches; None for an instant selector.
        function: The function whose argument the range selector is; empty for an instant one.
    """

    selector: str
    window: timedelta | None = None
    function: str = ""


def selections(promql: str) -> tuple[Selection, ...]:
    """The selectors of a query, each once, in the order in which they stand.

    Args:
        promql: PromQL; a comment in place of a query that cannot be asked has none.

    Returns:
        What can be written by itself; a selector with `or` between its matchers is left out. None of a query that the
        parser cannot read, or that is nested too deeply.
    """
    try:
        return tuple(dict.fromkeys(_found(parse(promql), "")))
    except (ValueError, RecursionError):
        return ()


def _found(node: Any, function: str) -> Iterator[Selection]:
    match node:
        case tree.MatrixSelector():
            yield from _selection(node.vector_selector, node.range, function)
        case tree.VectorSelector():
            yield from _selection(node, None, "")
        case tree.Call():
            for argument in node.args:
                yield from _found(argument, node.func.name)
        case tree.BinaryExpr():
            yield from _found(node.lhs, "")
            yield from _found(node.rhs, "")
        case tree.ParenExpr():
            yield from _found(node.expr, function)
        case tree.AggregateExpr() | tree.SubqueryExpr() | tree.UnaryExpr():
            yield from _found(node.expr, "")
        case _:
            return  # numbers and strings select nothing


def _selection(selector: Any, window: timedelta | None, function: str) -> Iterator[Selection]:
    try:
        yield Selection(selector_text(selector), window, function)
    except NotEnforceableError:
        return
