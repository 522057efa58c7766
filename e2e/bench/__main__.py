"""Measure: `python -m e2e.bench [--policies N]... [--seconds S] [--write FOLDER]`, or `make bench`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from e2e.bench.course import measure
from e2e.bench.pace import Pace
from e2e.bench.page import described, put, table
from e2e.bench.plot import plot
from e2e.bench.results import Row, document, load, save
from e2e.testbed import tools

TOOLS = ("etcd", "kube-apiserver", "kubectl", "helm", "prometheus")


@click.command()
@click.option("--policies", multiple=True, type=int, default=(100, 1000, 5000), help="How many; may be repeated.")
@click.option("--seconds", default=60.0, help="How long each load is measured.")
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where the figures, the curve and the page README.md are kept; other numbers of policies stay as they are.",
)
def main(policies: Sequence[int], seconds: float, folder: Path | None) -> None:
    """Measure the operator under so many policies with two metrics each, beside one query per metric."""
    for name in TOOLS:
        tools.path(name)
    pace = Pace(window=seconds)
    rows = [_measured(count, pace) for count in sorted(policies)]
    print(table(rows))
    if folder is not None:
        path = folder / "results.json"
        known = {row.policies: row for row in load(path)} if path.exists() else {}
        rows = [row for _, row in sorted((known | {row.policies: row for row in rows}).items())]
        found = document(rows, pace)
        save(found, path)
        (folder / "cost.svg").write_text(plot(rows))
        put(f"{described(found['machine'], found['settings'])}\n{table(rows)}", folder / "README.md")


def _measured(count: int, pace: Pace) -> Row:
    with tempfile.TemporaryDirectory(prefix="deadband-bench-") as folder:
        return measure(count, pace, Path(folder), Console(stderr=True).print)


if __name__ == "__main__":
    main()
