"""Raw PromQL: a policy's own `query` and every veto."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from deadband.core.types import Reading
from deadband.queries.promql import Dialect
from deadband.queries.readings import single
from deadband.queries.types import Need, Series


@dataclass(frozen=True, slots=True)
class RawRecipe:
    """One PromQL text, asked once however many needs have it.

    Attributes:
        text: As the policy writes it, checked by deadband.queries.syntax; or bound to its namespace by
            deadband.queries.tenancy.
    """

    text: str

    labels: ClassVar[tuple[str, ...]] = ()

    def place(self, _need: Need, /) -> tuple[str, ...]:
        """Nowhere in particular: the whole answer."""
        return ()

    def promql(
        self,
        _needs: Sequence[Need],
        _dialect: Dialect,
        /,
        *,
        named: bool = True,  # noqa: ARG002 - the Protocol's; a text names what it names
    ) -> str:
        """The text itself."""
        return self.text

    def most(self, _needs: Sequence[Need], /) -> int:
        """Two, so that a second series is seen and the reading is ManySeries, never the first of many."""
        return 2

    def read(self, _need: Need, rows: Sequence[Series], /) -> Reading:
        """The one number of the answer."""
        return single(rows)
