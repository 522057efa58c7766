"""The charts of a simulation: replicas, metrics with their thresholds, and the replicas of several policies."""

from collections.abc import Sequence
from html import escape

from deadband.scenario.recorded.chart import Chart, draw, figure, label, path
from deadband.scenario.recorded.curves import WIDTH, Scale, curve, envelope, gaps, stairs, uprights
from deadband.scenario.recorded.marks import KINDS, kind, marks
from deadband.scenario.recorded.run import Crossing, Line, Run

_COLORS = 5
"""Policies are told apart by so many colors; then they begin anew."""
_APART = 0.09
"""Share of the height between two labels, so that both can be read."""


def color(number: int) -> str:
    """The class of a policy's color, by its place among all."""
    return f"p{number % _COLORS}"


def replicas(run: Run, anchor: str) -> str:
    """Simulated and real replicas, and a mark for each scaling and proposal; `anchor` begins the ids of marks."""
    real = run.real or []
    proposed = [each.after for each in run.happenings if each.after is not None]
    scale = Scale.over([*run.replicas, *real, *proposed], run.grid.count)
    marked = {kind(each) for each in run.happenings}
    labels = [label(value, scale) for value in sorted({0, min(run.replicas), max([*run.replicas, *real])})]
    return draw(
        Chart(
            grid=run.grid,
            title="<b>replicas</b>",
            keys=[
                ("sim", "simulated"),
                *([("was", "really ran")] if real else []),
                *((each, text) for each, text in KINDS.items() if each in marked),
            ],
            drawn=[path("was", stairs(real, scale)), path("sim", stairs(run.replicas, scale))],
            labels=[*labels, *marks(run, scale, anchor)],
            what=f"replicas of {run.label} over time",
        )
    )


def metric(run: Run, name: str, line: Line) -> str:
    """One metric, as recorded and as simulated, with its thresholds, and where the policy scaled."""
    mine = [each for each in run.crossings if each.trigger.metric == name]
    thresholds = [float(each.trigger.threshold) for each in mine]
    scale = Scale.over([*line.recorded, *line.simulated, *thresholds], run.grid.count)
    unit = run.spec.metric(name).unit
    projected = line.recorded != line.simulated
    unknown = path("gap", gaps(line.recorded, scale))
    return draw(
        Chart(
            grid=run.grid,
            title=f"<b>{escape(name)}</b>{escape(f' in {unit}' if unit else '')}",
            keys=[
                ("sim", "on the simulated replicas (projected)" if projected else "recorded"),
                *([("was", "recorded")] if projected else []),
                *([("at", "thresholds, the band between them shaded")] if mine else []),
                *([("gap", "unknown")] if unknown else []),
            ],
            drawn=[
                unknown,
                _band(mine, scale),
                *_scalings(run, scale),
                *(_line("was", line.recorded, scale) if projected else []),
                *_line("sim", line.simulated, scale),
            ],
            labels=_value_labels(line, mine, scale),
            what=f"{name} over time, with its thresholds",
        )
    )


def side_by_side(runs: Sequence[Run]) -> str:
    """The replicas of several policies; what really ran is that of the first that knows."""
    real = next((run.real for run in runs if run.real is not None), [])
    everything = [*real, *(value for run in runs for value in run.replicas)]
    scales = [Scale.over(everything, run.grid.count) for run in runs]
    lines = [
        path(color(number), stairs(run.replicas, scale))
        for number, (run, scale) in enumerate(zip(runs, scales, strict=True))
    ]
    return draw(
        Chart(
            grid=runs[0].grid,
            title="<b>replicas side by side</b>",
            keys=[
                *((color(number), escape(run.label)) for number, run in enumerate(runs) if run.replicas),
                *([("was", "really ran")] if real else []),
            ],
            drawn=[path("was", stairs(real, Scale.over(everything, len(real)))), *lines],
            labels=[label(0, scales[0]), label(max(everything), scales[0])],
            what="replicas of all policies over time",
        )
    )


def _line(kind_: str, values: Sequence[float | None], scale: Scale) -> list[str]:
    return [path(f"{kind_} all", envelope(values, scale)), path(kind_, curve(values, scale))]


def _scalings(run: Run, scale: Scale) -> list[str]:
    """Where the policy scaled, as lines from edge to edge: what the metric did there, and what came of it."""
    scaled = [each for each in run.happenings if each.kind == "scaling"]
    return [
        path(f"when {way}", uprights([each.index for each in scaled if kind(each) == way], scale))
        for way in ("up", "down")
    ]


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
        parts.append(f'<line class="at {each.way.lower()}" x1="0" x2="{WIDTH:.0f}" y1="{y}" y2="{y}"/>')
    return "".join(parts)


def _value_labels(line: Line, crossings: Sequence[Crossing], scale: Scale) -> list[str]:
    """The thresholds, and 0 and the highest value where there is room."""
    taken, labels = [], []
    for each in crossings:
        value = float(each.trigger.threshold)
        sign = "&gt;" if each.trigger.above is not None else "&lt;"
        labels.append(label(value, scale, f"{sign}\u2009{figure(value)}", f" {each.way.lower()}"))
        taken.append(scale.share(value))
    highest = max((value for value in (*line.recorded, *line.simulated) if value is not None), default=0.0)
    for value in (0.0, highest):
        if all(abs(scale.share(value) - other) > _APART for other in taken):
            labels.append(label(value, scale))
            taken.append(scale.share(value))
    return labels
