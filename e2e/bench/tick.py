"""Measure plan, parse, decide and status of one tick over many policies, grouped against one query per metric."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from deadband.adapters.prometheus_answers import parse_answer
from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.core.decide import decide
from deadband.core.status import change, next_status
from deadband.core.types import Inputs, Target
from deadband.engine.turn import Memory
from deadband.queries.plan import Plan, plan
from deadband.queries.types import Answer, Key, Need, Question

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SOURCES = {"main": MetricSourceSpec(url="http://prometheus:9090")}
METRICS = ("cpu", "memory")
PER_NAMESPACE = 50
OK = 200


def policy(name: str) -> ScalingPolicySpec:
    """The first row of the program's table."""
    return ScalingPolicySpec.model_validate(
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 20,
            "metrics": [{"name": metric, "resource": {"name": metric}} for metric in METRICS],
            "scaleUp": {"anyOf": [{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}]},
            "scaleDown": {"allOf": [{"metric": "cpu", "below": 20}]},
        }
    )


class Fleet:
    """So many policies in the band, as an operator remembers them."""

    def __init__(self, count: int) -> None:
        """Make them; this is not measured."""
        self.specs = {f"w{index}": policy(f"w{index}") for index in range(count)}
        self.memories = {name: Memory.of(None) for name in self.specs}
        self._bodies: dict[Question, bytes] = {}
        self.needs = [
            Need(Key(name, metric.name), _namespace(name), metric, spec.scale_target_ref, "main")
            for name, spec in self.specs.items()
            for metric in spec.metrics
        ]

    def grouped(self) -> int:
        """One tick as the operator does it; returns the number of questions."""
        planned = plan(self.needs, SOURCES)
        self._decide(planned)
        return len(planned.questions)

    def read(self) -> int:
        """The part of a tick up to the readings."""
        planned = plan(self.needs, SOURCES)
        planned.read(self._answers(planned), now=NOW)
        return len(planned.questions)

    def alone(self) -> int:
        """The same part with a question for each metric of each policy."""
        plans = [plan([need], SOURCES) for need in self.needs]
        for planned in plans:
            planned.read(self._answers(planned), now=NOW)
        return sum(len(planned.questions) for planned in plans)

    def _answers(self, planned: Plan) -> Mapping[Question, Answer]:
        """Parse the answers; their bytes are made in the first round, which does not count."""
        if planned.questions[0] not in self._bodies:
            self._bodies |= {group.question: _body(group.needs) for group in planned.groups}
        return {one: parse_answer(OK, self._bodies[one], limit=one.limit) for one in planned.questions}

    def _decide(self, planned: Plan) -> None:
        readings = planned.read(self._answers(planned), now=NOW)
        for name, spec in self.specs.items():
            memory = self.memories[name]
            inputs = Inputs(
                spec=spec,
                status=memory.status,
                readings={metric: readings[Key(name, metric)] for metric in METRICS},
                now=NOW,
                target=Target(replicas=4, ready=4, available=4),
                generation=1,
            )
            decision = decide(inputs)
            assert decision.reason is Reason.WITHIN_BAND, f"{decision.sentence} is not what is measured"
            status = next_status(inputs, decision)
            change(memory.written, status)
            memory.status = memory.written = status


def _namespace(name: str) -> str:
    return f"n{int(name[1:]) // PER_NAMESPACE}"


def _body(needs: Iterable[Need]) -> bytes:
    """An answer that says 45 % for everything that is asked for."""
    result = [
        {
            "metric": {"namespace": need.namespace, "workload": need.key.policy, "part": part},
            "value": [NOW.timestamp(), value],
        }
        for need in needs
        for part, value in (("used", "0.9"), ("measured", "2"))
    ]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def cpu_seconds(work: Callable[[], int], rounds: int) -> tuple[float, int]:
    """Median CPU seconds of this process over some rounds, and what the work returns."""
    questions = work()
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return statistics.median(spent), questions


@click.command()
@click.option("--policies", multiple=True, type=int, default=(100, 1000, 5000), help="How many; may be repeated.")
@click.option("--rounds", default=5, help="Rounds of which the median counts.")
def main(policies: Sequence[int], rounds: int) -> None:
    """Print the CPU of one tick over so many policies with two metrics each."""
    table = Table(
        "policies", "questions", "CPU s a tick", "µs a policy", "alone: questions", "alone / grouped (plan, parse)"
    )
    for count in policies:
        fleet = Fleet(count)
        whole, questions = cpu_seconds(fleet.grouped, rounds)
        read, _ = cpu_seconds(fleet.read, rounds)
        alone, many = cpu_seconds(fleet.alone, rounds)
        figures = (count, questions, f"{whole:.3f}", f"{1e6 * whole / count:.0f}", many, f"{alone / read:.1f}")
        table.add_row(*map(str, figures))
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
