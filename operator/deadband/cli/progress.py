"""How far something long has come: a bar on a terminal, a line now and then elsewhere. On standard error."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

_EVERY_SECONDS = 10.0
"""Between two lines where no bar can be drawn, as in the log of a pipeline."""


class Progress:
    """Shows one stage after the other; what is short shows nothing that stays."""

    def __init__(self, *, every: float = _EVERY_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the seconds between two plain lines, and before the first."""
        self._every = every
        self._clock = clock
        self._told = clock()
        self._bar = _Bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        """Begin."""
        if self._bar is not None:
            self._bar.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; a bar goes."""
        if self._bar is not None:
            self._bar.end()

    def told(self, stage: str, share: float) -> None:
        """Take in how much of a stage is done, 0 to 1."""
        if self._bar is not None:
            self._bar.show(stage, share)
        elif self._clock() - self._told >= self._every:
            self._told = self._clock()
            click.echo(f"{stage}: {share:.0%}", err=True)


class _Bar:
    """rich's progress bar with the time that is left; rich is imported where there is a terminal only."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._rich = RichProgress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._rich.add_task("", total=1.0)
        self._stage = ""

    def begin(self) -> None:
        self._rich.start()

    def end(self) -> None:
        self._rich.stop()

    def show(self, stage: str, share: float) -> None:
        if stage != self._stage:
            self._stage = stage
            self._rich.reset(self._task, description=stage)
        self._rich.update(self._task, completed=share)
