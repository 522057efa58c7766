"""One evaluation on a simulated target: decided by the live core, written, remembered."""

from deadband.api.status import ScalingPolicyStatus
from deadband.core.decide import decide
from deadband.core.decision import Decision
from deadband.core.status import next_status
from deadband.core.types import Inputs
from deadband.scenario.cluster import Cluster


def enact(inputs: Inputs, cluster: Cluster | None) -> tuple[Decision, ScalingPolicyStatus]:
    """Decide, write what was decided to the workload (None: there is none), and tell the status that follows."""
    decision = decide(inputs)
    if decision.write is not None and cluster is not None:
        cluster.write(decision.write, inputs.now)
    return decision, next_status(inputs, decision)
