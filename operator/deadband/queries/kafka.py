"""The `queue` recipe for Kafka: messages of a consumer group that nobody has read yet.

Series and labels (danielqsj/kafka_exporter README and exporter/exporter.go): kafka_consumergroup_lag and
kafka_consumergroup_current_offset {consumergroup, topic, partition}, kafka_topic_partition_current_offset and
kafka_topic_partition_oldest_offset {topic, partition}.

A lag of -1 has two meanings. With a current offset of -1 too the group has committed nothing in the partition: all
that the topic still has there waits, as a consumer with auto.offset.reset=earliest reads it. With a commit, the
group's offset was read a moment after the topic's, and nothing waits. A lag also counts messages that retention has
already deleted, so what the partition holds is the most that can wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deadband.api.conditions import Reason
from deadband.api.metrics import QueueMetric
from deadband.core.types import Absent, Reading
from deadband.queries.promql import Dialect, Matcher, marked, one_of
from deadband.queries.readings import single
from deadband.queries.types import Need, Series

UNKNOWN = "unknown"
"""Value of the label `part` for the partitions without a commit whose offsets the exporter does not show either."""

_PARTITION = "consumergroup,topic,partition"
_TOPICS = "on (topic,partition) group_left ()"


@dataclass(frozen=True, slots=True)
class KafkaRecipe:
    """Depth of consumer groups; one series for each, and a second one where some of its partitions are unknown.

    Where several series tell of one partition (two replicas of the exporter) the largest counts, not their sum. Two
    clusters that both have a group of the name need a source each.

    Attributes:
        by_topic: True when the needs name a topic; otherwise a group's partitions are added up over all topics.
    """

    by_topic: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """What names a group in the answer."""
        return ("consumergroup", "topic") if self.by_topic else ("consumergroup",)

    def place(self, need: Need) -> tuple[str, ...]:
        """The group, with its topic where that matters."""
        queue = _queue(need)
        return (queue.name, queue.topic or "") if self.by_topic else (queue.name,)

    def promql(self, needs: Sequence[Need], dialect: Dialect, *, named: bool = True) -> str:
        """Ask for the depth of these needs' groups, or of every group."""
        groups, topics = Matcher("consumergroup", "!=", ""), tuple[Matcher, ...]()
        if named:
            groups = one_of("consumergroup", (_queue(need).name for need in needs))
            if self.by_topic:
                topics = (one_of("topic", (_queue(need).topic or "" for need in needs)),)
        lag, commit = (
            f"max by ({_PARTITION}) ({dialect.instant(f'kafka_consumergroup_{name}', groups, *topics)})"
            for name in ("lag", "current_offset")
        )
        newest, oldest = (
            f"max by (topic,partition) ({dialect.instant(f'kafka_topic_partition_{name}_offset', *topics)})"
            for name in ("current", "oldest")
        )
        kept = f"({newest} - {oldest})"
        waits = f"clamp_min({lag} >= 0 or ({lag} and {commit} >= 0), 0)"
        partitions = " or ".join(
            (
                f"({waits} <= {_TOPICS} {kept})",
                f"(0 * {lag} + {_TOPICS} {kept})",
                waits,
                f"on ({_PARTITION}) {marked(lag, 'part', UNKNOWN)}",
            )
        )
        return f"sum by ({','.join(self.labels)},part) ({partitions})"

    def most(self, needs: Sequence[Need]) -> int:
        """Two series for every pairing of group and topic."""
        return 2 * len({_queue(need).name for need in needs}) * len({_queue(need).topic for need in needs})

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """What waits; Empty when no series has the group's name, Partial when a partition's part in it is unknown."""
        if any(row.labels.get("part") == UNKNOWN for row in rows):
            return Absent(
                Reason.PARTIAL,
                "the group has committed nothing in some partitions, and the exporter does not show their offsets",
            )
        return single(rows)


def _queue(need: Need) -> QueueMetric:
    assert need.metric.queue is not None
    return need.metric.queue
