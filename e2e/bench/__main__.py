"""Measure: `python -m e2e.bench [--policies N]... [--seconds S] [--write FOLDER]`, or `make bench`.

`python -m e2e.bench --against REV [--policies N]... [--rounds N] [--json FILE]` compares the working tree with another
revision.
"""

import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from e2e.bench import ratios
from e2e.bench.against import compare
from e2e.bench.course import measure
from e2e.bench.pace import Pace, of_comparison
from e2e.bench.page import described, put, table
from e2e.bench.plot import plot
from e2e.bench.results import Row, document, load, save
from e2e.bench.revision import RevisionError, checked_out, working_tree
from e2e.testbed import tools

TOOLS = ("etcd", "kube-apiserver", "kubectl", "helm", "prometheus")
_ROUNDS = 3


@click.command()
@click.option("--policies", multiple=True, type=int, default=(100, 1000, 5000), help="How many; may be repeated.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    help="How long each load is measured: 60; with --against 45, or 15 for fewer than 1,000 policies. "
    "Use a multiple of 15.",
)
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where the figures, the curve and the page README.md are kept; other numbers of policies stay as they are.",
)
@click.option("--against", "revision", metavar="REV", help="Compare the working tree with this git revision.")
@click.option("--rounds", type=click.IntRange(min=1), help=f"Windows of each revision with --against: {_ROUNDS}.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file, too."
)
def main(
    policies: Sequence[int],
    seconds: float | None,
    folder: Path | None,
    revision: str | None,
    rounds: int | None,
    file: Path | None,
) -> None:
    """Measure the operator under so many policies with two metrics each, beside one query per metric.

    With --against, measure the operator of another revision and of the working tree in turn, and print the ratios.
    """
    if revision is None and rounds is not None:
        raise click.UsageError("--rounds needs --against")
    if revision is not None and folder is not None:
        raise click.UsageError("--write keeps the figures of one revision: use --json with --against")
    for name in TOOLS:
        tools.path(name)
    if revision is None:
        _measure(sorted(policies), _with(Pace(), seconds), folder, file)
    else:
        _compare(sorted(policies), revision, seconds, rounds or _ROUNDS, file)


def _measure(policies: Sequence[int], pace: Pace, folder: Path | None, file: Path | None) -> None:
    rows = [_measured(count, pace) for count in policies]
    print(table(rows))
    if file is not None:
        save(document(rows, pace), file)
    if folder is not None:
        path = folder / "results.json"
        known = {row.policies: row for row in load(path)} if path.exists() else {}
        rows = [row for _, row in sorted((known | {row.policies: row for row in rows}).items())]
        found = document(rows, pace)
        save(found, path)
        (folder / "cost.svg").write_text(plot(rows))
        put(f"{described(found['machine'], found['settings'])}\n{table(rows)}", folder / "README.md")


def _with(pace: Pace, seconds: float | None) -> Pace:
    return pace if seconds is None else replace(pace, window=seconds)


def _measured(count: int, pace: Pace) -> Row:
    with tempfile.TemporaryDirectory(prefix="deadband-bench-") as folder:
        return measure(count, pace, Path(folder), Console(stderr=True).print)


def _compare(policies: Sequence[int], revision: str, seconds: float | None, rounds: int, file: Path | None) -> None:
    # SIGTERM ends us as Ctrl-C does: git keeps a list of worktrees, which the end takes ours from.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    say = Console(stderr=True).print
    found = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="deadband-bench-") as folder,
            checked_out(revision, Path(folder), say) as other,
        ):
            codes = (other, working_tree(Path(folder)))
            for count in policies:
                pace = _with(of_comparison(count), seconds)
                found.append(compare(count, codes, pace, rounds, Path(folder) / str(count), say))
                print(ratios.report(found[-1], codes))
                if file is not None:
                    file.write_text(json.dumps(ratios.document(codes, found), indent=2) + "\n")
    except RevisionError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
