"""The demo as lines of text, for logs and pipes."""

import itertools
import sys
from collections.abc import Sequence
from typing import Self, TextIO

from e2e.testbed.demo.frame import Band, Frame, Gauge, Row
from e2e.testbed.demo.judge import Verdict
from e2e.testbed.demo.observed import Change

_EVERY_SECONDS = 5.0


def clock(seconds: float) -> str:
    """Write a time of the play as minutes and seconds: `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def number(value: float) -> str:
    """Write a value as people do: `63`, `10,001`."""
    return f"{value:,.0f}"


def thresholds(band: Band) -> str:
    """Write the band of a metric: `<20 >70`; empty when it has none."""
    signs = (("<", band.low), (">", band.high))
    return " ".join(f"{sign}{number(threshold)}" for sign, threshold in signs if threshold is not None)


def reading(gauge: Gauge) -> str:
    """Write a metric with its band: `cpu 63 % (<20 >70)`."""
    value = "?" if gauge.value is None else number(gauge.value) + gauge.band.unit
    band = thresholds(gauge.band)
    return f"{gauge.band.name} {value}" + (f" ({band})" if band else "")


def row_line(row: Row) -> str:
    """Write a workload: `api 2/2 ready, cpu 63 % (<20 >70): Holding at 2: …`; without one the policy alone."""
    values = ", ".join(map(reading, row.gauges))
    sentence = row.policy.sentence or "(no decision yet)"
    if row.seen is None:
        return f"{row.workload}, {values}: {sentence}"
    return f"{row.workload} {row.seen.ready}/{row.seen.replicas} ready, {values}: {sentence}"


def change_line(change: Change) -> str:
    """Write a scaling: `api scaled up, 2 to 5 replicas`."""
    return f"{change.workload} scaled {change.scaling.direction}, {change.before} to {change.after} replicas"


def verdict_line(verdict: Verdict) -> str:
    """Write a verdict: `ok   0:23  api up: api 2 → 5. <sentence>`."""
    mark = "ok  " if verdict.holds else "FAIL"
    when = "     " if verdict.at is None else f"{clock(verdict.at):>5}"
    sentence = f". {verdict.sentence}" if verdict.sentence else ""
    return f"{mark} {when}  {verdict.expected}: {verdict.seen}{sentence}"


class PlainView:
    """Writes what happens as lines with the time of the play before them.

    A workload's line is written when its operator says something new or its replicas change, and every few seconds.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._shown: dict[str, tuple[float, tuple[str, int | None]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is held open."""

    def preparing(self, text: str) -> None:
        """Tell what is being started."""
        self._write(f"[start] {text}")

    def begin(self, act: str, at: float) -> None:
        """Tell that an act begins."""
        self._write(f"[{clock(at):>5}] --- {act}")

    def show(self, frame: Frame) -> None:
        """Show a moment."""
        for row in frame.rows:
            meaning = (row.policy.sentence, row.seen.replicas if row.seen else None)
            at, before = self._shown.get(row.workload, (-_EVERY_SECONDS, None))
            if meaning != before or frame.at - at >= _EVERY_SECONDS:
                self._write(f"[{clock(frame.at):>5}] {row_line(row)}")
                self._shown[row.workload] = (frame.at, meaning)

    def changed(self, change: Change) -> None:
        """Tell of a scaling."""
        self._write(f"[{clock(change.at):>5}] >>> {change_line(change)}")

    def quote(self, command: str, output: str) -> None:
        """Show a command and what it printed."""
        self._write(f"$ {command}\n{output.rstrip()}")

    def close(self, verdicts: Sequence[Verdict]) -> None:
        """Show the outcome."""
        self._write("\nWhat was expected, and what was seen on the API server:")
        for act, group in itertools.groupby(verdicts, key=lambda verdict: verdict.act):
            self._write(f"  {act}")
            for verdict in group:
                self._write(f"    {verdict_line(verdict)}")

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
