"""Range queries to the MetricSources, cut so that no server refuses them: what `deadband simulate` reads."""

from collections.abc import Callable, Iterator, Mapping

from deadband.adapters.prometheus_answers import AskError, parse_ranges
from deadband.adapters.prometheus_connection import Connection
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.ranges import MOST_POINTS, Grid, RangeAnswered
from deadband.queries.types import Question

SMALLEST_PART = 60
"""A server that cannot answer for so few instants cannot answer at all."""


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

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._connections.values():
            connection.close()

    def _ask(self, question: Question, grid: Grid) -> RangeAnswered:
        spec = self._specs.get(question.source)
        if spec is None:
            raise AskError(Reason.SOURCE_NOT_FOUND, f"MetricSource {question.source} does not exist")
        if question.source not in self._connections:
            self._connections[question.source] = Connection(spec)
        form = {
            "query": question.promql,
            "start": str(grid.start),
            "end": str(grid.end),
            "step": str(grid.step),
            "timeout": f"{spec.timeout_seconds}s",
            "lookback_delta": f"{spec.stale_after_seconds}s",
            "max_lookback": f"{spec.stale_after_seconds}s",  # VictoriaMetrics's name for it
        }
        reply = self._connections[question.source].call("POST", "/api/v1/query_range", form)
        return parse_ranges(reply.status, reply.body, grid)
