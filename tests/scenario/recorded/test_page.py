"""The page: well-formed, sufficient in itself, and true to the run."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from deadband.scenario.recorded.curves import COLUMNS, Scale, curve, stairs
from deadband.scenario.recorded.page import page
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
    rows = {element.get("id") for element in root.iter("tr")}

    assert [mark.get("href", "").removeprefix("#") in rows for mark in marks] == [True] * len(marks)
    assert "4 → 6 (ScalingUp, R8)" in marks[0].get("aria-label", "")
    assert "cpu 105 is above 70" in "".join(marks[0].itertext())
    assert ".mark:hover .tip, .mark:focus .tip" in rich()


def test_thresholds_band_and_both_lines_are_drawn() -> None:
    root = parsed(rich())
    classes = [element.get("class") for element in root.iter() if element.tag in {"path", "line", "rect"}]

    assert classes == ["was", "sim", "band", "at Up", "at Down", "was", "sim"]


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


def test_a_long_curve_keeps_its_peaks_and_little_else() -> None:
    values: list[float | None] = [1.0] * 40_320
    values[20_001] = 99.0
    scale = Scale.over(values, len(values))

    path = curve(values, scale)

    assert f",{scale.y(99):.2f}" in path
    assert path.count("L") <= 2 * COLUMNS


def test_replicas_are_stairs() -> None:
    assert stairs([2, 2, 4], Scale(0, 4, 3)) == "M0,50.00H1000.0V0.00H1000"
