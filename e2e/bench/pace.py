"""How fast time goes in a measurement."""

from dataclasses import dataclass

_MANY = 1000
"""Policies from which on the default pace gives enough to compare."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The defaults are a policy's, and what Prometheus is usually set to.

    Attributes:
        interval: Seconds between two evaluations of a policy, at least 5.
        scrape: Seconds between two scrapes.
        window: Seconds that each load is measured.
    """

    interval: int = 15
    scrape: float = 15.0
    window: float = 60.0

    @property
    def rate_window(self) -> int:
        """rateWindowSeconds of the source: the default at the default pace."""
        return round(8 * self.scrape)

    @property
    def stale_after(self) -> int:
        """staleAfterSeconds of the source, likewise."""
        return round(4 * self.scrape)


def of_comparison(policies: int) -> Pace:
    """How fast two revisions are compared.

    A few policies take so little that three times as many evaluations are needed for a figure; many fill the time
    anyway, and are measured as they are used.
    """
    return Pace(interval=5, scrape=5.0, window=15.0) if policies < _MANY else Pace(window=45.0)
