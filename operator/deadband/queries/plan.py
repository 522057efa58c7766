"""Few questions for many needs: grouping, scoping and splitting (architecture, decision 2). Pure: asks nothing itself.

Needs of one source with equal recipes share questions. Up to 200 places a question names those it asks for, in chunks
of about 50; above that one question asks for the whole group, and names namespaces at most, because what a query costs
is what it selects. Places, not needs: many policies may ask for one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.core.types import Absent, Reading, Sample
from deadband.queries.layout import laid_out
from deadband.queries.pods import PodsRecipe
from deadband.queries.promql import Dialect
from deadband.queries.raw import RawRecipe
from deadband.queries.readings import is_stale, unusable
from deadband.queries.recipes import Recipe, recipe_for
from deadband.queries.resource import UNCLEAR, ResourceRecipe
from deadband.queries.types import Answer, Answered, Key, Need, Question, Series

SCOPED_UP_TO = 200
"""Places; above this they are not named, and one question asks for them all."""
CHUNK = 50
"""Places in one question, unless one namespace alone has more: splitting that would read its series again."""
WHOLE_GROUP_LIMIT = 200_000
"""Series of a whole group's answer: 20,000 workloads have up to 80,000."""


NOTHING = Absent(Reason.NOT_MEASURED, "the source shows none of the workloads: is kube-state-metrics scraped?")
"""The reading of every workload of a large group when the answer is empty: not one second look for each of them."""


_Member = tuple[tuple[str, ...], Need]
"""A need after its place in the answer."""


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Needs that one question answers."""

    question: Question
    recipe: Recipe
    members: tuple[_Member, ...]
    stale_after: timedelta | None

    def read(self, answer: Answer | None, *, now: datetime) -> Iterator[tuple[Key, Reading]]:
        """Split the answer to the question among the members; without one they read Error."""
        rows = self._index(answer)
        refused = unusable(answer, limit=self.question.limit)
        if isinstance(self.recipe, RawRecipe) and isinstance(answer, Answered) and len(answer.series) > 1:
            # The limit cuts such an answer and Prometheus warns of it: the fault is the query's, not the server's.
            refused = None
        for place, need in self.members:
            mine = rows.get(place, [])
            if refused is not None:
                yield need.key, refused
            elif self.whole and not rows and isinstance(self.recipe, ResourceRecipe):
                yield need.key, NOTHING
            elif self.stale_after is not None and is_stale(mine, now=now, after=self.stale_after):
                yield need.key, Absent(Reason.STALE, f"the source answers with values older than {self.stale_after}")
            else:
                yield need.key, self.recipe.read(need, mine)

    @property
    def whole(self) -> bool:
        """Whether the question asks for a whole group, and names nothing one by one."""
        return self.question.limit == WHOLE_GROUP_LIMIT

    def _index(self, answer: Answer | None) -> dict[tuple[str, ...], list[Series]]:
        rows: dict[tuple[str, ...], list[Series]] = defaultdict(list)
        if isinstance(answer, Answered):
            labels = self.recipe.labels
            for series in answer.series:
                rows[tuple(series.labels.get(label, "") for label in labels)].append(series)
        return rows


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of one tick and how their answers are split.

    Attributes:
        questions: Distinct; the same needs give the same questions in the same order.
        groups: Which needs each question answers.
        refused: Readings of the needs that are not asked at all.
    """

    questions: tuple[Question, ...]
    groups: tuple[PlanGroup, ...]
    refused: Mapping[Key, Absent]

    def unclear(
        self, readings: Mapping[Key, Reading], doubted: Callable[[Need], bool] = lambda _need: False
    ) -> list[Need]:
        """The needs that a second look must settle (`closer`).

        Args:
            readings: What `read` returned.
            doubted: Whether a number of the first look is to be looked at again all the same; asked for every need of
                a first look.
        """
        return [
            need
            for group in self.groups
            if isinstance(group.recipe, ResourceRecipe)
            for _, need in group.members
            if (doubted(need) and isinstance(readings[need.key], Sample)) or readings[need.key] is UNCLEAR
        ]

    def read(self, answers: Mapping[Question, Answer], *, now: datetime) -> dict[Key, Reading]:
        """Split the answers.

        Args:
            answers: By question; a question without an answer reads Error.
            now: The time at which the questions were asked, aware UTC.

        Returns:
            A reading for every need that was planned, in the unit of its metric; never one that is missing.
        """
        readings: dict[Key, Reading] = dict(self.refused)
        for group in self.groups:
            readings.update(group.read(answers.get(group.question), now=now))
        return readings


def plan(needs: Sequence[Need], sources: Mapping[str, MetricSourceSpec]) -> Plan:
    """Group needs into questions.

    Args:
        needs: In any order; keys are distinct.
        sources: By name. A need whose source is not there reads SourceNotFound, one whose source does not allow raw
            queries reads Error; neither is asked.
    """
    refused: dict[Key, Absent] = {}
    grouped: dict[tuple[str, Recipe], list[Need]] = defaultdict(list)
    for need in needs:
        source = sources.get(need.source)
        recipe = _not_found(need) if source is None else recipe_for(need, source)
        if isinstance(recipe, Absent):
            refused[need.key] = recipe
        else:
            grouped[need.source, recipe].append(need)
    return _planned(grouped, sources, refused)


def closer(needs: Sequence[Need], sources: Mapping[str, MetricSourceSpec]) -> Plan:
    """Plan the second look at needs that the first one left unclear (`Plan.unclear`), pod by pod.

    Args:
        needs: Of `resource` recipes, whose sources exist.
        sources: By name.
    """
    grouped: dict[tuple[str, Recipe], list[Need]] = defaultdict(list)
    for need in needs:
        first = recipe_for(need, sources[need.source])
        assert isinstance(first, ResourceRecipe), "nothing else is unclear"
        grouped[need.source, PodsRecipe.of(first, Dialect.of(sources[need.source]))].append(need)
    return _planned(grouped, sources, {})


def _planned(
    grouped: Mapping[tuple[str, Recipe], Sequence[Need]],
    sources: Mapping[str, MetricSourceSpec],
    refused: Mapping[Key, Absent],
) -> Plan:
    groups = tuple(
        group
        for (source, recipe), members in grouped.items()
        for group in _groups(source, sources[source], recipe, members)
    )
    return Plan(tuple(dict.fromkeys(group.question for group in groups)), groups, refused)


def describe(need: Need, source_spec: MetricSourceSpec) -> str:
    """Write the PromQL, over several lines, whose value is this need's reading when it is asked alone.

    For the `resource` recipe that is the percentage; the plan asks for its numerator and denominator instead, to tell
    NoRequests from Empty and to judge how much of the whole is measured. A need that cannot be asked gives a comment.
    """
    dialect = Dialect.of(source_spec)
    match recipe_for(need, source_spec):
        case Absent(message=message):
            return f"# {message}"
        case ResourceRecipe() as recipe:
            return laid_out(recipe.percentage(need, dialect))
        case RawRecipe(text=text):
            return text
        case recipe:
            return laid_out(recipe.promql([need], dialect))


def _not_found(need: Need) -> Absent:
    return Absent(Reason.SOURCE_NOT_FOUND, f"MetricSource {need.source} does not exist")


def _groups(name: str, source: MetricSourceSpec, recipe: Recipe, needs: Sequence[Need]) -> Iterator[PlanGroup]:
    dialect = Dialect.of(source)
    stale_after = timedelta(seconds=source.stale_after_seconds) if source.stale_after_seconds else None
    members = sorted(((recipe.place(need), need) for need in needs), key=itemgetter(0))
    by_place = [need for _, need in members]
    if isinstance(recipe, RawRecipe):
        question = Question(name, recipe.text, recipe.most(by_place))
        yield PlanGroup(question, recipe, tuple(members), stale_after)
    elif len({place for place, _ in members}) > SCOPED_UP_TO and not isinstance(recipe, PodsRecipe):
        question = Question(name, recipe.promql(by_place, dialect, named=False), WHOLE_GROUP_LIMIT)
        yield PlanGroup(question, recipe, tuple(members), stale_after)
    else:
        for chunk in _chunks(members):
            asked = [need for _, need in chunk]
            # An answer that reaches its limit counts as cut, so the limit is one more than can come.
            question = Question(name, recipe.promql(asked, dialect), recipe.most(asked) + 1)
            yield PlanGroup(question, recipe, tuple(chunk), stale_after)


def _chunks(members: Sequence[_Member]) -> Iterator[list[_Member]]:
    """Pack whole namespaces (the first part of a place) until a chunk is full."""
    chunk: list[_Member] = []
    places = 0
    for _, namespace in groupby(members, key=lambda member: member[0][:1]):
        together = list(namespace)
        added = len({place for place, _ in together})
        if chunk and places + added > CHUNK:
            yield chunk
            chunk, places = [], 0
        chunk.extend(together)
        places += added
    if chunk:
        yield chunk
