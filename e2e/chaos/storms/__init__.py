"""Faults that befall the whole operator, each in a run of its own: the rows of the table that take their time."""

from e2e.chaos.fault import Fault
from e2e.chaos.storms.clocks import CLOCKS
from e2e.chaos.storms.neighbors import NEIGHBORS
from e2e.chaos.storms.operators import OPERATORS, QUICK
from e2e.chaos.storms.servers import SERVERS
from e2e.chaos.storms.watches import WATCHES

QUICK_STORMS: tuple[Fault, ...] = (QUICK,)
"""What `make test` runs."""

STORMS: tuple[Fault, ...] = (QUICK, *OPERATORS, *CLOCKS, *SERVERS, *WATCHES, *NEIGHBORS)
