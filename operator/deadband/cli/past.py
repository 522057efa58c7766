"""From files to simulations: which policies, which sources, what is read of them, and each one's play.

Imports the Prometheus client: only by the command that reads history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from deadband.adapters.kept_answers import KeptAnswers
from deadband.adapters.prometheus_ranges import HistoryError, PrometheusRanges
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.validation import validate_source
from deadband.cli import exits
from deadband.cli.manifests import Manifest, read_manifests
from deadband.cli.validate import faults_of
from deadband.engine.validity import check_policy
from deadband.queries.ranges import Grid
from deadband.queries.types import Question
from deadband.scenario.recorded.recording import Recording, Track
from deadband.scenario.recorded.replay import Ran, replay
from deadband.scenario.recorded.run import Run
from deadband.scenario.recorded.wanted import Wanted, wanted
from deadband.scenario.report import fault_lines

MOST_INSTANTS = 2_000_000
"""More would fill the memory: eleven months at 15 s."""
_RANGE_TIMEOUT_SECONDS = 60
"""For a source that is given by its URL alone: history takes longer than an instant."""


class PastError(Exception):
    """The history cannot be read; the message is one line."""


@dataclass(frozen=True, slots=True)
class Case:
    """One policy to play.

    Attributes:
        label: What it is called; with its file where several files are given.
        namespace: Its namespace.
        spec: Valid.
        sources: By name.
        default: Name of the source for whatever names none.
    """

    label: str
    namespace: str
    spec: ScalingPolicySpec
    sources: Mapping[str, MetricSourceSpec]
    default: str


def read_cases(paths: tuple[str, ...], *, namespace: str, url: str | None) -> list[Case]:
    """Read every policy of the files.

    Args:
        paths: Files, folders, or `-`. A MetricSource among them is a source of all policies.
        namespace: For manifests that name none.
        url: Asked instead of the URL of every MetricSource.

    Raises:
        UnusableInputError: A file cannot be read, holds no policy or one that cannot be played, or it is not clear
            whom to ask.
        Exit: A manifest is invalid; every fault is told.
    """
    manifests, unusable = read_manifests(paths)
    if unusable:
        for line in [line for error in unusable for line in fault_lines(error)]:
            click.echo(line, err=True)
        raise click.exceptions.Exit(exits.UNUSABLE)
    _refuse_invalid(manifests)
    policies = [each for each in manifests if each.kind == "ScalingPolicy"]
    if not policies:
        raise exits.UnusableInputError(f"{' '.join(paths)}: no ScalingPolicy found")
    sources, default = _sources([each for each in manifests if each.kind == "MetricSource"], url)
    several = len({each.file for each in policies}) > 1
    cases = []
    for each in policies:
        metadata: Mapping[str, Any] = each.object.get("metadata") or {}
        own = metadata.get("namespace") or namespace
        name = f"{own}/{metadata.get('name') or 'unnamed'}"
        spec = check_policy(each.object)
        _refuse_autoscaler(spec, name)
        label = f"{name} ({each.file})" if several else name
        cases.append(Case(label, own, spec, _for(spec, sources, url, name), _default(spec, sources, default, name)))
    return cases


@dataclass(frozen=True, slots=True)
class Span:
    """The time to play over.

    Attributes:
        start: First instant, or less than a step after it.
        end: Last instant, if a step ends there.
        step: Seconds between two; None: each policy's intervalSeconds.
    """

    start: datetime
    end: datetime
    step: int | None

    def grid(self, spec: ScalingPolicySpec) -> Grid:
        """The instants of one policy.

        Raises:
            PastError: They are too many.
        """
        grid = Grid.between(self.start, self.end, self.step or spec.interval_seconds)
        if grid.count > MOST_INSTANTS:
            raise PastError(f"{grid.count:,} evaluations are too many; {MOST_INSTANTS:,} are possible: raise --step")
        return grid


Told = Callable[[str, float], None]
"""Called with what is being done, and the share of it that is done, 0 to 1."""


def play_all(
    cases: Sequence[Case], span: Span, *, replicas: int | None, kept: KeptAnswers | None, told: Told
) -> list[Run]:
    """Read the history and play every policy over it; what several policies ask is read once.

    Args:
        cases: From `read_cases`.
        span: When.
        replicas: To begin with; None: what really ran.
        kept: Answers of before, and where those of now are kept; None: none.
        told: Hears of the progress.

    Raises:
        PastError: The span is too long, a source does not answer, or its answers cannot be kept.
    """
    prepared = [
        (case, span.grid(case.spec), wanted(case.spec, case.namespace, case.sources, case.default)) for case in cases
    ]
    read = _read(prepared, kept, told)
    playing = _Share(told, "Playing", sum(grid.count for _, grid, _ in prepared))
    return [_played(case, grid, asked, read, replicas, playing) for case, grid, asked in prepared]


class _Share:
    """Adds instants up and tells which share of all they are."""

    def __init__(self, told: Told, stage: str, everything: int) -> None:
        self._told, self._stage, self._everything = told, stage, everything
        self.done = 0

    def add(self, instants: int) -> None:
        self.done += instants
        self._told(self._stage, self.done / self._everything)


def _read(
    prepared: Sequence[tuple[Case, Grid, Wanted]], kept: KeptAnswers | None, told: Told
) -> dict[tuple[Question, Grid], Track]:
    sources = {name: spec for case, _, _ in prepared for name, spec in case.sources.items()}
    open_ = list(dict.fromkeys((question, grid) for _, grid, asked in prepared for question in asked.questions))
    reading = _Share(told, "Reading history", sum(grid.count for _, grid in open_))
    reader = PrometheusRanges(sources, now=datetime.now(UTC), kept=kept)
    try:
        reader.prove(open_)
        return {(question, grid): _track(reader, question, grid, reading) for question, grid in open_}
    except HistoryError as error:
        goes_on = "; what was read is kept: the same command goes on from there" if kept and reading.done else ""
        raise PastError(f"{error}{goes_on}") from error
    except OSError as error:
        raise PastError(
            f"the answers cannot be kept: {error.strerror or error}; give --cache another folder"
        ) from error
    finally:
        reader.close()


def _track(reader: PrometheusRanges, question: Question, grid: Grid, reading: _Share) -> Track:
    track = Track(grid, question)
    for answer in reader.read(question, grid, reading.add):
        track.add(answer)
    return track


def _played(
    case: Case,
    grid: Grid,
    asked: Wanted,
    read: Mapping[tuple[Question, Grid], Track],
    replicas: int | None,
    playing: _Share,
) -> Run:
    tracks = {question: read[question, grid] for question in asked.questions}
    nothing: list[int | None] = [None] * grid.count
    return replay(
        label=case.label,
        spec=case.spec,
        recording=Recording(asked.plan, tracks, grid),
        ran=Ran(
            tracks[asked.replicas].numbers() if asked.replicas is not None else nothing,
            tracks[asked.ready].numbers() if asked.ready is not None else nothing,
        ),
        start=replicas,
        played=playing.add,
    )


def _refuse_invalid(manifests: Sequence[Manifest]) -> None:
    invalid = [(each, fault) for each in manifests for fault in faults_of(each)]
    for each, fault in invalid:
        click.echo(f"{each.file}:{each.line(fault.field)}: {each.kind} {each.name}: {fault}", err=True)
    if invalid:
        raise click.exceptions.Exit(exits.DIFFERS)


def _refuse_autoscaler(spec: ScalingPolicySpec, name: str) -> None:
    if spec.moves is not None and spec.scale_target_ref is not None:
        raise exits.UnusableInputError(
            f"{name}: what HPA {spec.scale_target_ref.name} would have done under other bounds is recorded nowhere, so "
            "such a policy cannot be simulated: write a scenario for `deadband test`, or let it run with `mode: DryRun`"
        )


def _sources(manifests: Sequence[Manifest], url: str | None) -> tuple[dict[str, MetricSourceSpec], str]:
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
