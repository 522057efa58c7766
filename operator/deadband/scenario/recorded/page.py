"""Simulations as one HTML page that needs nothing else: no script, no file, no font from anywhere."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from deadband.core.words import clock
from deadband.scenario.recorded import plots, report
from deadband.scenario.recorded.chronicle import chronicle
from deadband.scenario.recorded.measures import Measures, measure
from deadband.scenario.recorded.run import Run
from deadband.scenario.recorded.style import STYLE

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class="kicker">deadband simulate</p>
<h1>What would have happened</h1>
<p class="soft">{spans}</p>
</header>
"""


def page(runs: Sequence[Run], *, made: datetime) -> str:
    """Write the page.

    Args:
        runs: At least one; the numbers of all stand at the top, and each gets its curves.
        made: When, aware UTC; it is told at the foot.
    """
    spans = "<br/>".join(escape(text) for text in dict.fromkeys(report.span(run) for run in runs))
    title = escape(f"{', '.join(dict.fromkeys(run.label for run in runs))}: what would have happened")
    found = [(run, measure(run)) for run in runs]
    parts = [
        _HEAD.format(title=title, style=STYLE, spans=spans),
        '<div class="cards">\n',
        *(_card(number, run, numbers) for number, (run, numbers) in enumerate(found)),
        "</div>\n",
        plots.side_by_side(runs) if sum(bool(run.replicas) for run in runs) > 1 else "",
        *(_section(number, run, numbers) for number, (run, numbers) in enumerate(found)),
        f"<footer>Made by deadband simulate, {escape(clock(made))}.</footer>\n</main>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _card(number: int, run: Run, found: Measures) -> str:
    """The numbers of one policy, by which it is held against the others."""
    numbers = "".join(
        f"<div><dt>{label}</dt><dd>{value}<small>{more}</small></dd></div>\n" for label, value, more in _numbers(found)
    )
    return (
        f'<article class="card {plots.color(number)}">\n<h2><a href="#p{number}">{escape(run.label)}</a></h2>\n'
        f"<dl>\n{numbers}</dl>\n</article>\n"
    )


def _numbers(found: Measures) -> Iterator[tuple[str, str, str]]:
    yield "scalings", str(found.scalings), f"{found.ups} up, {found.downs} down"
    if found.proposals:
        yield "proposals", str(found.proposals), "nobody approved"
    turned = f"at most {found.most_reversals} within 30 min"
    yield "reversals", str(found.reversals), f"{turned}: flapping" if found.flapping else turned
    if found.replica_hours is not None:
        yield "replica-hours", report.figure(found.replica_hours), _against(found)
        yield "replicas", f"{found.lowest} to {found.highest}", ""


def _against(found: Measures) -> str:
    real, simulated = found.real_replica_hours, found.replica_hours
    if not real or simulated is None:
        return "what really ran is not known"
    return f"{report.figure(real)} really ran: {100 * (simulated - real) / real:+.1f}\u00a0%"


def _section(number: int, run: Run, found: Measures) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in run.notes)
    return "".join(
        [
            f'<section id="p{number}" class="{plots.color(number)}">\n<h2>{escape(run.label)}</h2>\n',
            f'<ul class="notes">{notes}</ul>\n' if notes else "",
            plots.replicas(run, str(number)) if run.replicas else "",
            *(plots.metric(run, name, line) for name, line in run.lines.items()),
            _beyond(found),
            chronicle(run, str(number)),
            "</section>\n",
        ]
    )


def _beyond(found: Measures) -> str:
    """How long each threshold was crossed, and how long a metric was unknown."""
    minutes = 60 * found.hours
    rows = [
        (f"{each.metric} {each.sign} {each.threshold:g}", each.simulated_minutes, each.recorded_minutes)
        for each in found.beyond
    ]
    rows += [(f"{name} unknown", spent, spent) for name, spent in found.unknown_minutes.items()]
    body = "".join(
        f"<tr><th>{escape(text)}</th>{_spent(simulated, minutes)}{_spent(recorded, minutes)}</tr>\n"
        for text, simulated, recorded in rows
    )
    return (
        '<table class="beyond">\n<caption>Time beyond each threshold</caption>\n'
        f"<tr><td></td><th>simulated</th><th>recorded</th></tr>\n{body}</table>\n"
    )


def _spent(spent: float, of: float) -> str:
    share = f"<small>{100 * spent / of:.1f} %</small>" if of else ""
    return f"<td>{report.figure(spent)} min {share}</td>"
