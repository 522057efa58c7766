"""`deadband validate`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import click

from deadband.api import API_VERSION
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.validation import Fault, InvalidError, validate_source
from deadband.cli import exits
from deadband.cli.asked import refusals
from deadband.cli.manifests import KINDS, Manifest, read_manifests, searches, tell_skipped
from deadband.cli.output import print_json, print_table, print_yaml
from deadband.engine.validity import check_policy
from deadband.scenario.files import Folders
from deadband.scenario.refusal import metadata_faults, refusal
from deadband.scenario.report import fault_lines


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@searches
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    help="List every object with its verdict; default: one line for each fault, and a summary.",
)
def validate_command(
    files: tuple[str, ...], exclude: tuple[str, ...], output: Literal["table", "json", "yaml"] | None
) -> None:
    """Check the ScalingPolicies and MetricSources in FILES, without a cluster.

    FILES are files, folders (every .yaml, .yml and .json file below), or - for standard input. A file may hold
    many documents; those that are not deadband's are passed over. A policy's own query that a MetricSource in FILES
    does not take (`rawQueries`), and which it names or which is the default, is a fault, since it would never be sent.

    \b
    Examples:
      deadband validate policies/
      deadband validate . --exclude templates --exclude 'tests/*/golden'
      helm template my-chart | deadband validate -
      deadband validate policies/api.yaml -o json

    Exit codes: 0 all are valid, 1 some are not (file, line, document, object, field and fault on one line each),
    2 a file cannot be read or is not YAML. In folders what is not YAML is skipped, unless deadband.dev is in it.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    folders = Folders(exclude)
    manifests, unusable = read_manifests(files, folders)
    sources = _sources(manifests)
    verdicts = [(manifest, faults_of(manifest) or _never_sent(manifest, sources)) for manifest in manifests]
    shown = [_shown(manifest, faults) for manifest, faults in verdicts]
    match output:
        case "json":
            print_json(shown)
        case "yaml":
            print_yaml(shown)
        case "table":
            print_table(("file", "document", "object", "valid", "faults"), map(_row, shown))
        case None:
            _print_faults(verdicts)
            if not verdicts and not unusable:
                click.echo("no ScalingPolicy or MetricSource found", err=True)
    tell_skipped(folders)
    for error in unusable:
        for line in fault_lines(error):
            click.echo(line, err=True)
    if unusable:
        raise click.exceptions.Exit(exits.UNUSABLE)
    if any(faults for _, faults in verdicts):
        raise click.exceptions.Exit(exits.DIFFERS)


def faults_of(manifest: Manifest) -> list[Fault]:
    """Every fault of one object; none when it is valid."""
    if manifest.object.get("apiVersion") != API_VERSION:
        return [Fault("apiVersion", f"must be {API_VERSION}")]
    match manifest.kind:
        case "ScalingPolicy":
            return refusal(manifest.object)
        case "MetricSource":
            return [*metadata_faults(manifest.object), *_source_faults(manifest.object)]
        case kind:
            return [Fault("kind", f'"{kind}" is no kind of this group; there are {" and ".join(KINDS)}')]


def _source_faults(source: Mapping[str, Any]) -> Sequence[Fault]:
    try:
        validate_source(source)
    except InvalidError as error:
        return error.faults
    return []


def _sources(manifests: Sequence[Manifest]) -> dict[str, MetricSourceSpec]:
    """The valid ones by name."""
    return {
        each.name: validate_source(each.object).spec
        for each in manifests
        if each.kind == "MetricSource" and not faults_of(each)
    }


def _never_sent(manifest: Manifest, sources: Mapping[str, MetricSourceSpec]) -> list[Fault]:
    """Queries of a valid policy that its source in the files does not take; of other sources nothing is known here."""
    if manifest.kind != "ScalingPolicy":
        return []
    default = next((name for name, spec in sources.items() if spec.default), "")
    namespace = (manifest.object.get("metadata") or {}).get("namespace") or "default"
    refused = refusals(check_policy(manifest.object), namespace, sources, default)
    return [Fault(field, f"is never sent: {why}") for field, why in refused.items()]


def _print_faults(verdicts: list[tuple[Manifest, list[Fault]]]) -> None:
    for manifest, faults in verdicts:
        for fault in faults:
            place = f"{manifest.file}:{manifest.line(fault.field)}: document {manifest.document.number}"
            click.echo(f"{place}: {_object(manifest)}: {fault}")
    invalid = sum(bool(faults) for _, faults in verdicts)
    if verdicts:
        click.echo(f"{len(verdicts) - invalid} valid, {invalid} invalid")


def _object(manifest: Manifest) -> str:
    return f"{manifest.kind or 'object'} {manifest.name}".rstrip()


def _shown(manifest: Manifest, faults: list[Fault]) -> dict[str, Any]:
    return {
        "file": manifest.file,
        "document": manifest.document.number,
        "kind": manifest.kind,
        "name": manifest.name,
        "valid": not faults,
        "faults": [{"line": manifest.line(one.field), "field": one.field, "message": one.message} for one in faults],
    }


def _row(shown: dict[str, Any]) -> tuple[str, ...]:
    faults = "; ".join(f"{fault['field']}: {fault['message']}" for fault in shown["faults"])
    name = f"{shown['kind']} {shown['name']}".rstrip()
    return shown["file"], str(shown["document"]), name, "yes" if shown["valid"] else "no", faults
