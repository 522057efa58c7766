"""What Prometheus recorded: read once for all policies, then each one's play, or a look back at it.

Imports the Prometheus client: only by commands that read history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from deadband.adapters.kept_answers import KeptAnswers
from deadband.adapters.prometheus_answers import AskError
from deadband.adapters.prometheus_ranges import HistoryError, PrometheusRanges, QueryRejectedError
from deadband.advice.past import Past, Sampling, interval_of, look_back
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.cli.asked import promql
from deadband.cli.cases import Case
from deadband.queries.plan import closer
from deadband.queries.ranges import Grid
from deadband.queries.sampling import OWN_LOOKBACK
from deadband.queries.selections import Selection, selections
from deadband.queries.types import Failed, Question
from deadband.scenario.recorded.recording import Recording, SecondLook, Track
from deadband.scenario.recorded.replay import Ran, replay
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

_Tracks = Mapping[tuple[Question, Grid], Track]


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
    grids = [span.grid(case.spec) for case in cases]  # before anything is asked: a span may be too long
    prepared = [
        (case, grid, wanted(case.spec, case.namespace, case.sources, case.default))
        for case, grid in zip(_following(cases, span.end), grids, strict=True)
    ]
    read = _read(prepared, kept, told)
    playing = _Share(told, "Playing", sum(grid.count for _, grid, _ in prepared))
    return [_played(case, each, replicas, playing) for (case, _, _), each in zip(prepared, read, strict=True)]


class _Share:
    """Adds instants up and tells which share of all they are."""

    def __init__(self, told: Told, stage: str, everything: int) -> None:
        self._told, self._stage, self._everything = told, stage, everything
        self.done = 0

    def add(self, instants: int) -> None:
        self.done += instants
        self._told(self._stage, self.done / self._everything)


def _following(cases: Sequence[Case], until: datetime) -> list[Case]:
    """The same policies, with rate windows that follow how often their sources scrape, as the operator's do."""
    known: dict[str, int | None] = {}

    def interval(spec: MetricSourceSpec) -> int | None:
        key = spec.model_dump_json()
        if spec.rate_window_seconds is None and key not in known:
            reader = PrometheusRanges({"": spec}, now=until)
            sampling = reader.sampling("", until)
            reader.close()
            known[key] = sampling.interval if sampling is not None else None
        return known.get(key)

    return [
        replace(case, sources={name: spec.following(interval(spec)) for name, spec in case.sources.items()})
        for case in cases
    ]


def recall(cases: Sequence[Case], *, now: datetime, told: Told) -> list[Past]:
    """Look back at the last seven days of every policy, once a minute.

    A query that its source rejects reads Error throughout, as it does live.

    Args:
        cases: What to look at.
        now: Where the seven days end.
        told: As for `play_all`.

    Raises:
        PastError: A source does not answer.
    """
    grid = Grid.between(now - LOOKED_BACK, now, _LOOK_EVERY_SECONDS)
    prepared = [
        (case, grid, wanted(case.spec, case.namespace, case.sources, case.default, measured=case.measured))
        for case in _following(cases, now)
    ]
    read = _read(prepared, None, told, rejected_reads_error=True)
    return [_looked_back(case, each, now) for (case, _, _), each in zip(prepared, read, strict=True)]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one policy's history."""

    recording: Recording
    ran: Ran


def _read(
    prepared: Sequence[tuple[Case, Grid, Wanted]],
    kept: KeptAnswers | None,
    told: Told,
    *,
    rejected_reads_error: bool = False,
) -> list[_Read]:
    sources = {name: spec for case, _, _ in prepared for name, spec in case.sources.items()}
    open_ = list(dict.fromkeys((question, grid) for _, grid, asked in prepared for question in asked.questions))
    reading = _Share(told, "Reading history", sum(grid.count for _, grid in open_))
    reader = PrometheusRanges(sources, now=datetime.now(UTC), kept=kept)
    try:
        reader.prove(open_)
        track = _track_or_error if rejected_reads_error else _track
        tracks = {(question, grid): track(reader, question, grid, reading.add) for question, grid in open_}
        return [_complete(reader, case, grid, asked, tracks) for case, grid, asked in prepared]
    except HistoryError as error:
        goes_on = "; what was read is kept: the same command goes on from there" if kept and reading.done else ""
        raise PastError(f"{error}{goes_on}") from error
    except OSError as error:
        raise PastError(
            f"the answers cannot be kept: {error.strerror or error}; give --cache another folder"
        ) from error
    finally:
        reader.close()


def _track(reader: PrometheusRanges, question: Question, grid: Grid, done: Callable[[int], None]) -> Track:
    track = Track(grid, question)
    for answer in reader.read(question, grid, done):
        track.add(answer)
    return track


def _track_or_error(reader: PrometheusRanges, question: Question, grid: Grid, done: Callable[[int], None]) -> Track:
    try:
        return _track(reader, question, grid, done)
    except QueryRejectedError as error:
        track = Track(grid, question)
        track.failed = Failed(Reason.ERROR, error.verdict)
        return track


def _complete(reader: PrometheusRanges, case: Case, grid: Grid, asked: Wanted, tracks: _Tracks) -> _Read:
    """Look at pods one by one at the instants at which the sums leave doubt, as the operator does."""
    mine = {question: tracks[question, grid] for question in asked.questions}
    second = {}
    for need, spans in Recording(asked.plan, mine, grid).unclear().items():
        highest = case.spec.highest_threshold(need.key.name)
        (group,) = closer([replace(need, highest=highest)], asked.sources).groups
        read = [(span, _track(reader, group.question, span, lambda _: None)) for span in spans]
        second[need.key.name] = SecondLook(group, read)
    return _Read(Recording(asked.plan, mine, grid, second), _ran(grid, asked, tracks))


def _played(case: Case, read: _Read, replicas: int | None, playing: _Share) -> Run:
    return replay(
        label=case.label,
        spec=case.spec,
        recording=read.recording,
        ran=read.ran,
        start=replicas,
        played=playing.add,
    )


def _ran(grid: Grid, asked: Wanted, read: _Tracks) -> Ran:
    nothing: list[int | None] = [None] * grid.count
    return Ran(
        read[asked.replicas, grid].numbers() if asked.replicas is not None else nothing,
        read[asked.ready, grid].numbers() if asked.ready is not None else nothing,
    )


def _looked_back(case: Case, read: _Read, now: datetime) -> Past:
    past = look_back(case.spec, read.recording, replicas=read.ran.replicas, ready=read.ran.ready)
    named = {metric.name: metric.source or case.default for metric in case.spec.metrics}
    texts = promql(case.spec, case.namespace, case.sources, case.default, measured=case.measured)
    reader = PrometheusRanges(case.sources, now=now)
    try:
        past.sampling = {
            name: [
                Sampling(interval, each.window, each.function)
                for each in selections(texts[name])
                if (interval := _interval(reader, source, each, now)) is not None
            ]
            for name, source in named.items()
            if source in case.sources
        }
    finally:
        reader.close()
    if case.spec.moves is not None and case.measured is None:
        past.unasked = frozenset(metric.name for metric in case.spec.metrics if metric.resource is not None)
    past.stale_after = {
        name: timedelta(seconds=case.sources[source].stale_after_seconds or OWN_LOOKBACK)
        for name, source in named.items()
        if source in case.sources
    }
    return past


def _interval(reader: PrometheusRanges, source: str, selection: Selection, now: datetime) -> timedelta | None:
    try:
        return interval_of(reader.samples(source, selection.selector, within=_SAMPLES_WITHIN, until=now))
    except AskError:
        return None  # more series than fit into an answer: how often they come is then not known
