"""Series with exact samples in a server that never scraped them; promtool makes them into Prometheus's blocks."""

import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.testbed import tools

STEP_SECONDS = 15
SPAN_SECONDS = 300

Shape = Callable[[int], float]
"""Value by the seconds since the first sample of the world."""


def gauge(value: float) -> Shape:
    """Stand still."""
    return lambda _: value


def counter(per_second: float) -> Shape:
    """Rise evenly from a thousand: a rate near zero would be cut where the counter would have been negative."""
    return lambda seconds: 1000 + per_second * seconds


def burned(per_second: float, before: float) -> Shape:
    """A counter that rises evenly, after `before` more had been used up 40 s before the end."""
    return lambda seconds: 1000 + per_second * seconds + (before if seconds >= SPAN_SECONDS - 40 else 0)


class Backfill:
    """Series with a sample every so often (15 s) for some time (five minutes) up to and including `at`."""

    def __init__(self, at: int, *, span: int = SPAN_SECONDS, step: int = STEP_SECONDS) -> None:
        """Take the Unix second of the last sample, how many seconds before it the first one is, and the distance."""
        self.at = at
        self._span = span
        self._step = step
        self._lines: dict[str, list[str]] = defaultdict(list)

    def add(
        self, metric: str, labels: Mapping[str, str], shape: Shape, *, silent_for: int = 0, age: int | None = None
    ) -> None:
        """Add one series; with no sample in its last `silent_for` seconds, nor before it was `age` seconds old."""
        inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        begins = 0 if age is None else -(-(self._span - age) // self._step) * self._step
        for seconds in range(begins, self._span - silent_for + 1, self._step):
            time = self.at - self._span + seconds
            self._lines[metric].append(f"{metric}{{{inside}}} {shape(seconds)!r} {time}")

    @property
    def lines(self) -> list[str]:
        """All samples as OpenMetrics text, those of one metric together."""
        return [line for metric in self._lines.values() for line in metric]

    def write(self, folder: Path) -> None:
        """Make blocks in a data folder of Prometheus, which must not be running."""
        folder.mkdir(parents=True, exist_ok=True)
        text = folder.parent / "series.om"
        text.write_text("\n".join([*self.lines, "# EOF\n"]))
        subprocess.run(
            [
                tools.path("promtool"),
                *("tsdb", "create-blocks-from", "openmetrics"),
                "--max-block-duration=168h",  # hidden; with the usual blocks of 2 h a week takes twenty times as long
                text,
                folder,
            ],
            check=True,
            capture_output=True,
        )


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
