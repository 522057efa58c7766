"""A tenant's PromQL, rewritten so that it can read the tenant's own namespace only (`rawQueries: NamespaceEnforced`).

The query is parsed and written anew from the tree; nothing of the tenant's text is copied. So it does not matter
whether parser and server agree about quotes, escapes or comments: what the server gets consists of names that were
checked, numbers, strings quoted here, and selectors that all end with the namespace. What the writer does not know is
refused, and so is what the parser cannot read: a query that is not bound is never sent.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

import promql_parser as tree

from deadband.queries.promql import quote
from deadband.queries.syntax import in_one_line, parse

LABEL = "namespace"
"""What the exporters and the scrape configuration of Kubernetes call it."""

_FUNCTIONS = """
abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min cos
cosh count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv double_exponential_smoothing
exp first_over_time floor histogram_avg histogram_count histogram_fraction histogram_quantile histogram_quantiles
histogram_stddev histogram_stdvar histogram_sum holt_winters hour idelta increase irate label_join label_replace
last_over_time ln log10 log2 mad_over_time max_over_time min_over_time minute month pi predict_linear
present_over_time quantile_over_time rad rate resets round scalar sgn sin sinh sort sort_by_label sort_by_label_desc
sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp ts_of_first_over_time
ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time vector year
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Those of Prometheus 3.16 that read their arguments only, with and without a feature flag: whether the server takes
them, it says itself. Without `info`, which reads target_info without a selector. Source: Prometheus documentation,
"Query functions"."""

_AGGREGATIONS = "sum avg min max count stddev stdvar group topk bottomk count_values quantile limitk limit_ratio"
AGGREGATIONS = frozenset(_AGGREGATIONS.split())
_OPERATORS = "+ - * / % ^ == != < > <= >= and or unless atan2"
OPERATORS = frozenset(_OPERATORS.split())

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MATCH_OPERATORS = (
    (tree.MatchOp.Equal, "="),
    (tree.MatchOp.NotEqual, "!="),
    (tree.MatchOp.Re, "=~"),
    (tree.MatchOp.NotRe, "!~"),
)


class NotEnforceableError(Exception):
    """A query that cannot be bound to a namespace; the message says what in it, and what to do."""


@lru_cache(maxsize=10_000)
def enforced(text: str, namespace: str) -> str:
    """Write the query with `namespace="…"` on every selector, whatever else it selects by.

    Args:
        text: PromQL as the policy has it.
        namespace: The policy's.

    Raises:
        NotEnforceableError: The parser cannot read it (newer Prometheus, MetricsQL), or it has something that cannot be
            written safely: `info()`, a fixed time behind `@`, `or` between matchers, `fill`.
    """
    own = f"{LABEL}={quote(namespace)}"
    try:
        written = _Writer(own).write(parse(text))
        again = _Writer(None).write(tree.parse(written))
    except ValueError as error:
        raise NotEnforceableError(f"the query cannot be read, so it is not sent: {in_one_line(error)}") from error
    except OverflowError as error:
        raise NotEnforceableError("the query has a duration beyond all time") from error
    except RecursionError as error:
        raise NotEnforceableError("the query is nested too deeply") from error
    if again != written:
        raise NotEnforceableError("the query cannot be written anew with the same meaning")
    return written


class _Writer:
    """Writes a tree; with `own`, a matcher as text, behind the matchers of every selector."""

    def __init__(self, own: str | None) -> None:
        self._own = own

    def write(self, node: Any) -> str:
        for kind, write in self._kinds:
            if isinstance(node, kind):
                return write(self, node)
        raise _refused(f"a {type(node).__name__}", "leave it out")

    def _number(self, node: Any) -> str:
        return repr(node.val).replace("inf", "Inf").replace("nan", "NaN")

    def _string(self, node: Any) -> str:
        return quote(node.val)

    def _parentheses(self, node: Any) -> str:
        return f"({self.write(node.expr)})"

    def _minus(self, node: Any) -> str:
        return f"-{self._operand(node.expr)}"

    def _binary(self, node: Any) -> str:
        operator = _known(str(node.op), OPERATORS, "the operator")
        left, right = self._operand(node.lhs), self._operand(node.rhs)
        return f"{left} {operator} {self._matching(node.modifier)}{right}"

    def _operand(self, node: Any) -> str:
        """In parentheses, so that no rule of precedence is needed; in one pair, so that writing again adds none."""
        return self.write(node) if isinstance(node, tree.ParenExpr) else f"({self.write(node)})"

    def _matching(self, modifier: Any) -> str:
        if modifier is None:
            return ""
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise _refused("`fill`", "use `or`")
        text = "bool " if modifier.return_bool else ""
        if modifier.matching is not None:
            word = "on" if modifier.matching.type == tree.LabelModifierType.Include else "ignoring"
            text += f"{word} {_labels(modifier.matching.labels)} "
        for card, word in (
            (tree.VectorMatchCardinality.ManyToOne, "group_left"),
            (tree.VectorMatchCardinality.OneToMany, "group_right"),
        ):
            if modifier.card == card:
                text += f"{word} {_labels(modifier.group_labels or [])} "
        return text

    def _aggregation(self, node: Any) -> str:
        word = _known(str(node.op), AGGREGATIONS, "the aggregation")
        grouping = ""
        if node.modifier is not None:
            by = "by" if node.modifier.type == tree.AggModifierType.By else "without"
            grouping = f" {by} {_labels(node.modifier.labels)} "
        arguments = [node.expr] if node.param is None else [node.param, node.expr]
        return f"{word}{grouping}({', '.join(map(self.write, arguments))})"

    def _call(self, node: Any) -> str:
        name = _known(node.func.name, FUNCTIONS, "the function")
        return f"{name}({', '.join(map(self.write, node.args))})"

    def _selector(self, node: Any) -> str:
        return f"{selector_text(node, self._own)}{_when(node)}"

    def _range(self, node: Any) -> str:
        selector = node.vector_selector
        return f"{selector_text(selector, self._own)}[{_duration(node.range)}]{_when(selector)}"

    def _subquery(self, node: Any) -> str:
        step = "" if node.step is None else _duration(node.step)
        return f"{self._operand(node.expr)}[{_duration(node.range)}:{step}]{_when(node)}"

    _kinds: tuple[tuple[type, Callable[["_Writer", Any], str]], ...] = (
        (tree.NumberLiteral, _number),
        (tree.StringLiteral, _string),
        (tree.ParenExpr, _parentheses),
        (tree.UnaryExpr, _minus),
        (tree.BinaryExpr, _binary),
        (tree.AggregateExpr, _aggregation),
        (tree.Call, _call),
        (tree.VectorSelector, _selector),
        (tree.MatrixSelector, _range),
        (tree.SubqueryExpr, _subquery),
    )


def selector_text(selector: Any, own: str | None = None) -> str:
    """Write a selector of a tree by its matchers alone, without range, `offset` and `@`.

    Args:
        selector: The parser's VectorSelector.
        own: A matcher as text, behind those of the selector.

    Raises:
        NotEnforceableError: It has `or` between matchers.
    """
    if selector.matchers.or_matchers:
        raise _refused("`or` between matchers", "use =~, or `or` between selectors")
    # The name of a series as a matcher: so written, no name can be taken for a word of the language.
    parts = [] if selector.name is None else [f"__name__={quote(selector.name)}"]
    for matcher in selector.matchers.matchers:
        operator = next(text for kind, text in _MATCH_OPERATORS if kind == matcher.op)
        parts.append(f"{_label(matcher.name)}{operator}{quote(matcher.value)}")
    return f"{{{','.join([*parts, *([] if own is None else [own])])}}}"


def _when(node: Any) -> str:
    """The `@` and the `offset` of a selector or subquery."""
    text = ""
    if node.at is not None:
        if node.at.type == tree.AtModifierType.Start:
            text += " @ start()"
        elif node.at.type == tree.AtModifierType.End:
            text += " @ end()"
        else:
            # Not even looked at: the parser's binding aborts on times before 1970.
            raise _refused("a fixed time behind `@`", "use `offset`")
    if node.offset is not None:
        sign = "-" if node.offset < timedelta() else ""
        text += f" offset {sign}{_duration(abs(node.offset))}"
    return text


def _duration(span: timedelta) -> str:
    """In days and milliseconds: the parser reads each number into 32 bits, and 50 days are more milliseconds."""
    rest = span - timedelta(days=span.days)
    days = f"{span.days}d" if span.days else ""
    return f"{days}{rest // timedelta(milliseconds=1)}ms" if rest or not days else days


def _labels(names: list[str]) -> str:
    return f"({', '.join(map(_label, names))})"


def _label(name: str) -> str:
    """As it is, or in quotes, as Prometheus 3 takes a name of any other characters."""
    return name if _NAME.fullmatch(name) else quote(name)


def _known(word: str, words: frozenset[str], what: str) -> str:
    if word not in words:
        raise _refused(f"{what} {word}", "use another")
    return word


def _refused(what: str, advice: str) -> NotEnforceableError:
    return NotEnforceableError(f"{what} cannot be bound to a namespace: {advice}")
