"""A chart of the page: curves in an SVG that stretches, and over it, in HTML that does not, labels and marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from deadband.queries.ranges import Grid
from deadband.scenario.recorded.axis import ticks
from deadband.scenario.recorded.curves import HEIGHT, WIDTH, Scale

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e5, "k"))
_FEW_SIGNS = 100
_AT_THE_EDGE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a chart is made of.

    Attributes:
        grid: Its time axis.
        title: HTML of the caption's beginning.
        keys: Class and HTML of each entry of the legend.
        drawn: SVG, from the back to the front.
        labels: HTML over it.
        what: For whoever cannot see it.
    """

    grid: Grid
    title: str
    keys: Sequence[tuple[str, str]]
    drawn: Sequence[str]
    labels: Sequence[str]
    what: str


def draw(chart: Chart) -> str:
    """Write it as an HTML figure."""
    marked = ticks(chart.grid)
    grid = "".join(f"M{WIDTH * tick.share:.1f},0V{HEIGHT:.0f}" for tick in marked)
    times = "".join(
        f'<span class="{_side(tick.share)}{" more" if number % 2 else ""}" style="left:{100 * tick.share:.2f}%">'
        f"{tick.label}</span>"
        for number, tick in enumerate(marked)
    )
    keys = "".join(f'<span class="key {kind}">{text}</span>' for kind, text in chart.keys)
    return (
        f'<figure>\n<figcaption><span class="name">{chart.title}</span>{keys}</figcaption>\n<div class="plot">'
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(chart.what)}">{path("grid", grid)}{"".join(chart.drawn)}</svg>'
        f'{"".join(chart.labels)}</div>\n<div class="x">{times}</div>\n</figure>\n'
    )


def path(kind: str, d: str) -> str:
    """An SVG path of a class; nothing when it has no point."""
    return f'<path class="{kind}" d="{d}"/>' if d else ""


def label(value: float, scale: Scale, text: str | None = None, kind: str = "") -> str:
    """A value in the margin, or the text in its place."""
    shown = figure(value) if text is None else text
    return f'<span class="y{kind}" style="bottom:{100 * scale.share(value):.2f}%">{shown}</span>'


def figure(value: float) -> str:
    """A value in few signs, for the margin: `0.25`, `70`, `20,500`, `1.07 G`."""
    for unit, prefix in _PREFIXES:
        if abs(value) >= unit:
            return f"{value / (1e3 if prefix == 'k' else unit):.3g}\u2009{prefix}"
    return f"{value:,.0f}" if abs(value) >= _FEW_SIGNS or value == int(value) else f"{value:.3g}"


def _side(share: float) -> str:
    """On which side of its place a time stands so that it stays inside."""
    return "left" if share < _AT_THE_EDGE else "right" if share > 1 - _AT_THE_EDGE else "middle"
