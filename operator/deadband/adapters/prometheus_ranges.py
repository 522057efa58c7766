"""Range queries to the MetricSources, cut so that no server refuses them: what commands read of the past."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from deadband.adapters.prometheus_answers import AskError, parse_ranges
from deadband.adapters.prometheus_connection import Connection
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import MOST_POINTS, Grid, RangeAnswered, RangeSeries
from deadband.queries.types import Question

SMALLEST_PART = 60
"""A server that cannot answer for so few instants cannot answer at all."""

FEW_SERIES = 20
"""Enough to tell how often something is scraped."""


class PrometheusRanges:
    """Reads history, one query at a time. Blocking: for commands, never for the operator's loop."""

    def __init__(self, sources: Mapping[str, MetricSourceSpec], *, points: int = MOST_POINTS) -> None:
        """Take the sources by name, and the most points that one query may ask for of a series."""
        self._specs = dict(sources)
        self._points = min(points, MOST_POINTS)
        self._connections: dict[str, Connection] = {}

    def read(self, question: Question, grid: Grid, done: Callable[[int], None]) -> Iterator[RangeAnswered]:
        """Ask for a whole grid, part by part.

        A part that is too much for the server (it times out, or would load too many samples) is halved.

        Args:
            question: What to ask; its limit is not sent, since a span has more series than any instant of it.
            grid: The instants.
            done: Told the number of instants after each part.

        Raises:
            AskError: The source does not exist, does not answer, or refuses the query.
        """
        waiting = list(grid.parts(self._points))[::-1]
        while waiting:
            part = waiting.pop()
            try:
                answer = self._ask(question, part)
            except AskError as error:
                if error.blames_source or "bad_data" in str(error) or part.count <= SMALLEST_PART:
                    raise
                waiting += reversed(part.halves())
                continue
            yield answer
            done(part.count)

    def samples(self, source: str, selector: str, *, within: timedelta, until: datetime) -> tuple[RangeSeries, ...]:
        """The samples of a few series of a selector, at the times at which they were taken.

        Args:
            source: Name of the source.
            selector: An instant selector, without `offset` and `@`.
            within: How far back.
            until: The end, aware UTC.

        Raises:
            AskError: As `read`.
        """
        seconds = int(within.total_seconds())
        form = {
            "query": f"{selector}[{seconds}s]",
            "time": str(int(until.timestamp())),
            "limit": str(FEW_SERIES),
        }
        at = Grid.between(until - within, until, seconds)
        return self._call(source, "/api/v1/query", form, at).series

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._connections.values():
            connection.close()

    def _ask(self, question: Question, grid: Grid) -> RangeAnswered:
        form = {
            "query": question.promql,
            "start": str(grid.start),
            "end": str(grid.end),
            "step": str(grid.step),
        }
        return self._call(question.source, "/api/v1/query_range", form, grid)

    def _call(self, source: str, path: str, form: Mapping[str, str], grid: Grid) -> RangeAnswered:
        spec = self._specs.get(source)
        if spec is None:
            raise AskError(Reason.SOURCE_NOT_FOUND, f"MetricSource {source} does not exist")
        if source not in self._connections:
            self._connections[source] = Connection(spec)
        limits = {"timeout": f"{spec.timeout_seconds}s", "lookback_delta": f"{spec.stale_after_seconds}s"}
        reply = self._connections[source].call("POST", path, {**form, **limits})
        return parse_ranges(reply.status, reply.body, grid)
