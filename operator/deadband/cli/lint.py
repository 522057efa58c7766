"""`deadband lint`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import click

from deadband.advice.finding import Finding, Severity
from deadband.advice.past import Past
from deadband.advice.review import review
from deadband.api.metricsource import MetricSourceSpec
from deadband.cli import exits
from deadband.cli.asked import promql, refusals
from deadband.cli.cases import Case, case_of, read_policies, sources_of
from deadband.cli.manifests import Manifest, searches
from deadband.cli.output import print_json, print_table, print_yaml
from deadband.cli.progress import Progress
from deadband.cli.reach import Reach, on_cluster, reaches

Output = Literal["table", "json", "yaml", "github"]
_ANNOTATIONS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """One policy of a file and what is to be said of it."""

    manifest: Manifest
    name: str
    findings: Sequence[Finding]


@click.command("lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@searches
@click.option(
    "--fail-on",
    type=click.Choice([*(severity.value for severity in Severity), "never"]),
    default="error",
    show_default=True,
    help="End with exit code 1 from this severity on.",
)
@click.option("--source", metavar="URL", help="A Prometheus to ask for the last seven days.")
@click.option("--cluster", is_flag=True, help="Ask the MetricSources of the cluster for them.")
@reaches
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "github"]),
    help="Default: a line for each finding, and a summary. github: annotations of GitHub Actions.",
)
def lint_command(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[str, ...],
    exclude: tuple[str, ...],
    fail_on: str,
    source: str | None,
    cluster: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    output: Output | None,
) -> None:
    """Say what a reviewer would say of the policies in FILES: each finding with its number and what to change.

    FILES are files, folders or - for standard input. Without --source and --cluster nobody is asked, and what is said
    follows from the policies alone; with one of them also what Prometheus recorded in the last seven days.

    \b
    Examples:
      deadband lint policies/
      deadband lint policies/ --fail-on warning -o github
      deadband lint api.yaml --source http://localhost:9090
      helm template my-chart | deadband lint - --cluster --context production

    Exit codes: 0 nothing from --fail-on upwards, 1 something, or a policy is invalid, 2 a file, the cluster or the
    history cannot be read.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    if source is not None and cluster:
        raise click.UsageError("--source and --cluster exclude each other: ask one of them")
    policies, given = read_policies(files, exclude)
    reach = Reach(namespace, kubeconfig, context)
    sources, default = _cluster_sources(reach) if cluster else sources_of(given, source)
    here = reach.chosen_namespace if cluster else namespace or "default"
    cases = [case_of(each, sources, default, namespace=here, url=source) for each in policies]
    pasts = _pasts(cases) if source is not None or cluster else [None] * len(cases)
    reviewed = [
        _Reviewed(each, case.label, review(case.spec, _asked(case), past, refused=_refused(case)))
        for each, case, past in zip(policies, cases, pasts, strict=True)
    ]
    _print(reviewed, output)
    limit = -1 if fail_on == "never" else Severity(fail_on).rank
    if any(finding.severity.rank <= limit for each in reviewed for finding in each.findings):
        raise click.exceptions.Exit(exits.DIFFERS)


def _asked(case: Case) -> Mapping[str, str]:
    return promql(case.spec, case.namespace, case.sources, case.default)


def _refused(case: Case) -> Mapping[str, str]:
    return refusals(case.spec, case.namespace, case.sources, case.default)


def _cluster_sources(reach: Reach) -> tuple[Mapping[str, MetricSourceSpec], str]:
    from deadband.cli.live import read_sources

    sources, default = on_cluster(reach, read_sources)
    return sources, default or ""


def _pasts(cases: Sequence[Case]) -> Sequence[Past]:
    from deadband.cli.past import PastError, recall

    try:
        with Progress() as progress:
            return recall(cases, now=datetime.now(UTC), told=progress.told)
    except PastError as error:
        raise exits.UnusableInputError(str(error)) from error


def _print(reviewed: Sequence[_Reviewed], output: Output | None) -> None:
    shown = [_shown(each, finding) for each in reviewed for finding in each.findings]
    match output:
        case "json":
            print_json(shown)
        case "yaml":
            print_yaml(shown)
        case "table":
            print_table(_COLUMNS, ([str(row[column]) for column in _COLUMNS] for row in shown))
        case "github":
            for row in shown:
                click.echo(_annotation(row))
        case None:
            for row in shown:
                place = f"{row['file']}:{row['line']}: {row['severity']}: {row['policy']}: {row['field']}"
                click.echo(f"{place}: {row['sentence']} {row['change']} [{row['id']}]")
            click.echo(_summary(reviewed))


_COLUMNS = ("severity", "policy", "field", "id", "sentence", "change")


def _shown(each: _Reviewed, finding: Finding) -> dict[str, Any]:
    return {
        "file": each.manifest.file,
        "line": each.manifest.line(finding.field),
        "policy": each.name,
        "severity": finding.severity.value,
        "id": finding.id.value,
        "field": finding.field,
        "sentence": finding.sentence,
        "change": finding.change,
    }


def _annotation(row: Mapping[str, Any]) -> str:
    """Source: GitHub Actions, "Workflow commands", setting messages; no text of ours has a line break."""
    kind = _ANNOTATIONS[Severity(row["severity"])]
    text = f"{row['policy']}: {row['sentence']} {row['change']}".replace("%", "%25")
    return f"::{kind} file={row['file']},line={row['line']},title={row['id']}::{text}"


def _summary(reviewed: Sequence[_Reviewed]) -> str:
    found = [finding.severity for each in reviewed for finding in each.findings]
    counts = ", ".join(f"{found.count(severity)} {severity}" for severity in Severity)
    return f"{len(reviewed)} {'policy' if len(reviewed) == 1 else 'policies'}: {counts}"
