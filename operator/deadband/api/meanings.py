"""One line for every reason, for docs and for `deadband explain`; what to do about each stands in docs/runbook.md."""

from collections.abc import Mapping
from types import MappingProxyType

from deadband.api.conditions import Reason

MEANINGS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.SCALING_UP: "A due up direction raises the replicas.",
        Reason.SCALING_DOWN: "A due down direction lowers the replicas.",
        Reason.WITHIN_BAND: "No direction's expression is true.",
        Reason.WAITING_FOR_TIME: "An expression is true, but has not held for its forSeconds (R7).",
        Reason.METRICS_UNKNOWN: "A reading is absent, so the expression is neither true nor false (R5).",
        Reason.OUT_OF_BOUNDS: "The replicas are outside the bounds and are brought to the nearer one (R2).",
        Reason.AT_MAXIMUM: "The metrics ask for more, but maxReplicas is reached.",
        Reason.AT_MINIMUM: "The metrics ask for fewer, but minReplicas is reached.",
        Reason.SCALING_DISABLED: "Somebody scaled the target to 0 while minReplicas is above 0; it is left alone (R3).",
        Reason.PROJECTED_ABOVE_THRESHOLD: "A step down would by itself cause the next step up (R9).",
        Reason.STABILIZED: "An earlier wish within the stabilization window holds (R10).",
        Reason.LIMIT_REACHED: "The budget of the limits is used up, or cut the step (R10).",
        Reason.COOLING_DOWN: "The cooldown after an earlier scaling is not over (R11).",
        Reason.ROLLOUT_IN_PROGRESS: "A rollout is in progress; no step down meanwhile (R12).",
        Reason.TARGET_PAUSED: "The Deployment itself is paused; no step down meanwhile (R12).",
        Reason.TOO_FEW_AVAILABLE: "Fewer than half of the replicas are available; no step down meanwhile (R12).",
        Reason.QUOTA_EXCEEDED: "A quota denies pods, so raising further would change nothing (R12).",
        Reason.INSUFFICIENT_CAPACITY: "Pods stay unschedulable, so raising further would change nothing (R12).",
        Reason.VETOED: "A veto stops the direction, or could not be read.",
        Reason.APPROVAL_REQUIRED: "A Manual direction is due and waits for a person (R13).",
        Reason.APPROVAL_REFUSED: "The approve annotation names a proposal that is not open, so nothing was done (R13).",
        Reason.PAUSED: "The paused annotation stops writes to the target (R15).",
        Reason.TARGET_CONTESTED: "Somebody else writes the replicas of the same target (R16).",
        Reason.FALLBACK: "Nothing has been known for afterFailures evaluations (R17).",
        Reason.FLAPPING: "The direction was reversed 4 times or more within 30 minutes (R21).",
        Reason.INVALID_SPEC: "The spec contradicts itself; the message names every fault and its field.",
        Reason.TARGET_NOT_FOUND: "The target does not exist.",
        Reason.TARGET_NOT_SCALABLE: "The target is of a kind that cannot be scaled.",
        Reason.SOURCE_NOT_FOUND: "The MetricSource does not exist, or none is marked as default.",
        Reason.ACCESS_DENIED: "The operator, or the policy's namespace, may not do this.",
        Reason.EMPTY: "The query answered without a sample.",
        Reason.NOT_A_NUMBER: "The query answered NaN or infinity.",
        Reason.STALE: "The sample is older than the source's staleAfterSeconds, or the clocks differ by more.",
        Reason.MANY_SERIES: "The query answered more than one series.",
        Reason.NO_REQUESTS: "No container of the target has a request (or limit) to take a percentage of.",
        Reason.NOT_MEASURED: "No pod of the target has been measured long enough; onNoData does not apply.",
        Reason.PARTIAL: "The answer carries a warning that it is incomplete.",
        Reason.ERROR: "The source answered with an error, or could not be reached.",
        Reason.TIMEOUT: "The source did not answer in time.",
        Reason.WINDOW_TOO_SHORT: "A window of the MetricSource is too short for how often it scrapes.",
        Reason.OK: "The condition is as it should be.",
    }
)
