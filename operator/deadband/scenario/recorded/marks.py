"""Marks on the curve of the replicas: one for each scaling and proposal, which tells it where it stands."""

from collections import defaultdict
from collections.abc import Iterator
from html import escape

from deadband.core.words import clock
from deadband.queries.ranges import Grid
from deadband.scenario.recorded.curves import WIDTH, Scale
from deadband.scenario.recorded.run import Happening, Run

PLACES = 350
"""Marks stand at so many places at most; those that share one are told together."""
KINDS = {"up": "scaled up", "down": "scaled down", "proposal": "proposed"}
"""Class of a mark, and what the legend says of it."""


def marks(run: Run, scale: Scale, anchor: str) -> Iterator[str]:
    """A link for each place that has any: it tells when it is pointed at, tapped or focused, and leads to the words."""
    places: dict[str, list[tuple[int, Happening]]] = defaultdict(list)
    for number, each in enumerate(run.happenings):
        if each.after is not None:
            places[mark_of(each, run.grid, anchor)].append((number, each))
    for name, told in places.items():
        number, last = told[-1]
        across = scale.x(last.index) / WIDTH
        text = f"{clock(last.at)}: {what(last)} ({last.reason}, {last.rule})"
        if len(told) > 1:
            text = f"{len(told)} in short order, the last at {text}"
        projected = f"<br/><i>Projected: {escape(', '.join(last.projected))}.</i>" if last.projected else ""
        yield (
            f'<a id="{name}" class="mark {kind(last)}" href="#r{anchor}-{number}" aria-label="{escape(text)}" '
            f'style="--at:{across:.5f};bottom:{100 * scale.share(last.after or 0):.2f}%">'
            f'<span class="tip"><b>{escape(text)}</b><br/>{escape(last.sentence)}{projected}</span></a>'
        )


def mark_of(happening: Happening, grid: Grid, anchor: str) -> str:
    """The id of its mark."""
    return f"m{anchor}-{happening.index * PLACES // grid.count}"


def kind(happening: Happening) -> str:
    """One of `KINDS`."""
    if happening.kind == "proposal":
        return "proposal"
    return "up" if (happening.after or 0) > (happening.before or 0) else "down"


def what(happening: Happening) -> str:
    """`4 → 6`, `proposed: 4 → 6`, or, without a target, `proposed: advice`."""
    ends = f"{happening.before} → {happening.after}" if happening.after is not None else "advice"
    return ends if happening.kind == "scaling" else f"proposed: {ends}"
