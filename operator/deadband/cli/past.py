"""What Prometheus recorded: read once for all policies, then each one's play, or a look back at it.

Imports the Prometheus client: only by commands that read history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deadband.adapters.prometheus_answers import AskError
from deadband.adapters.prometheus_ranges import PrometheusRanges
from deadband.advice.past import Past, Sampling, interval_of, look_back
from deadband.cli.asked import promql
from deadband.cli.cases import Case
from deadband.queries.ranges import Grid
from deadband.queries.selections import Selection, selections
from deadband.queries.types import Question
from deadband.scenario.recorded.recording import Recording, Track
from deadband.scenario.recorded.replay import replay
from deadband.scenario.recorded.run import Run
from deadband.scenario.recorded.wanted import Wanted, wanted

MOST_INSTANTS = 2_000_000
"""More would fill the memory: eleven months at 15 s."""
LOOKED_BACK = timedelta(days=7)
_LOOK_EVERY_SECONDS = 60
"""A week of minutes is what a Prometheus gives in one answer."""
_SAMPLES_WITHIN = timedelta(minutes=20)
"""Holds four samples of what is scraped every five minutes."""


class PastError(Exception):
    """The history cannot be read; the message is one line."""


@dataclass(frozen=True, slots=True)
class _Recalled:
    """What was recorded of one policy: its readings, and the replicas that really ran (None where nothing tells)."""

    recording: Recording
    replicas: Sequence[int | None]
    ready: Sequence[int | None]


def play_all(
    cases: Sequence[Case],
    start: datetime,
    end: datetime,
    *,
    step: int | None,
    replicas: int | None,
    told: Callable[[float], None],
) -> list[Run]:
    """Read the history and play every policy over it; what several policies ask is read once.

    Args:
        cases: From `read_cases`.
        start: First instant.
        end: Last instant, if a step ends there.
        step: Seconds between two; None: each policy's intervalSeconds.
        replicas: To begin with; None: what really ran.
        told: Called with the share of the reading that is done, 0 to 1.

    Raises:
        PastError: The span is too long, or a source does not answer.
    """
    prepared = []
    for case in cases:
        grid = Grid.between(start, end, step or case.spec.interval_seconds)
        if grid.count > MOST_INSTANTS:
            raise PastError(f"{grid.count:,} evaluations are too many; {MOST_INSTANTS:,} are possible: raise --step")
        prepared.append((case, grid, wanted(case.spec, case.namespace, case.sources, case.default)))
    read = _read(prepared, told)
    return [_played(case, grid, asked, read, replicas) for case, grid, asked in prepared]


def recall(cases: Sequence[Case], *, now: datetime, told: Callable[[float], None]) -> list[Past]:
    """Look back at the last seven days of every policy, once a minute.

    Args:
        cases: What to look at.
        now: Where the seven days end.
        told: As for `play_all`.

    Raises:
        PastError: A source does not answer.
    """
    grid = Grid.between(now - LOOKED_BACK, now, _LOOK_EVERY_SECONDS)
    prepared = [(case, grid, wanted(case.spec, case.namespace, case.sources, case.default)) for case in cases]
    read = _read(prepared, told)
    return [_looked_back(case, _recalled(grid, asked, read), now) for case, _, asked in prepared]


def _read(
    prepared: Sequence[tuple[Case, Grid, Wanted]], told: Callable[[float], None]
) -> dict[tuple[Question, Grid], Track]:
    sources = {name: spec for case, _, _ in prepared for name, spec in case.sources.items()}
    open_ = {(question, grid): None for _, grid, asked in prepared for question in asked.questions}
    everything, done = sum(grid.count for _, grid in open_), 0

    def one_part(instants: int) -> None:
        nonlocal done
        done += instants
        told(done / everything)

    reader = PrometheusRanges(sources)
    try:
        return {(question, grid): _track(reader, question, grid, one_part) for question, grid in open_}
    finally:
        reader.close()


def _track(reader: PrometheusRanges, question: Question, grid: Grid, done: Callable[[int], None]) -> Track:
    track = Track(grid, question)
    try:
        for answer in reader.read(question, grid, done):
            track.add(answer)
    except AskError as error:
        source = question.source or "the source"
        raise PastError(f"{source} cannot tell the history: {error}; it was asked for {question.promql}") from error
    return track


def _played(
    case: Case, grid: Grid, asked: Wanted, read: Mapping[tuple[Question, Grid], Track], replicas: int | None
) -> Run:
    recalled = _recalled(grid, asked, read)
    return replay(
        label=case.label,
        spec=case.spec,
        recording=recalled.recording,
        replicas=recalled.replicas,
        ready=recalled.ready,
        start=replicas,
    )


def _recalled(grid: Grid, asked: Wanted, read: Mapping[tuple[Question, Grid], Track]) -> _Recalled:
    tracks = {question: read[question, grid] for question in asked.questions}
    nothing: list[int | None] = [None] * grid.count
    return _Recalled(
        Recording(asked.plan, tracks, grid),
        replicas=tracks[asked.replicas].numbers() if asked.replicas is not None else nothing,
        ready=tracks[asked.ready].numbers() if asked.ready is not None else nothing,
    )


def _looked_back(case: Case, recalled: _Recalled, now: datetime) -> Past:
    past = look_back(case.spec, recalled.recording, replicas=recalled.replicas, ready=recalled.ready)
    named = {metric.name: metric.source or case.default for metric in case.spec.metrics}
    asked = promql(case.spec, case.namespace, case.sources, case.default)
    reader = PrometheusRanges(case.sources)
    try:
        past.sampling = {
            name: [
                Sampling(interval, each.window, each.function)
                for each in selections(asked[name])
                if (interval := _interval(reader, source, each, now)) is not None
            ]
            for name, source in named.items()
            if source in case.sources
        }
    finally:
        reader.close()
    past.stale_after = {
        name: timedelta(seconds=case.sources[source].stale_after_seconds)
        for name, source in named.items()
        if source in case.sources
    }
    return past


def _interval(reader: PrometheusRanges, source: str, selection: Selection, now: datetime) -> timedelta | None:
    try:
        return interval_of(reader.samples(source, selection.selector, within=_SAMPLES_WITHIN, until=now))
    except AskError:
        return None  # more series than fit into an answer: how often they come is then not known
