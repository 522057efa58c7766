"""Soak: `python -m e2e.soak [--minutes M] [--policies N] [--seed S] [--report FOLDER]`, or `make soak MINUTES=M`."""

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from e2e.bench.__main__ import TOOLS
from e2e.bench.pace import Pace
from e2e.soak.course import soak
from e2e.soak.report import save
from e2e.soak.restarts import course
from e2e.testbed import tools

_PACE = Pace(interval=15, scrape=5.0)


@click.command()
@click.option("--minutes", default=20.0, help="After this no more restart is begun.")
@click.option("--policies", default=2000, help="How many.")
@click.option("--seed", default=1, help="Of the restarts: what, how, when.")
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/soak"),
    help="Where report.md and report.json are written.",
)
def main(minutes: float, policies: int, seed: int, folder: Path) -> None:
    """Run the operator under noisy metrics, restart everything at random, and end with 1 when anything did not hold."""
    for name in TOOLS:
        tools.path(name)
    say = Console(stderr=True).log
    with tempfile.TemporaryDirectory(prefix="deadband-soak-") as data:
        outcome = soak(policies, _PACE, course(seed), Path(data), say, seconds=minutes * 60)
    save(outcome, seed, folder)
    for one in outcome.wrong[:20]:
        say(one)
    say(f"{len(outcome.breaks)} restarts, {len(outcome.wrong)} violations: {folder / 'report.md'}")
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
