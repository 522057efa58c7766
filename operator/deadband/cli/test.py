"""`deadband test`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from deadband.cli import exits
from deadband.cli.manifests import searches, tell_skipped
from deadband.cli.output import print_table, print_yaml
from deadband.scenario.compare import judge
from deadband.scenario.files import SCENARIOS, Folders, load
from deadband.scenario.outcome import Outcome
from deadband.scenario.parse import UnusableError
from deadband.scenario.play import play
from deadband.scenario.report import HEADINGS, fault_lines, json_lines, junit, rows, summary


@click.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@searches
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True,
    help="json: one object per scenario, each on a line of its own; yaml: one document per scenario.",
)  # fmt: skip
@click.option("--junit", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML, too.")
def test_command(
    files: tuple[Path, ...],
    exclude: tuple[str, ...],
    output: Literal["table", "json", "yaml"],
    report: Path | None,
) -> None:
    """Play scenario FILES: the live decision code on a written time line, without cluster and Prometheus.

    A folder stands for every .yaml, .yml and .json file in it and below. Manifests in it are passed over, and what is
    not YAML is skipped, unless it looks like a scenario.

    \b
    Examples:
      deadband test examples/scenarios
      deadband test policies/api.test.yaml -o json
      deadband test tests/ --junit report.xml

    Exit codes: 0 all scenarios hold, 1 some scenario differs, 2 a file is unusable (every fault is told
    with its line).
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    folders = Folders(exclude, SCENARIOS)
    outcomes, unusable = _play(files, folders)
    if output == "json":
        if outcomes:
            click.echo(json_lines(outcomes))
    elif output == "yaml":
        for outcome in outcomes:
            click.echo("---")
            print_yaml(outcome.as_json())
    else:
        _print(outcomes)
        click.echo(summary(outcomes, unusable))
    tell_skipped(folders)
    for error in unusable:
        for line in fault_lines(error):
            click.echo(line, err=True)
    if report is not None:
        _write(report, junit(outcomes, unusable))
    if unusable:
        raise click.exceptions.Exit(exits.UNUSABLE)
    if not all(outcome.ok for outcome in outcomes):
        raise click.exceptions.Exit(exits.DIFFERS)


def _play(files: Sequence[Path], folders: Folders) -> tuple[list[Outcome], list[UnusableError]]:
    outcomes: list[Outcome] = []
    unusable: list[UnusableError] = []
    for path in dict.fromkeys(files):
        scenarios, broken = load(path, folders)
        outcomes += [judge(play(scenario)) for scenario in scenarios]
        unusable += broken
    return outcomes, unusable


def _print(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        where = f"{outcome.scenario.file}:{outcome.scenario.line}"
        click.echo(f"{'ok     ' if outcome.ok else 'DIFFERS'}  {outcome.scenario.name}  ({where})")
        if not outcome.ok:
            print_table(HEADINGS, rows(outcome))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise exits.UnusableInputError(f"cannot write {path}: {error.strerror or error}") from error
