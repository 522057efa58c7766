"""The page of `deadband simulate` in a real browser: it draws, it explains, it fits, and it asks nobody anything."""

import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from e2e.queries import weeks
from e2e.queries.weeks import written
from e2e.testbed.browser import Browser, Tab

PHONE, DESK = 375, 1200
TEXT, GRAPHICS = 4.5, 3.0
"""Contrast that people with weak eyes need (WCAG 2.2, success criteria 1.4.3 and 1.4.11, level AA)."""

FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"

# Numbers of all paths' points. A browser parses what it draws: getTotalLength is 0 for a path that it does not.
CURVES = """
[...document.querySelectorAll('figure')].map(figure => ({
  name: figure.querySelector('figcaption').innerText,
  box: figure.querySelector('svg').getAttribute('viewBox').split(' ').map(Number),
  paths: [...figure.querySelectorAll('svg path')].map(path => ({
    kind: path.getAttribute('class'), length: path.getTotalLength(),
    ...(({x, y, width, height}) => ({x, y, width, height}))(path.getBBox())}))}))
"""

# Colors as they come out, through a canvas: computed styles have them in several notations.
CONTRAST = """
(() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = element => {
    const behind = element.parentElement ? ground(element.parentElement) : [255, 255, 255, 1];
    return over(rgba(getComputedStyle(element).backgroundColor), behind); };
  const luminance = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a); return (high + .05) / (low + .05); };
  const found = {};
  const note = (kind, value) => { found[kind] = Math.min(found[kind] ?? 99, value); };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const behind = ground(element), name = element.className || element.localName;
    note('text ' + name, ratio(over(rgba(getComputedStyle(element).color), behind), behind)); }
  for (const path of document.querySelectorAll('path.sim, path.was, path.p0, path.p1, line.at')) {
    if (path.matches('.all')) continue;
    const behind = ground(path.closest('.plot'));
    note('line ' + path.getAttribute('class'), ratio(rgba(getComputedStyle(path).stroke), behind)); }
  for (const mark of document.querySelectorAll('.mark')) {
    const behind = ground(mark.closest('.plot'));
    note('mark ' + mark.classList[1], ratio(rgba(getComputedStyle(mark, '::before').backgroundColor), behind)); }
  return found; })()
"""

# What can be read of a mark that has the focus, and whether all of it is inside the window's width.
FOCUSED = """
(() => {
  const tip = document.activeElement.querySelector('.tip'), box = tip.getBoundingClientRect();
  return {seen: getComputedStyle(tip).display === 'block' && box.width > 0, text: tip.innerText,
          inside: box.left >= 0 && box.right <= document.documentElement.clientWidth}; })()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of two policies on a real Prometheus."""
    folder = tmp_path_factory.mktemp("page")
    policy = written(folder / "api.yaml")
    wider = written(folder / "wider-band.yaml", scaleDown={"allOf": [{"metric": "cpu", "below": 25}]})
    with weeks.prometheus(folder / "prometheus", days=7) as server:
        asked = ["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-12T00:00:00Z", "--source", server.url]
        asked += ["--cache", str(folder / "cache"), "--compare", str(wider), "--html", str(folder / "week.html")]
        done = subprocess.run(
            [sys.executable, "-m", "deadband", "simulate", str(policy), *asked],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return folder / "week.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    async with browser.tab() as opened:
        yield opened
        assert opened.complaints == []


async def test_the_page_asks_nobody_for_anything_and_the_browser_has_nothing_to_complain_of(
    tab: Tab, page: Path
) -> None:
    await tab.open(page, width=DESK)

    assert tab.requests == [page.as_uri()]
    assert await tab.evaluate("document.scripts.length") == 0


async def test_what_the_page_would_ask_for_would_be_seen(tab: Tab, tmp_path: Path) -> None:
    """That the test before can fail."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='missing.png'><script>console.error('no'); undefined_();</script>")

    await tab.open(bad, width=DESK)

    assert tab.requests == [bad.as_uri(), (tmp_path / "missing.png").as_uri()]
    assert len(tab.complaints) == 3
    tab.complaints.clear()


async def test_every_curve_is_drawn_inside_its_box(tab: Tab, page: Path) -> None:
    await tab.open(page, width=DESK)

    charts = await tab.evaluate(CURVES)

    assert [re.split(r"\s", chart["name"])[0] for chart in charts] == ["replicas", *["replicas", "cpu", "memory"] * 2]
    for chart in charts:
        _, _, width, height = chart["box"]
        kinds = {path["kind"] for path in chart["paths"]}
        assert kinds >= ({"p0", "p1", "was"} if chart is charts[0] else {"sim", "was"})
        for path in chart["paths"]:
            assert path["length"] > 100, f"{path['kind']} of {chart['name']} is not drawn"
            assert path["x"] >= 0
            assert path["y"] >= 0
            assert path["x"] + path["width"] <= width
            assert path["y"] + path["height"] <= height


async def test_a_week_is_there_from_edge_to_edge(tab: Tab, page: Path) -> None:
    await tab.open(page, width=DESK)

    (replicas, *_) = (chart for chart in await tab.evaluate(CURVES))
    spans = {path["kind"]: path["width"] for path in replicas["paths"]}

    assert spans["p0"] == pytest.approx(1000, abs=1)
    assert spans["was"] == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_every_scaling_tells_its_reason_to_whoever_reaches_it_by_keyboard(
    tab: Tab, page: Path, width: int
) -> None:
    await tab.open(page, width=width)
    marks = await tab.evaluate("[...document.querySelectorAll('#p0 .mark')].map(mark => mark.id)")
    assert len(marks) > 10

    for mark in marks:
        await tab.evaluate(f"document.getElementById('{mark}').focus()")
        told = await tab.evaluate(FOCUSED)
        assert told["seen"], mark
        assert told["inside"], f"{mark} tells outside of a window of {width} px: {told['text']}"
        assert re.search(r"\d → \d+ \(Scaling(Up|Down), R\d+\)\n.*Scaling (up|down) from", told["text"])
    assert await tab.evaluate(FITS)


async def test_the_keyboard_goes_from_mark_to_mark(tab: Tab, page: Path) -> None:
    await tab.open(page, width=DESK)
    await tab.evaluate("document.querySelector('#p0 .mark').focus()")

    await tab.press("Tab", 9)

    assert await tab.evaluate("document.activeElement === document.querySelectorAll('#p0 .mark')[1]")


async def test_pointing_at_a_mark_shows_why_and_pointing_away_hides_it(tab: Tab, page: Path) -> None:
    await tab.open(page, width=DESK)
    where = "(mark => (mark.scrollIntoView({block: 'center', behavior: 'instant'}), mark.getBoundingClientRect()))"
    box = await tab.evaluate(f"{where}(document.querySelectorAll('#p0 .mark')[3]).toJSON()")
    shown = "getComputedStyle(document.querySelectorAll('#p0 .mark')[3].querySelector('.tip')).display"
    assert await tab.evaluate(shown) == "none"

    await tab.point_at(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert await tab.evaluate(shown) == "block"
    await tab.point_at(1, 1)
    assert await tab.evaluate(shown) == "none"


async def test_tapping_a_mark_leads_to_its_words_and_its_time_leads_back(tab: Tab, page: Path) -> None:
    await tab.open(page, width=PHONE)
    entry = await tab.evaluate("(mark => (mark.click(), document.querySelector(':target').id))"
                               "(document.querySelectorAll('#p0 .mark')[3])")  # fmt: skip
    assert re.fullmatch(r"r0-\d+", entry)
    assert "Scaling" in await tab.evaluate("document.querySelector(':target').innerText")

    back = await tab.evaluate(f"(document.querySelector('#{entry} a').click(), document.querySelector(':target').id)")

    assert back == await tab.evaluate("document.querySelectorAll('#p0 .mark')[3].id")
    shown = "getComputedStyle(document.querySelector(':target .tip')).display"
    assert await tab.evaluate(shown) == "block", "without a mouse it is read there"


async def test_every_scaling_is_told_in_words(tab: Tab, page: Path) -> None:
    await tab.open(page, width=PHONE)

    told = await tab.evaluate("[...document.querySelectorAll('#p0 ol li')].map(entry => entry.innerText)")
    counted = await tab.evaluate("document.querySelector('.card dd').firstChild.data")

    assert len(told) == int(counted)
    assert all(re.search(r"Scaling(Up|Down), R\d+", text) and "for" in text for text in told)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_the_page_fits_and_can_be_read(tab: Tab, page: Path, width: int, dark: bool) -> None:
    await tab.open(page, width=width, dark=dark)

    assert await tab.evaluate(FITS), "it would have to be scrolled sideways"
    contrasts = await tab.evaluate(CONTRAST)
    assert {kind.split()[0] for kind in contrasts} == {"text", "line", "mark"}
    weak = {
        kind: round(ratio, 2)
        for kind, ratio in contrasts.items()
        if ratio < (TEXT if kind.startswith("text") else GRAPHICS)
    }
    assert weak == {}


async def test_dark_is_dark_and_light_is_light(tab: Tab, page: Path) -> None:
    grounds = []
    for dark in (False, True):
        await tab.open(page, width=DESK, dark=dark)
        grounds.append(await tab.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark_ = (sum(map(int, re.findall(r"\d+", ground))) for ground in grounds)
    assert light > 700
    assert dark_ < 100


@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_no_two_labels_of_a_time_axis_touch(tab: Tab, page: Path, width: int) -> None:
    await tab.open(page, width=width)

    axes = await tab.evaluate(
        "[...document.querySelectorAll('.x')].map(axis => [...axis.querySelectorAll('span')]"
        ".map(label => label.getBoundingClientRect()).filter(box => box.width).map(box => [box.left, box.right]))"
    )

    for boxes in axes:
        assert len(boxes) >= 4
        assert all(one[1] < other[0] for one, other in pairwise(boxes))


async def test_a_page_of_weeks_is_small_and_there_at_once(tab: Tab, page: Path) -> None:
    assert page.stat().st_size < 1_000_000

    started = time.monotonic()
    await tab.open(page, width=DESK)
    await tab.picture()

    assert time.monotonic() - started < 5


def test_the_picture_in_the_documents_is_small() -> None:
    picture = Path(__file__).parents[1] / "docs" / "simulate.png"

    assert picture.stat().st_size < 300 * 1024
