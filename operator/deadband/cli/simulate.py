"""`deadband simulate`."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from deadband.adapters.kept_answers import KeptAnswers
from deadband.cli import exits
from deadband.cli.cases import Case, read_cases
from deadband.cli.instants import Instant
from deadband.cli.manifests import searches
from deadband.cli.output import print_json, print_table
from deadband.cli.past import PastError, Span, play_all
from deadband.cli.progress import Progress
from deadband.scenario.recorded import report
from deadband.scenario.recorded.page import page
from deadband.scenario.recorded.run import Run


@click.command("simulate")
@click.argument("policy", type=click.Path(allow_dash=True))
@searches
@click.option(
    "--from", "start", required=True, type=Instant(), help="Where to begin: 7d (ago), 12h, or an RFC 3339 time."
)
@click.option("--to", "end", default="now", show_default=True, type=Instant(), help="Where to end, likewise.")
@click.option("--source", metavar="URL", help="The Prometheus, instead of the URL of a MetricSource in the files.")
@click.option("--step", type=click.IntRange(1, 86400), metavar="SECONDS", help="[default: intervalSeconds]")
@click.option("--replicas", type=click.IntRange(0), help="Begin with so many. [default: what really ran then]")
@click.option("--compare", multiple=True, type=click.Path(), help="Another file to play beside it; may be repeated.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where answers are kept. [default: ~/.cache/deadband/history]",
)
@click.option("-n", "--namespace", default="default", show_default=True, help="Of manifests that name none.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with the curves, too.")
def simulate_command(  # noqa: PLR0913 - one argument per option
    *,
    policy: str,
    exclude: tuple[str, ...],
    start: datetime,
    end: datetime,
    source: str | None,
    step: int | None,
    replicas: int | None,
    compare: tuple[str, ...],
    cache: Path | None,
    namespace: str,
    output: Literal["table", "json", "csv"],
    html: Path | None,
) -> None:
    """Play the policies of a file over recorded history, and tell what would have happened.

    POLICY is a file, a folder or - for standard input. The policy's own queries are asked of a real Prometheus as range
    queries, and decided by the code that decides on a cluster. Nothing is written but --html, and what is kept of the
    answers (--cache).

    \b
    Examples:
      deadband simulate api.yaml --from 7d --source http://localhost:9090
      deadband simulate api.yaml --from 7d --compare wider-band.yaml --html week.html
      deadband simulate api.yaml --from 2026-01-05T08:00:00Z --to 2026-01-05T20:00:00Z -o csv
      deadband simulate api.yaml --from 4w --step 60 -o json > weeks.json

    What is read is kept: after an interruption the same command goes on where it stopped.

    Exit codes: 0 played, 1 a policy is invalid, 2 a file cannot be used, or the history cannot be read.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    if end <= start:
        raise click.UsageError("--to must be after --from")
    cases = read_cases((policy, *compare), namespace=namespace, url=source, exclude=exclude)
    for case in cases:
        _refuse_autoscaler(case)
    kept = _kept(cache)
    try:
        with Progress() as progress:
            runs = play_all(cases, Span(start, end, step), replicas=replicas, kept=kept, told=progress.told)
    except PastError as error:
        raise exits.UnusableInputError(str(error)) from error
    match output:
        case "json":
            print_json([report.as_json(run) for run in runs])
        case "csv":
            click.echo(report.as_csv(runs), nl=False)
        case "table":
            _print(runs)
    if html is not None:
        try:
            html.write_text(page(runs, made=datetime.now(UTC)), encoding="utf-8")
        except OSError as error:
            raise exits.UnusableInputError(f"cannot write {html}: {error.strerror or error}") from error


def _refuse_autoscaler(case: Case) -> None:
    if case.spec.moves is not None and case.spec.scale_target_ref is not None:
        raise exits.UnusableInputError(
            f"{case.label}: what HPA {case.spec.scale_target_ref.name} would have done under other bounds is recorded "
            "nowhere, so such a policy cannot be simulated: write a scenario for `deadband test`, or let it run with "
            "`mode: DryRun`"
        )


def _kept(folder: Path | None) -> KeptAnswers | None:
    """Where answers are kept; None where nobody named a folder and there cannot be one, as in a read-only container."""
    try:
        return KeptAnswers(folder or _default_cache())
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows a home folder
        if folder is not None:
            raise exits.UnusableInputError(f"answers cannot be kept in {folder}: {error}") from error
        click.echo(f"Answers are not kept: {error}", err=True)
        return None


def _default_cache() -> Path:
    """As the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deadband" / "history"


def _print(runs: Sequence[Run]) -> None:
    for spent in dict.fromkeys(report.span(run) for run in runs):
        click.echo(spent)
    click.echo()
    print_table(report.TOTALS, report.totals(runs))
    click.echo()
    print_table(report.THRESHOLDS, report.thresholds(runs))
    for run in runs:
        click.echo()
        click.echo(run.label)
        for note in run.notes:
            click.echo(f"  {note}")
        if run.happenings:
            print_table(report.HAPPENINGS, report.happenings(run))
        else:
            click.echo("  It would have scaled nothing.")
