"""Simulations as one HTML page that needs nothing else: no script, no file, no font from anywhere."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from deadband.api.status import Way
from deadband.core.words import clock
from deadband.scenario.recorded import report
from deadband.scenario.recorded.curves import HEIGHT, WIDTH, Scale, curve, stairs
from deadband.scenario.recorded.run import Crossing, Happening, Line, Run
from deadband.scenario.recorded.style import STYLE

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>What would have happened</title>
<style>{style}</style>
</head>
<body>
<main>
"""
_LEFT, _RIGHT = 0.3, 0.7


def page(runs: Sequence[Run], *, made: datetime) -> str:
    """Write the page.

    Args:
        runs: At least one; each gets its curves, the tables stand all together at the top.
        made: When, aware UTC; it is told at the foot.
    """
    spans = "<br/>".join(escape(text) for text in dict.fromkeys(report.span(run) for run in runs))
    parts = [
        _HEAD.format(style=STYLE),
        f'<h1>What would have happened</h1>\n<p class="soft">{spans}</p>\n',
        _table(report.TOTALS, report.totals(runs)),
        _table(report.THRESHOLDS, report.thresholds(runs)),
        *(_section(number, run) for number, run in enumerate(runs)),
        f'<p class="soft">Made by deadband simulate, {escape(clock(made))}.</p>\n</main>\n</body>\n</html>\n',
    ]
    return "".join(parts)


def _section(number: int, run: Run) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in run.notes)
    return "".join(
        [
            f"<section>\n<h2>{escape(run.label)}</h2>\n",
            f'<ul class="notes">{notes}</ul>\n' if notes else "",
            _replicas(number, run) if run.replicas else "",
            *(_metric(run, name, line) for name, line in run.lines.items()),
            _happenings(number, run),
            "</section>\n",
        ]
    )


def _replicas(number: int, run: Run) -> str:
    real = run.real or []
    proposed = [each.after for each in run.happenings if each.after is not None]
    scale = Scale.over([*run.replicas, *real, *proposed], run.grid.count)
    caption = '<b>replicas</b><span class="key sim"></span>simulated'
    if real:
        caption += '<span class="key was"></span>really ran'
    svg = f'<path class="was" d="{stairs(real, scale)}"/><path class="sim" d="{stairs(run.replicas, scale)}"/>'
    marks = "".join(
        _mark(f"r{number}-{place}", each, scale) for place, each in enumerate(run.happenings) if each.after is not None
    )
    highest = max([*run.replicas, *real])
    labels = "".join(_label(value, scale) for value in sorted({0, min(run.replicas), highest}))
    return _figure(run, caption, svg, labels + marks, f"replicas of {run.label} over time")


def _metric(run: Run, name: str, line: Line) -> str:
    metric = run.spec.metric(name)
    mine = [each for each in run.crossings if each.trigger.metric == name]
    thresholds = [float(each.trigger.threshold) for each in mine]
    scale = Scale.over([*line.recorded, *line.simulated, *thresholds], run.grid.count)
    unit = f" in {metric.unit}" if metric.unit else ""
    caption = f"<b>{escape(name)}</b>{escape(unit)}"
    svg = _band(mine, scale)
    if line.recorded == line.simulated:
        caption += '<span class="key sim"></span>recorded'
        svg += f'<path class="sim" d="{curve(line.recorded, scale)}"/>'
    else:
        caption += (
            '<span class="key sim"></span>projected onto the simulated replicas<span class="key was"></span>recorded'
        )
        svg += f'<path class="was" d="{curve(line.recorded, scale)}"/>'
        svg += f'<path class="sim" d="{curve(line.simulated, scale)}"/>'
    if mine:
        caption += '<span class="key at"></span>thresholds, the band between them shaded'
    labels = _label(0, scale) + "".join(_threshold_label(each, scale) for each in mine)
    return _figure(run, caption, svg, labels, f"{name} over time, with its thresholds")


def _band(crossings: Sequence[Crossing], scale: Scale) -> str:
    """The thresholds, and the space between the lower ones and the upper ones."""
    above = [float(each.trigger.above) for each in crossings if each.trigger.above is not None]
    below = [float(each.trigger.below) for each in crossings if each.trigger.below is not None]
    parts = []
    if above and below and max(below) < min(above):
        top, bottom = scale.y(min(above)), scale.y(max(below))
        parts.append(f'<rect class="band" x="0" y="{top:.2f}" width="{WIDTH:.0f}" height="{bottom - top:.2f}"/>')
    for each in crossings:
        y = f"{scale.y(float(each.trigger.threshold)):.2f}"
        parts.append(f'<line class="at {each.way}" x1="0" x2="{WIDTH:.0f}" y1="{y}" y2="{y}"/>')
    return "".join(parts)


def _figure(run: Run, caption: str, svg: str, above: str, what: str) -> str:
    grid = run.grid
    times = "".join(
        f"<span>{escape(grid.at(index).strftime('%m-%d %H:%M'))}</span>"
        for index in (0, (grid.count - 1) // 2, grid.count - 1)
    )
    return (
        f'<figure>\n<figcaption>{caption}</figcaption>\n<div class="plot">'
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(what)}">{svg}</svg>{above}</div>\n<div class="x">{times}</div>\n</figure>\n'
    )


def _label(value: float, scale: Scale) -> str:
    return f'<span class="y" style="bottom:{100 * scale.share(value):.2f}%">{value:g}</span>'


def _threshold_label(crossing: Crossing, scale: Scale) -> str:
    value = float(crossing.trigger.threshold)
    sign = "&gt;" if crossing.trigger.above is not None else "&lt;"
    return f'<span class="y {crossing.way}" style="bottom:{100 * scale.share(value):.2f}%">{sign}\u2009{value:g}</span>'


def _mark(anchor: str, happening: Happening, scale: Scale) -> str:
    """A dot on the curve that tells its scaling when it is pointed at or reached by keyboard."""
    assert happening.after is not None, "only what has a place is marked"
    across = scale.x(happening.index) / WIDTH
    side = "left" if across < _LEFT else "right" if across > _RIGHT else "middle"
    way = Way.UP if happening.after > (happening.before or 0) else Way.DOWN
    said = f"{clock(happening.at)}: {_what(happening)} ({happening.reason}, {happening.rule})"
    return (
        f'<a class="mark {happening.kind} {way.lower()} {side}" href="#{anchor}" aria-label="{escape(said)}" '
        f'style="left:{100 * across:.3f}%;bottom:{100 * scale.share(happening.after):.2f}%">'
        f'<span class="tip"><b>{escape(said)}</b><br/>{escape(happening.sentence)}{_projection(happening)}</span></a>'
    )


def _what(happening: Happening) -> str:
    ends = f"{happening.before} → {happening.after}" if happening.after is not None else "advice"
    return ends if happening.kind == "scaling" else f"proposed: {ends}"


def _projection(happening: Happening) -> str:
    return f"<br/><i>Projected: {escape(', '.join(happening.projected))}.</i>" if happening.projected else ""


def _happenings(number: int, run: Run) -> str:
    if not run.happenings:
        return "<p>It would have scaled nothing.</p>\n"
    rows = "".join(
        f'<tr id="r{number}-{place}">{_cells(row)}</tr>\n' for place, row in enumerate(report.happenings(run))
    )
    return f'<div class="wide"><table>\n<tr>{_headings(report.HAPPENINGS)}</tr>\n{rows}</table></div>\n'


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    body = "".join(f"<tr>{_cells(row)}</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<tr>{_headings(headings)}</tr>\n{body}</table></div>\n'


def _headings(headings: Sequence[str]) -> str:
    return "".join(f"<th>{escape(heading)}</th>" for heading in headings)


def _cells(row: Sequence[str]) -> str:
    return "".join(_each_cell(row))


def _each_cell(row: Sequence[str]) -> Iterator[str]:
    for cell in row:
        kind = ' class="n"' if cell[:1].isdigit() else ""
        yield f"<td{kind}>{escape(cell)}</td>"
