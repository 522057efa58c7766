"""The dashboard has the shape that Grafana loads: the classic JSON model, panels of today, all data by its variables.

What Grafana asks for: grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest

from e2e.testbed.monitoring import dashboard, panel_queries, variable_queries

DASHBOARD = dashboard()
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
TITLES = [panel["title"] for panel in DRAWN]

# Those of Angular (graph, singlestat, table-old and the like) do not load any more from Grafana 12 on.
TYPES = {"row", "stat", "table", "timeseries", "state-timeline"}
UNITS = {"short", "s", "bytes", "ops", "reqps"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILT_IN = {"__rate_interval"}


def test_it_has_an_address_that_survives_an_upgrade() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert "id" not in DASHBOARD, "Grafana numbers dashboards itself"
    assert DASHBOARD["schemaVersion"] >= 39


def test_panels_are_numbered_once() -> None:
    ids = [panel["id"] for panel in PANELS]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_is_of_a_type_that_grafana_still_draws(panel: Mapping[str, Any]) -> None:
    assert panel["type"] in TYPES


@pytest.mark.parametrize("panel", DRAWN, ids=TITLES)
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: Mapping[str, Any]) -> None:
    assert re.fullmatch(r"[A-Z].*\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


@pytest.mark.parametrize("panel", DRAWN, ids=TITLES)
def test_a_panel_asks_the_prometheus_that_the_reader_chose(panel: Mapping[str, Any]) -> None:
    letters = [target["refId"] for target in panel["targets"]]

    assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [SOURCE] * (
        len(letters) + 1
    )
    assert letters == sorted(set(letters))
    assert letters


@pytest.mark.parametrize("panel", DRAWN, ids=TITLES)
def test_what_a_panel_colors_by_name_is_something_that_it_draws(panel: Mapping[str, Any]) -> None:
    drawn = [target["legendFormat"].replace("{{comparison}}", way) for target in panel["targets"] for way in ("above", "below")]  # fmt: skip

    for override in panel["fieldConfig"]["overrides"]:
        names = {prop["value"] for prop in override["properties"] if prop["id"] == "custom.fillBelowTo"}
        matcher = override["matcher"]
        if matcher["id"] == "byName":
            names.add(matcher["options"])
        else:
            assert re.fullmatch(r"/.+/", matcher["options"])
        assert names <= set(drawn)


def test_panels_stand_on_the_grid_and_beside_one_another() -> None:
    def cells(panel: Mapping[str, Any]) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        return {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}

    for panel in PANELS:
        assert max(x for x, _ in cells(panel)) < 24, panel["title"]
    for one, other in combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


def variables_in(text: str) -> Iterator[str]:
    yield from re.findall(r"\$\{?(\w+)", text)


def test_every_variable_is_there_and_every_one_is_used() -> None:
    names = [variable["name"] for variable in DASHBOARD["templating"]["list"]]
    asked = {name for query in (*panel_queries(), *variable_queries()) for name in variables_in(query.expr)}

    assert {"namespace", "policy"} <= set(names)
    assert asked - BUILT_IN == set(names) - {"datasource"}
    assert {name for title in (panel["title"] for panel in PANELS) for name in variables_in(title)} <= set(names)


def test_a_variable_asks_only_for_what_stands_before_it() -> None:
    known: set[str] = set()
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            assert set(variables_in(variable["query"]["query"])) <= known, variable["name"]
            assert variable["datasource"] == SOURCE
        known.add(variable["name"])


def test_the_band_is_shaded_between_its_two_thresholds() -> None:
    [band] = [panel for panel in DRAWN if panel["title"].endswith("value and thresholds")]

    shaded = {
        (override["matcher"]["options"], prop["value"])
        for override in band["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "custom.fillBelowTo"
    }
    assert shaded == {("up above", "down below"), ("down above", "up below")}
    assert band["repeat"] == "metric"
