"""Range queries to the MetricSources, cut so that no server refuses them: what commands read of the past."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from math import isclose

from deadband.adapters.kept_answers import KeptAnswers
from deadband.adapters.prometheus_answers import AskError, RejectedError, parse_answer, parse_ranges
from deadband.adapters.prometheus_connection import Connection, Reply, lookback_of
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import MOST_POINTS, Grid, RangeAnswered, RangeSeries
from deadband.queries.sampling import INTERVALS, MOST_JOBS, Sampling, learned, usage_jobs
from deadband.queries.types import Question, Series

SMALLEST_PART = 60
"""A server that cannot answer for so few instants cannot answer at all."""
FEW_SERIES = 20
"""Enough to tell how often something is scraped."""
OPEN_SECONDS = 3600
"""The last hour is never kept: samples still arrive, by remote write or out of order."""
_PROVEN = 20
"""So many instants of a kept answer are asked again before it is believed."""
_OK = 200
_SAME = 1e-9
"""Sums of binary floats differ in their last digits when a server adds in another order."""


class HistoryError(Exception):
    """A source does not exist, does not answer, or refuses a query; the message is one line and says which."""


class QueryRejectedError(HistoryError):
    """A source does not take a query.

    Attributes:
        verdict: What the reading's message would be.
    """

    def __init__(self, message: str, verdict: str) -> None:
        """Keep the verdict beside the message."""
        super().__init__(message)
        self.verdict = verdict


class PrometheusRanges:
    """Reads history, one query at a time. Blocking: for commands, never for the operator's loop."""

    def __init__(
        self,
        sources: Mapping[str, MetricSourceSpec],
        *,
        now: datetime,
        kept: KeptAnswers | None = None,
        points: int = MOST_POINTS,
    ) -> None:
        """Open no connection yet.

        Args:
            sources: By name.
            now: Aware UTC; what is within an hour of it is not kept.
            kept: Answers of before, to go on from; None: everything is asked.
            points: The most points that one query may ask for of a series.
        """
        self._specs = dict(sources)
        self._closed = int(now.timestamp()) - OPEN_SECONDS
        self._kept = kept
        self._points = min(points, MOST_POINTS)
        self._connections: dict[str, Connection] = {}

    def prove(self, wanted: Iterable[tuple[Question, Grid]]) -> None:
        """Ask every source whether it still says what is kept of it, and forget all of it where it does not.

        Another Prometheus may answer under the same URL (a port-forward to the next cluster), or the same one may have
        got samples since. The last instants of each kept answer tell: one that differs discredits the whole source.

        Args:
            wanted: Everything that will be read.

        Raises:
            HistoryError: As for `read`.
        """
        if self._kept is None:
            return
        asked = list(wanted)
        for source in dict.fromkeys(question.source for question, _ in asked):
            mine = [(question, grid) for question, grid in asked if question.source == source]
            if not all(self._still_says(self._kept, question, grid) for question, grid in mine):
                for question, _ in mine:
                    self._kept.forget(self._key(question))

    def read(self, question: Question, grid: Grid, done: Callable[[int], None]) -> Iterator[RangeAnswered]:
        """Read a whole grid in order, part by part: what is kept, and what has to be asked, which is kept at once.

        A part that is too much for the server (it times out, or would load too many samples) is halved.

        Args:
            question: What to ask; its limit is not sent, since a span has more series than any instant of it.
            grid: The instants; answers that were kept may have more.
            done: Told the number of instants after each part.

        Raises:
            HistoryError: The source cannot tell.
            OSError: There is no room to keep its answers.
        """
        kept = self._kept.parts(self._key(question), grid) if self._kept is not None else []
        for piece in sorted([*kept, *grid.without(kept)], key=lambda each: each.start):
            mine = piece.within(grid)
            assert mine is not None, "only what has instants of the grid is a piece of it"
            answer = self._remembered(question, piece) if piece in kept else None
            if answer is None:
                with _named(question):
                    yield from self._asked(question, mine, done)
            else:
                yield answer
                done(mine.count)

    def samples(self, source: str, selector: str, *, within: timedelta, until: datetime) -> tuple[RangeSeries, ...]:
        """The samples of a few series of a selector, at the times at which they were taken.

        Args:
            source: Name of the source.
            selector: An instant selector, without `offset` and `@`.
            within: How far back.
            until: The end, aware UTC.

        Raises:
            AskError: The source does not exist, does not answer, or has more series than fit.
        """
        seconds = int(within.total_seconds())
        form = {"query": f"{selector}[{seconds}s]", "time": str(int(until.timestamp())), "limit": str(FEW_SERIES)}
        reply = self._call(source, "/api/v1/query", form)
        return parse_ranges(reply.status, reply.body, Grid.between(until - within, until, seconds)).series

    def sampling(self, source: str, until: datetime) -> Sampling | None:
        """How often a source scraped in the minutes before an instant; None when it does not tell.

        Args:
            source: Name of the source.
            until: The instant, aware UTC.
        """
        try:
            intervals = self._instant(source, INTERVALS, until)
            return learned(intervals, self._instant(source, usage_jobs(self._specs[source]), until))
        except AskError:
            return None  # what is read with it will tell whether the source answers at all

    def _instant(self, source: str, promql: str, at: datetime) -> tuple[Series, ...]:
        form = {"query": promql, "time": str(int(at.timestamp())), "limit": str(MOST_JOBS)}
        reply = self._call(source, "/api/v1/query", form)
        return parse_answer(reply.status, reply.body, limit=MOST_JOBS).series

    def close(self) -> None:
        """Let go of the connections, and of what there is no room to keep."""
        for connection in self._connections.values():
            connection.close()
        if self._kept is not None:
            self._kept.trim()

    def _asked(self, question: Question, grid: Grid, done: Callable[[int], None]) -> Iterator[RangeAnswered]:
        pieces = grid.up_to(self._closed) if self._kept is not None else [grid]
        waiting = [part for piece in pieces for part in piece.parts(self._points)][::-1]
        while waiting:
            part = waiting.pop()
            try:
                reply = self._ask(question, part)
                answer = parse_ranges(reply.status, reply.body, part)
            except AskError as error:
                if error.blames_source or "bad_data" in str(error) or part.count <= SMALLEST_PART:
                    raise
                waiting += reversed(part.halves())
                continue
            # A warning says that something is missing, which may be there the next time.
            if self._kept is not None and part.end <= self._closed and not answer.warnings:
                self._kept.keep(self._key(question), part, reply.body)
            yield answer
            done(part.count)

    def _still_says(self, kept: KeptAnswers, question: Question, grid: Grid) -> bool:
        for part in kept.parts(self._key(question), grid):
            before, end = self._remembered(question, part), part.last(_PROVEN)
            with _named(question):
                reply = self._ask(question, end)
                today = parse_ranges(reply.status, reply.body, end)
            if before is not None and not _alike(before, today, end):
                return False
        return True

    def _remembered(self, question: Question, part: Grid) -> RangeAnswered | None:
        """A kept answer; None when it is damaged."""
        body = self._kept.load(self._key(question), part) if self._kept is not None else None
        try:
            return parse_ranges(_OK, body, part) if body is not None else None
        except AskError:
            return None

    def _key(self, question: Question) -> str:
        """Whatever decides on the answer, beside the instants."""
        spec = self._specs.get(question.source)
        asked = {"url", "auth", "headers", "query_parameters", "stale_after_seconds"}
        told = spec.model_dump_json(include=asked) if spec else ""
        return sha256(f"{told}\n{question.promql}".encode()).hexdigest()

    def _ask(self, question: Question, grid: Grid) -> Reply:
        form = {"query": question.promql, "start": str(grid.start), "end": str(grid.end), "step": str(grid.step)}
        return self._call(question.source, "/api/v1/query_range", form)

    def _call(self, source: str, path: str, form: Mapping[str, str]) -> Reply:
        spec = self._specs.get(source)
        if spec is None:
            raise AskError(Reason.SOURCE_NOT_FOUND, f"MetricSource {source} does not exist")
        if source not in self._connections:
            self._connections[source] = Connection(spec)
        limits = {"timeout": f"{spec.timeout_seconds}s", **lookback_of(spec.stale_after_seconds)}
        return self._connections[source].ask(path, {**form, **limits})


@contextmanager
def _named(question: Question) -> Iterator[None]:
    """Say of a refusal who was asked for what."""
    try:
        yield
    except AskError as error:
        source = question.source or "the source"
        message = f"{source} cannot tell the history: {error}; it was asked for {question.promql}"
        if isinstance(error, RejectedError):
            raise QueryRejectedError(message, str(error)) from error
        raise HistoryError(message) from error


_Points = dict[tuple[tuple[tuple[str, str], ...], int], Fraction | None]


def _alike(one: RangeAnswered, other: RangeAnswered, grid: Grid) -> bool:
    """Whether two answers say the same of these instants."""
    ours, theirs = _points(one, grid), _points(other, grid)
    return ours.keys() == theirs.keys() and all(_close(value, theirs[place]) for place, value in ours.items())


def _points(answer: RangeAnswered, grid: Grid) -> _Points:
    return {
        (tuple(sorted(series.labels.items())), index): value
        for series in answer.series
        for at, value in series.points
        if 0 <= (index := grid.index(at)) < grid.count
    }


def _close(one: Fraction | None, other: Fraction | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=_SAME)
