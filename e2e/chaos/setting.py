"""Builds a run of the play, and takes it down again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from e2e.chaos.fault import Fault
from e2e.chaos.play import CALM, START, lane_policy
from e2e.chaos.stage import Bed, Stage
from e2e.chaos.supervisor import Supervisor
from e2e.testbed.installation import Operator
from e2e.testbed.policies import source
from e2e.testbed.workloads import workload


def usual(stage: Stage) -> Operator:
    """The operator as it is, behind the proxy."""
    return stage.operator("operator", stage.api)


@contextmanager
def open_stage(bed: Bed, name: str, folder: Path, faults: Sequence[Fault]) -> Iterator[Stage]:
    """Build a run and take it down again: a lane for each fault, with one calm replica, and an operator.

    Args:
        bed: What all runs share.
        name: Of its namespace and source.
        folder: For its files.
        faults: One of each lane; the first says which operator it is.
    """
    stage = Stage(bed, name, folder, [one.name for one in faults])
    bed.cluster.create_namespace(name)
    with ExitStack() as stack:
        stack.callback(bed.cluster.kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        stack.enter_context(stage.api)
        stack.enter_context(stage.prometheus)
        stage.offer(CALM)
        sources = [name, *(f"{name}-{one.name}" for one in faults if one.own_source)]
        bed.cluster.apply(
            *(source(each, stage.prometheus.url) for each in sources),
            *(workload(one.name, name, replicas=START) for one in faults),
            *(
                lane_policy(name, one.name, f"{name}-{one.name}" if one.own_source else name, query=one.query)
                for one in faults
            ),
        )
        stack.callback(bed.cluster.kubectl, "delete", "metricsource", *sources)
        dress = faults[0].dress or usual
        stage.supervisor = stack.enter_context(Supervisor(dress(stage)))
        yield stage
