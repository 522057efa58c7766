"""From files to policies and the sources they ask: what every command that looks at policies in files begins with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScaleTargetRef, ScalingPolicySpec
from deadband.api.validation import validate_source
from deadband.cli import exits
from deadband.cli.manifests import Manifest, read_manifests, tell_skipped
from deadband.cli.validate import faults_of
from deadband.engine.validity import check_policy
from deadband.scenario.files import Folders
from deadband.scenario.report import fault_lines

_RANGE_TIMEOUT_SECONDS = 60
"""For a source that is given by its URL alone: history takes longer than an instant."""


@dataclass(frozen=True, slots=True)
class Case:
    """One policy.

    Attributes:
        label: What it is called; with its file where several files are given.
        namespace: Its namespace.
        spec: Valid.
        sources: By name.
        default: Name of the source for whatever names none.
        measured: Whose pods a resource metric reads; None: those of the target that the policy names.
    """

    label: str
    namespace: str
    spec: ScalingPolicySpec
    sources: Mapping[str, MetricSourceSpec]
    default: str
    measured: ScaleTargetRef | None = None


def read_policies(paths: tuple[str, ...], exclude: tuple[str, ...] = ()) -> tuple[list[Manifest], list[Manifest]]:
    """Read the policies and the MetricSources of files.

    Args:
        paths: Files, folders, or `-`.
        exclude: Globs of what is left out in folders.

    Raises:
        UnusableInputError: They hold no policy.
        Exit: A file cannot be read or a manifest is invalid; every fault is told.
    """
    folders = Folders(exclude)
    manifests, unusable = read_manifests(paths, folders)
    tell_skipped(folders)
    if unusable:
        for line in [line for error in unusable for line in fault_lines(error)]:
            click.echo(line, err=True)
        raise click.exceptions.Exit(exits.UNUSABLE)
    _refuse_invalid(manifests)
    policies = [each for each in manifests if each.kind == "ScalingPolicy"]
    if not policies:
        raise exits.UnusableInputError(f"{' '.join(paths)}: no ScalingPolicy found")
    return policies, [each for each in manifests if each.kind == "MetricSource"]


def read_cases(paths: tuple[str, ...], *, namespace: str, url: str | None, exclude: tuple[str, ...] = ()) -> list[Case]:
    """Read every policy of the files.

    Args:
        paths: Files, folders, or `-`. A MetricSource among them is a source of all policies.
        namespace: For manifests that name none.
        url: Asked instead of the URL of every MetricSource.
        exclude: Globs of what is left out in folders.

    Raises:
        UnusableInputError: A file cannot be read, holds no policy, or it is not clear whom to ask.
        Exit: A manifest is invalid; every fault is told.
    """
    policies, given = read_policies(paths, exclude)
    sources, default = sources_of(given, url)
    several = len({each.file for each in policies}) > 1
    cases = []
    for each in policies:
        namespace_, name = place_of(each, namespace)
        spec = check_policy(each.object)
        label = f"{name} ({each.file})" if several else name
        asked = _for(spec, sources, url, name)
        cases.append(Case(label, namespace_, spec, asked, _default(spec, sources, default, name)))
    return cases


def place_of(manifest: Manifest, namespace: str) -> tuple[str, str]:
    """The namespace of a policy, and namespace/name; `namespace` where the manifest names none."""
    metadata: Mapping[str, Any] = manifest.object.get("metadata") or {}
    own = metadata.get("namespace") or namespace
    return own, f"{own}/{metadata.get('name') or 'unnamed'}"


def case_of(
    manifest: Manifest,
    sources: Mapping[str, MetricSourceSpec],
    default: str,
    *,
    namespace: str,
    url: str | None = None,
) -> Case:
    """One policy with sources that are known already.

    Args:
        manifest: A valid policy.
        sources: By name.
        default: Name of the source for whatever names none; may be missing, too.
        namespace: Of a manifest that names none.
        url: Asked in place of a source that is missing.
    """
    own, name = place_of(manifest, namespace)
    spec = check_policy(manifest.object)
    missing = {} if url is None else dict.fromkeys({metric.source or default for metric in spec.metrics}, _plain(url))
    return Case(name, own, spec, {**missing, **sources}, default)


def _refuse_invalid(manifests: Sequence[Manifest]) -> None:
    invalid = [(each, fault) for each in manifests for fault in faults_of(each)]
    for each, fault in invalid:
        click.echo(f"{each.file}:{each.line(fault.field)}: {each.kind} {each.name}: {fault}", err=True)
    if invalid:
        raise click.exceptions.Exit(exits.DIFFERS)


def sources_of(manifests: Sequence[Manifest], url: str | None) -> tuple[dict[str, MetricSourceSpec], str]:
    """The sources by name, and the name of the default one: the one marked so, the only one, or the plain URL."""
    sources = dict(_placed(manifests, url))
    marked = [name for name, spec in sources.items() if spec.default]
    default = (marked or [name for name in sources if len(sources) == 1] or [""])[0]
    if url is not None and default not in sources:
        sources[default] = _plain(url)
    return sources, default


def _placed(manifests: Sequence[Manifest], url: str | None) -> Iterator[tuple[str, MetricSourceSpec]]:
    for each in manifests:
        spec = validate_source(each.object).spec
        yield each.name, spec if url is None else spec.model_copy(update={"url": _plain(url).url})


def _plain(url: str) -> MetricSourceSpec:
    try:
        return MetricSourceSpec(url=url, timeout_seconds=_RANGE_TIMEOUT_SECONDS)
    except ValueError as error:
        raise exits.UnusableInputError(f'--source "{url}" is not the base URL of a Prometheus') from error


def _for(
    spec: ScalingPolicySpec, sources: Mapping[str, MetricSourceSpec], url: str | None, name: str
) -> Mapping[str, MetricSourceSpec]:
    """The sources of one policy, whom it is sure to find there."""
    missing = {metric.source or "" for metric in spec.metrics} - set(sources)
    if not sources:
        raise exits.UnusableInputError("whom to ask is not said: give --source URL, or a MetricSource in the files")
    if url is not None:
        return {**dict.fromkeys(missing - {""}, _plain(url)), **sources}
    for source in sorted(missing - {""}):
        raise exits.UnusableInputError(f"{name}: MetricSource {source} is not in the files: add it, or give --source")
    return sources


def _default(spec: ScalingPolicySpec, sources: Mapping[str, MetricSourceSpec], default: str, name: str) -> str:
    """Whom to ask for what names no source; the replicas that really ran are among it."""
    if default in sources:
        return default
    for metric in spec.metrics:
        if metric.source is None:
            raise exits.UnusableInputError(
                f"{name}: metric {metric.name} names no source, and no MetricSource in the files says `default: true`"
            )
    return spec.metrics[0].source or default
