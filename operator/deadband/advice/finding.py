"""One thing that a reviewer would say of a policy, and the ids by which pipelines know it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much it matters; in the order in which it is read."""

    ERROR = "error"
    """The policy, or a part of it, cannot do what it says."""
    WARNING = "warning"
    """It does something that hardly anybody wants."""
    INFO = "info"
    """It does something that its author should know."""

    @property
    def rank(self) -> int:
        """0 for what matters most."""
        return list(Severity).index(self)


class FindingId(StrEnum):
    """Stable: pipelines and baselines match on it. Each is described in docs/guides/tuning.md."""

    # of the band and the steps
    GUARD_DECIDES_DOWN = "GuardDecidesDown"
    DOWN_CAUSES_UP = "DownCausesUp"
    UP_CAUSES_DOWN = "UpCausesDown"
    DOWN_STEP_WIDE = "DownStepWide"
    TIERS_LEAVE_A_GAP = "TiersLeaveAGap"
    TIER_OUT_OF_REACH = "TierOutOfReach"
    # of times
    RATE_WITHOUT_COOLDOWN = "RateWithoutCooldown"
    FOR_SHORTER_THAN_INTERVAL = "ForShorterThanInterval"
    WINDOW_SHORTER_THAN_INTERVAL = "WindowShorterThanInterval"
    # of queries
    QUERY_NEVER_SENT = "QueryNeverSent"
    QUERY_NOT_READ = "QueryNotRead"
    # of amounts
    BOUNDS_ARE_EQUAL = "BoundsAreEqual"
    LIMITS_FORBID = "LimitsForbid"
    STEP_ABOVE_LIMITS = "StepAboveLimits"
    FALLBACK_OUT_OF_BOUNDS = "FallbackOutOfBounds"
    OVERRIDE_ALWAYS_OPEN = "OverrideAlwaysOpen"
    OVERRIDE_CHANGES_NOTHING = "OverrideChangesNothing"
    OVERRIDE_RAISES_MAXIMUM = "OverrideRaisesMaximum"
    # of queues
    QUEUE_MAY_BE_HIDDEN = "QueueMayBeHidden"
    QUEUE_COUNTED_IN_PART = "QueueCountedInPart"
    # of what Prometheus recorded
    NO_VALUE_IN_A_DAY = "NoValueInADay"
    THRESHOLD_NEVER_SEEN = "ThresholdNeverSeen"
    FOR_SHORTER_THAN_SCRAPE = "ForShorterThanScrape"
    RATE_WINDOW_TOO_SHORT = "RateWindowTooShort"
    STALE_BEFORE_NEXT_SCRAPE = "StaleBeforeNextScrape"
    VETO_CANNOT_BE_READ = "VetoCannotBeRead"
    MAXIMUM_HOLDS_UP = "MaximumHoldsUp"
    MINIMUM_HOLDS_DOWN = "MinimumHoldsDown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        id: Which kind it is.
        severity: How much it matters.
        field: Path on the wire, such as `spec.scaleDown.allOf[0].below`.
        sentence: What is so, with the number behind it; a whole sentence.
        change: What to do about it; a whole sentence.
    """

    id: FindingId
    severity: Severity
    field: str
    sentence: str
    change: str
