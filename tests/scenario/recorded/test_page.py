"""The page: well-formed, sufficient in itself, and true to the run."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from deadband.queries.ranges import Grid
from deadband.scenario.recorded.chart import figure
from deadband.scenario.recorded.chronicle import MOST
from deadband.scenario.recorded.curves import COLUMNS, Scale, curve, envelope, gaps, stairs, uprights
from deadband.scenario.recorded.marks import PLACES
from deadband.scenario.recorded.page import page
from deadband.scenario.recorded.run import Line
from tests.scenario.recorded.histories import played

MADE = datetime(2026, 1, 12, 8, tzinfo=UTC)


def parsed(text: str) -> ET.Element:
    """As XML, which is stricter than a browser: what it takes, every browser builds as meant."""
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>\n").replace("&nbsp;", " "))


def rich() -> str:
    run = played({"cpu": [60, 105, 150, None, 10, 10]}, real=[4], metrics=[
        {"name": "cpu", "query": "cpu", "per": "Replica"},
    ])  # fmt: skip
    return page([run], made=MADE)


def test_the_page_is_well_formed() -> None:
    root = parsed(rich())

    assert root.tag == "html"
    assert [element.tag for element in root] == ["head", "body"]


def test_the_page_needs_nothing_from_anywhere_and_says_so_to_the_browser() -> None:
    text = rich()

    assert not re.search(r"https?:|src=|url\(|@import|<script|<link|<iframe", text)
    assert "default-src 'none'" in text
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', text))


def test_the_page_is_for_phones_and_for_dark_and_light() -> None:
    text = rich()

    assert 'name="viewport" content="width=device-width' in text
    assert "prefers-color-scheme: dark" in text


def test_every_scaling_is_marked_on_the_curve_and_told_on_hover_and_focus() -> None:
    root = parsed(rich())
    marks = [element for element in root.iter("a") if "mark" in element.get("class", "")]
    entries = {element.get("id"): element for element in root.iter("li") if element.get("id")}

    assert [mark.get("href", "").removeprefix("#") in entries for mark in marks] == [True] * len(entries)
    assert "4 → 6 (ScalingUp, R8)" in marks[0].get("aria-label", "")
    assert "cpu 105 is above 70" in "".join(marks[0].itertext())
    assert "Projected: cpu." in "".join(marks[1].itertext())
    assert ".mark:hover .tip, .mark:focus .tip" in rich()


def test_every_entry_leads_back_to_its_mark() -> None:
    root = parsed(rich())
    marks = {element.get("id") for element in root.iter("a") if "mark" in element.get("class", "")}
    entries = [element for element in root.iter("li") if element.get("id")]

    assert entries
    assert {entry.find("a").get("href", "").removeprefix("#") for entry in entries} == marks  # type: ignore[union-attr]


def test_thresholds_band_gaps_and_both_lines_are_drawn() -> None:
    root = parsed(rich())
    classes = [element.get("class") for element in root.iter() if element.tag in {"path", "line", "rect"}]

    replicas = ["grid", "was", "sim"]
    cpu = ["grid", "gap", "band", "at up", "at down", "when up", "when down", "was", "sim"]
    assert classes == replicas + cpu


def test_several_policies_stand_side_by_side_in_colors_of_their_own() -> None:
    one, other = (played([60, 105, 60], real=[4], maxReplicas=most) for most in (20, 5))

    root = parsed(page([one, other], made=MADE))
    compared = next(root.iter("figure"))

    assert [element.get("class") for element in compared.iter("path")] == ["grid", "was", "p0", "p1"]
    assert [element.get("class") for element in root.iter("section")] == ["p0", "p1"]
    assert [element.get("class") for element in root.iter("article")] == ["card p0", "card p1"]


def test_the_cards_tell_the_numbers_that_policies_are_held_against_each_other_by() -> None:
    run = played([60, 105] + [60] * 239, real=[4])  # an hour: 15 s with 4 and the rest with 6

    (card,) = parsed(page([run], made=MADE)).iter("article")

    said = [" ".join(text.strip() for text in cell.itertext()) for cell in card.iter("div")]
    assert said == [
        "scalings 1 1 up, 0 down",
        "reversals 0 at most 0 within 30 min",
        "replica-hours 5.99 4 really ran: +49.8\u00a0%",
        "replicas 4 to 6",
    ]


def test_a_proposal_is_marked_where_it_was_asked_for() -> None:
    up = {"anyOf": [{"metric": "cpu", "above": 70}], "mode": "Manual"}

    root = parsed(page([played([60, 105], real=[4], scaleUp=up)], made=MADE))

    (mark,) = (element for element in root.iter("a") if "mark" in element.get("class", ""))
    assert mark.get("class") == "mark proposal"
    assert "proposed: 4 → 6" in mark.get("aria-label", "")


def test_a_policy_without_a_target_has_no_chart_of_replicas_and_no_mark_but_its_advice() -> None:
    run = played([50, 105], scaleTargetRef=None, minReplicas=None, maxReplicas=None)

    root = parsed(page([run], made=MADE))

    assert len(list(root.iter("figure"))) == 1
    (entry,) = (element for element in root.iter("li") if element.get("id"))
    assert "proposed: advice" in "".join(entry.itertext())


def test_weeks_of_a_policy_that_scales_all_the_time_fit_into_a_page() -> None:
    hour = played([105, 60] * 120, real=[4], maxReplicas=9)
    hours = 3 * 7 * 24
    grid = Grid(hour.grid.start, hour.grid.step, hours * hour.grid.count)
    run = replace(
        hour,
        grid=grid,
        happenings=[replace(hour.happenings[0], index=index, at=now) for index, now in enumerate(grid.instants())],
        replicas=list(hour.replicas) * hours,
        real=[4] * grid.count,
        lines={"cpu": Line(list(hour.lines["cpu"].recorded) * hours, list(hour.lines["cpu"].simulated) * hours)},
    )

    text = page([run], made=MADE)

    assert len(text) < 2_000_000
    assert f"And {len(run.happenings) - MOST:,} more" in text
    assert text.count('class="mark ') <= PLACES


def test_names_cannot_break_the_page() -> None:
    run = played([60, 60], real=[4])
    strange = page([type(run)(**{**{name: getattr(run, name) for name in run.__slots__}, "label": '<b>"&'})], made=MADE)

    assert "&lt;b&gt;&quot;&amp;" in strange
    parsed(strange)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        pytest.param([0.0, 10.0], "M0.0,100.00L1000.0,7.41", id="from edge to edge, with some room above"),
        pytest.param([0.0, None, 10.0], "M0.0,100.00M1000.0,7.41", id="a gap breaks the line"),
        pytest.param([None, None], "", id="nothing known draws nothing"),
    ],
)
def test_a_curve_is_drawn_as_it_is(values: list[float | None], path: str) -> None:
    assert curve(values, Scale.over(values, len(values))) == path


def test_a_long_curve_is_the_mean_of_each_column_within_an_area_that_keeps_every_peak() -> None:
    values: list[float | None] = [1.0] * 40_320
    values[20_001] = 99.0
    scale = Scale.over(values, len(values))

    line, area = curve(values, scale), envelope(values, scale)

    assert line.count("L") < COLUMNS
    assert f",{scale.y(99):.2f}" in area
    assert f",{scale.y(99):.2f}" not in line
    assert area.count("L") < 2 * COLUMNS


def test_a_short_curve_needs_no_area() -> None:
    assert envelope([1.0, 2.0], Scale(0, 2, 2)) == ""


def test_an_area_ends_where_nothing_is_known() -> None:
    values: list[float | None] = [1.0] * 700 + [None] * 700 + [2.0] * 700

    assert envelope(values, Scale.over(values, len(values))).count("Z") == 2


@pytest.mark.parametrize(
    ("values", "path"),
    [
        pytest.param([1.0, 2.0], "", id="nothing is unknown"),
        pytest.param([1.0, None, None, 2.0], "M166.7,0H833.3V100H166.7Z", id="in the middle"),
        pytest.param([None, 2.0], "M0.0,0H500.0V100H0.0Z", id="at the edge"),
    ],
)
def test_what_is_unknown_is_shaded(values: list[float | None], path: str) -> None:
    assert gaps(values, Scale(0, 2, len(values))) == path


def test_several_scalings_at_one_place_of_a_screen_are_one_line() -> None:
    assert uprights([5, 5, 9], Scale(0, 1, 11)) == "M500.0,0V100M900.0,0V100"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.25, "0.25"), (70.0, "70"), (87.2349, "87.2"), (20_500.4, "20,500"), (123_456.0, "123\N{THIN SPACE}k"),
     (1.073e9, "1.07\N{THIN SPACE}G"), (-5e6, "-5\N{THIN SPACE}M")],
)  # fmt: skip
def test_a_value_in_the_margin_is_short(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_replicas_are_stairs() -> None:
    assert stairs([2, 2, 4], Scale(0, 4, 3)) == "M0,50.00H1000.0V0.00H1000"
