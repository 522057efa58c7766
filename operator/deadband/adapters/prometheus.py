"""The Prometheus servers: the port Metrics over HTTP. Blocking calls run in threads, never on the event loop.

Each source has its own threads, connections, circuit breaker and figures, so that one which hangs delays no other.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

from deadband.adapters.credentials import NONE, CredentialsError, SecretReader, SourceCredentials
from deadband.adapters.prometheus_answers import AskError, is_of_another_time, parse_answer, parse_version
from deadband.adapters.prometheus_connection import Connection, lookback_of
from deadband.adapters.prometheus_health import Breaker, SourceHealth, Vitals
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.sampling import INTERVALS, MOST_JOBS, Sampling, learned, usage_jobs
from deadband.queries.types import Answer, Answered, Failed, Question

_LEARN_EVERY_SECONDS = 3600.0
_BEYOND = timedelta(seconds=90)
"""How far ahead of the last samples a lookback is probed: more than a scrape interval, less than five minutes."""
_CLOCKS_DIFFER_SECONDS = 60
"""How far the clocks may be apart where staleAfterSeconds says nothing."""
_LEARN_AGAIN_SECONDS = 30.0
"""How soon the scrape interval is looked for again while it is not known."""
_READING = threading.Lock()
"""One answer is unpacked at a time, of all sources: the interpreter would not do two at once anyway, and memory is
needed for one only."""


class QueryObserver(Protocol):
    """Who counts queries."""

    def queried(self, source: str, seconds: float, outcome: str) -> None:
        """One query was sent: how long it took, and "ok" or the reason it has no answer.

        Called from several threads; cheap, never raises.
        """


class PrometheusMetrics:
    """Asks the MetricSources. Every method but `ask` returns at once; all belong to the event loop's thread."""

    def __init__(
        self,
        observer: QueryObserver,
        *,
        secrets: SecretReader | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start without sources.

        Args:
            observer: Counts queries.
            secrets: Reads what sources name for `auth` and `tls`; None: such sources fail.
            clock: Monotonic seconds.
            now: Wall clock, with which the clocks of sources are compared.
        """
        self._observer = observer
        self._secrets = secrets
        self._clock = clock
        self._now = now
        self._sources: dict[str, _Source] = {}

    def update_sources(self, sources: Mapping[str, MetricSourceSpec]) -> None:
        """Take the sources as they are now; one whose spec is unchanged keeps its connections and figures."""
        for name in [name for name, source in self._sources.items() if source.spec != sources.get(name)]:
            self._sources.pop(name).close()
        for name, spec in sources.items():
            if name not in self._sources:
                self._sources[name] = _Source(
                    name, spec, SourceCredentials(spec, self._secrets), self._observer, self._clock, self._now
                )

    async def ask(self, questions: Sequence[Question], *, at: datetime) -> Mapping[Question, Answer]:
        """Answer every question as of `at`; a failure is an answer (Failed), never an exception."""
        by_source: dict[str, list[Question]] = {}
        for question in dict.fromkeys(questions):
            by_source.setdefault(question.source, []).append(question)
        answered = await asyncio.gather(*(self._ask(source, asked, at) for source, asked in by_source.items()))
        return {question: answer for answers in answered for question, answer in answers.items()}

    def health(self, source: str) -> SourceHealth:
        """What is known of a source; nothing when it was never asked or does not exist."""
        known = self._sources.get(source)
        return SourceHealth() if known is None else known.vitals.health()

    def close(self) -> None:
        """Let go of threads and connections; queries under way end by their timeout."""
        self.update_sources({})

    async def _ask(self, source: str, questions: Sequence[Question], at: datetime) -> Mapping[Question, Answer]:
        known = self._sources.get(source)
        if known is None:
            missing = Failed(Reason.SOURCE_NOT_FOUND, f"MetricSource {source} does not exist")
            return dict.fromkeys(questions, missing)
        return await known.ask(questions, at)


class _Source:
    """One source: at most maxConcurrentQueries threads, and what is remembered of it."""

    def __init__(
        self,
        name: str,
        spec: MetricSourceSpec,
        credentials: SourceCredentials,
        observer: QueryObserver,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self.spec = spec
        self.vitals = Vitals(clock)
        self._name = name
        self._observer = observer
        self._clock = clock
        self._now = now
        self._credentials = credentials
        self._shown = NONE
        self._connection = Connection(spec, clock=clock)
        self._breaker = Breaker(clock=clock)
        self._threads = ThreadPoolExecutor(spec.max_concurrent_queries, thread_name_prefix=f"ask-{name}")
        self._learned: float | None = None
        self._learning: asyncio.Task[None] | None = None
        self._closed = False

    async def ask(self, questions: Sequence[Question], at: datetime) -> dict[Question, Answer]:
        try:
            await self._connect()
        except CredentialsError as error:
            failure = Failed(Reason.ERROR, str(error))
            self.vitals.not_asked(failure, at=at)
            return dict.fromkeys(questions, failure)
        answers: dict[Question, Answer] = {}
        waiting = list(questions)
        if self._breaker.is_open:
            # The probe goes alone: were the others refused meanwhile, a source that is back would cost them a tick.
            probe = waiting.pop(0)
            answers[probe] = await self._one(probe, at)
        answers.update(zip(waiting, await asyncio.gather(*(self._one(each, at) for each in waiting)), strict=True))
        self._learn_when_due(at)
        return answers

    def close(self) -> None:
        self._closed = True
        self._threads.submit(self._connection.close)
        self._threads.shutdown(wait=False)

    async def _connect(self) -> None:
        """Connect anew when a Secret changed; queries under way end on the old connection."""
        credentials = await self._credentials.current()
        if credentials is self._shown or self._closed:
            return
        old, self._connection, self._shown = (
            self._connection,
            Connection(self.spec, credentials, clock=self._clock),
            credentials,
        )
        self._threads.submit(old.close)

    async def _one(self, question: Question, at: datetime) -> Answer:
        if self._closed:
            return Failed(Reason.ERROR, "the source was changed while it was asked")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._query, question, at)

    def _query(self, question: Question, at: datetime) -> Answer:
        """In a thread: ask, and take down what came of it even when nobody waits for the answer any more."""
        refusal = self._breaker.refusal()
        if refusal is not None:
            return refusal
        started = self._clock()
        try:
            answer = self._instant(question.promql, at, question.limit, lookback_of(self.spec.stale_after_seconds))
        except AskError as error:
            failure = Failed(error.reason, str(error))
            self._took(self._clock() - started, failure, at, blamed=error.blames_source)
            return failure
        self._took(self._clock() - started, None, at, blamed=False)
        return answer

    def _took(self, seconds: float, failure: Failed | None, at: datetime, *, blamed: bool) -> None:
        if failure is not None and blamed:
            self._breaker.failed(failure)
        else:
            self._breaker.succeeded()
        self.vitals.record(seconds, failure, reachable=not blamed, at=at)
        self._observer.queried(self._name, seconds, "ok" if failure is None else failure.reason.value)

    def _instant(self, promql: str, at: datetime, limit: int, lookback: Mapping[str, str]) -> Answered:
        form = {
            "query": promql,
            "time": f"{at.timestamp():.3f}",
            "timeout": f"{self.spec.timeout_seconds}s",
            "limit": str(limit),
            **lookback,
        }
        reply = self._connection.ask("/api/v1/query", form)
        with _READING:
            answered = parse_answer(reply.status, reply.body, limit=limit)
        tolerance = self.spec.stale_after_seconds or _CLOCKS_DIFFER_SECONDS
        if is_of_another_time(reply.date, now=self._now(), tolerance=timedelta(seconds=tolerance)):
            message = f"the clocks of deadband and of the source differ by more than {tolerance} s"
            raise AskError(Reason.STALE, message, blames_source=False)
        return answered

    def _learn_when_due(self, at: datetime) -> None:
        rest = _LEARN_EVERY_SECONDS if self.vitals.sampling is not None else _LEARN_AGAIN_SECONDS
        due = self._learned is None or self._clock() - self._learned >= rest
        if due and self.vitals.reachable and not self._closed:
            self._learned = self._clock()
            self._learning = asyncio.create_task(self._learn(at), name=f"learn {self._name}")

    async def _learn(self, at: datetime) -> None:
        """Ask for the version and the scrape interval, and until it is known whether the lookback is honored."""
        if self._closed:  # replaced before this task had its first turn
            return
        loop = asyncio.get_running_loop()
        self.vitals.sampling = await loop.run_in_executor(self._threads, self._sampling, at) or self.vitals.sampling
        if self._closed:
            return
        self.vitals.version = await loop.run_in_executor(self._threads, self._version) or self.vitals.version
        if self.vitals.ignores_lookback is None and not self._closed:
            self.vitals.ignores_lookback = await loop.run_in_executor(self._threads, self._ignores_lookback, at)

    def _version(self) -> str | None:
        try:
            reply = self._connection.call("GET", "/api/v1/status/buildinfo")
        except AskError:
            return None  # a backend without it is not worse; the status shows no version
        return parse_version(reply.status, reply.body)

    def _sampling(self, at: datetime) -> Sampling | None:
        try:
            intervals = self._instant(INTERVALS, at, MOST_JOBS, {})
            usage = self._instant(usage_jobs(self.spec), at, MOST_JOBS, {})
        except AskError:
            return None  # looked for again soon; until then rates look back as if it were slow
        return learned(intervals.series, usage.series)

    def _ignores_lookback(self, at: datetime) -> bool | None:
        """Ask past the newest sample with a short lookback: who answers has looked back further than told.

        None when there is no `up` series to try it on, or no answer.
        """
        try:
            if not self._instant("count(up)", at, 2, lookback_of(300)).series:
                return None
            return bool(self._instant("count(up)", at + _BEYOND, 2, lookback_of(1)).series)
        except AskError:
            return None
