"""What the chart watches deadband with, its alerts and its dashboard, as PromQL that can be asked."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from e2e.testbed.chart import CHART


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of the dashboard.

    Attributes:
        place: Title of the panel and the query's letter, or the name of the variable.
        expr: PromQL with the dashboard's variables in it.
        legend: What names the series; empty where nothing does.
    """

    place: str
    expr: str
    legend: str = ""

    def filled(self, **variables: str) -> str:
        """The query with the variables' values in it; a variable without a value stays and does not parse."""
        expr = self.expr
        for name, value in variables.items():
            expr = re.sub(rf"\${name}\b", lambda _, value=value: value, expr)  # type: ignore[misc]  # bound at once
        return expr


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana loads it."""
    loaded: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())
    return loaded


def panel_queries() -> list[Asked]:
    """Every query of every panel."""
    return [
        Asked(f"{panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    ]


def variable_queries() -> list[Asked]:
    """Every variable that Grafana fills with label_values, as the query for the series that have the label."""
    asked = []
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            parts = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert parts is not None, f"the variable {variable['name']} is no label_values"
            selector, label = parts.groups()
            asked.append(Asked(f"variable {variable['name']}", f"count by ({label}) ({selector})"))
    return asked


def rules_text(namespace: str) -> str:
    """The rule file of a release in a namespace, as the chart renders it."""
    return (CHART / "files" / "alerts.yaml").read_text().replace("RELEASE_NAMESPACE", namespace)


def rules(namespace: str) -> list[Mapping[str, Any]]:
    """Every alert."""
    return [rule for group in yaml.safe_load(rules_text(namespace))["groups"] for rule in group["rules"]]


def selectors(query: str) -> list[Any]:
    """Every vector selector of a query."""
    return list(_selectors(promql_parser.parse(query)))


def _selectors(expression: Any) -> Iterator[Any]:
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (child := getattr(expression, name, None)) is not None:
            yield from _selectors(child)
    for argument in getattr(expression, "args", None) or []:
        yield from _selectors(argument)
