"""Measure: `python -m e2e.bench [--policies N]... [--seconds S] [--write]`, or `make bench`."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from e2e.bench.course import measure
from e2e.bench.plant import Pace
from e2e.testbed import tools

DEADBAND = Path(sys.executable).with_name("deadband")


@click.command()
@click.option("--policies", multiple=True, type=int, default=(100, 1000, 5000), help="How many; may be repeated.")
@click.option("--seconds", default=60.0, help="How long each phase is measured.")
def main(policies: Sequence[int], seconds: float) -> None:
    """Measure."""
    err = Console(stderr=True)
    for name in tools.DEFAULT_TOOLS:
        tools.path(name)
    rows = []
    for count in policies:
        with tempfile.TemporaryDirectory(prefix="deadband-bench-") as folder:
            rows.append(measure(count, Pace(window=seconds), Path(folder), err.print, (DEADBAND,)))
        print(rows[-1])


if __name__ == "__main__":
    main()
