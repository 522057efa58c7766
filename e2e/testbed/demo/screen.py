"""The demo on a terminal: a picture that moves below, what has happened above."""

from collections.abc import Sequence
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from e2e.testbed.demo.drawing import Point, plot, steps
from e2e.testbed.demo.frame import Frame, Gauge, Row
from e2e.testbed.demo.judge import Verdict
from e2e.testbed.demo.observed import Change, WorkloadSeen
from e2e.testbed.demo.plain import change_line, clock, number, reading, thresholds

_STYLES = {"above": "red", "inside": "green", "below": "dodger_blue1"}
_BLIND_STYLE = "grey50"
_LABEL_WIDTH = 24
_METRIC_ROWS, _REPLICA_ROWS = 4, 1
_LIVE_SPAN_SECONDS = 120.0


def picture(frames: Sequence[Frame], *, width: int, span: float) -> RenderableType:
    """Draw every workload over time: its first metric with the band, its replicas, the operator's last sentence.

    Args:
        frames: From the first to the current one, at least one.
        width: Columns of the whole picture.
        span: Seconds that the charts show.
    """
    return Group(*(_workload(frames, index, width, span) for index in range(len(frames[-1].rows))))


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Return the summary: what was expected, what was seen, when, and why in the operator's words."""
    title = "Expected, and seen on the API server"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, expand=True
    )
    table.add_column("")
    table.add_column("when", justify="right")
    table.add_column("act", ratio=4)
    table.add_column("expected", ratio=3)
    table.add_column("seen", ratio=3)
    table.add_column("in the operator's words", ratio=7)
    before = ""
    for verdict in verdicts:
        act = "" if verdict.act == before else verdict.act
        before = verdict.act
        mark = Text("✔", "bold green") if verdict.holds else Text("✘", "bold red")
        when = "" if verdict.at is None else clock(verdict.at)
        cells = (act, verdict.expected, verdict.seen, verdict.sentence)
        table.add_row(mark, when, *map(Text, cells))
    return table


def quotation(command: str, output: str) -> Text:
    """Return a command and what it printed; print it with soft_wrap, its lines are often long."""
    return Text.assemble(("$ ", "dim"), (command, "bold"), "\n", output.rstrip())


class ScreenView:
    """Draws the current moment at the foot of the terminal and lets what happened scroll away above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._frames: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def preparing(self, text: str) -> None:
        """Tell what is being started."""
        self._console.print(Text.assemble(("starting ", "dim"), text))

    def begin(self, act: str, at: float) -> None:
        """Tell that an act begins."""
        self._live.start()
        self._console.print(Rule(Text(f"{clock(at)}  {act}", "bold"), align="left"))

    def show(self, frame: Frame) -> None:
        """Show a moment."""
        self._frames.append(frame)
        drawn = picture(self._frames, width=self._console.width - 4, span=_LIVE_SPAN_SECONDS)
        self._live.update(Panel(drawn, title=f"{clock(frame.at)}  {frame.act}", title_align="left"))

    def changed(self, change: Change) -> None:
        """Tell of a scaling."""
        arrow, style = ("▲", "bold red") if change.scaling.direction == "up" else ("▼", "bold dodger_blue1")
        self._console.print(Text.assemble(f"{clock(change.at)}  ", (f"{arrow} {change_line(change)}", style)))

    def quote(self, command: str, output: str) -> None:
        """Show a command and what it printed."""
        self._console.print(quotation(command, output), soft_wrap=True)

    def close(self, verdicts: Sequence[Verdict]) -> None:
        """Replace the moving picture by a still one, and show the outcome."""
        self._live.stop()
        if self._frames:
            self._console.print(picture(self._frames, width=self._console.width, span=max(1.0, self._frames[-1].at)))
        self._console.print(verdict_table(verdicts))


def _workload(frames: Sequence[Frame], index: int, width: int, span: float) -> RenderableType:
    row = frames[-1].rows[index]
    history = [(frame.at, frame.rows[index]) for frame in frames if len(frame.rows) > index]
    columns = max(10, width - _LABEL_WIDTH - 2)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL_WIDTH, no_wrap=True)
    grid.add_column(width=columns, no_wrap=True)
    grid.add_row(_metric_label(row), _metric_chart(history, columns, span))
    if row.seen is not None:
        grid.add_row(_replica_label(row.seen), _replica_chart(history, columns, span))
    sentence = Text(row.policy.sentence or "no decision yet", "yellow" if row.blind else "italic")
    return Group(grid, sentence, Text(""))


def _metric_label(row: Row) -> RenderableType:
    gauge = row.gauges[0]
    value = "?" if gauge.value is None else number(gauge.value) + gauge.band.unit
    others = [Text(reading(other), "dim") for other in row.gauges[1:]]
    return Group(
        Text(row.workload, "bold"),
        Text.assemble(f"{gauge.band.name} ", (value, f"bold {_STYLES[gauge.zone]}")),
        Text(f"band {thresholds(gauge.band)}", "dim"),
        *others,
    )


def _replica_label(seen: WorkloadSeen) -> RenderableType:
    return Group(Text.assemble("replicas ", (str(seen.replicas), "bold magenta")), Text(f"ready {seen.ready}", "dim"))


def _metric_chart(history: Sequence[tuple[float, Row]], columns: int, span: float) -> RenderableType:
    gauges = [row.gauges[0] for _, row in history]
    band = gauges[-1].band
    limits = [each for each in (band.low, band.high) if each is not None]
    top = 1.2 * max([1.0, *limits, *(gauge.value or 0.0 for gauge in gauges)])
    points = [Point(at, row.gauges[0].value, _style(row, row.gauges[0])) for at, row in history]
    return Group(*plot(points, width=columns, height=_METRIC_ROWS, top=top, span=span, thresholds=limits))


def _replica_chart(history: Sequence[tuple[float, Row]], columns: int, span: float) -> RenderableType:
    points = [Point(at, float(row.seen.replicas), "magenta") for at, row in history if row.seen is not None]
    top = max(1.0, *(point.value or 0.0 for point in points))
    bars = plot(points, width=columns, height=_REPLICA_ROWS, top=top, span=span)
    return Group(steps(points, width=columns, span=span), *bars)


def _style(row: Row, gauge: Gauge) -> str:
    """Grey where the operator cannot see the value."""
    return _BLIND_STYLE if row.blind else _STYLES[gauge.zone]
