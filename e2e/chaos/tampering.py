"""What can be done to a request, to its answer, and to the events of a watch; each fault is one small value.

A `Rule` says which requests a fault meets. Nothing here does I/O: `proxy.py` carries the faults out.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.chaos.exchanges import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests; what is empty matches everything.

    Attributes:
        verbs: As in Exchange.
        resource: Plural, with the subresource after a slash.
        namespace, name: As in Exchange.
        says: A text that the name contains, such as a part of a query.
    """

    verbs: tuple[str, ...] = ()
    resource: str = ""
    namespace: str = ""
    name: str = ""
    says: str = ""

    def fits(self, exchange: Exchange) -> bool:
        """Whether a request is meant."""
        return (
            (not self.verbs or exchange.verb in self.verbs)
            and self.resource in {"", exchange.resource}
            and self.namespace in {"", exchange.namespace}
            and self.name in {"", exchange.name}
            and self.says in exchange.name
        )


@dataclass(frozen=True, slots=True)
class Delay:
    """Pass the request on so many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Close the connection; the server behind never sees the request."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Keep the connection open and answer nothing, until the rule is lifted; then close it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the place of the server behind, which never sees the request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """Let the server behind do what was asked, and close the connection without a word of it."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Send a part of the answer, and break the connection in the middle of it."""

    after_bytes: int = 20


@dataclass(frozen=True, slots=True)
class Truncate:
    """Send a part of the answer as if it were the whole."""

    to_bytes: int = 20


@dataclass(frozen=True, slots=True)
class Edit:
    """Send what is made of the answer's body."""

    made_of: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class ShiftDate:
    """Send the answer with a Date that is so many seconds off."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Then:
    """Do something when the server behind has answered, and before the client hears of it."""

    do: Callable[[Exchange], object]


@dataclass(frozen=True, slots=True)
class DropEvents:
    """Events of a watch that never come through."""


@dataclass(frozen=True, slots=True)
class HoldEvents:
    """Events of a watch that come through when the rule is lifted."""


@dataclass(frozen=True, slots=True)
class RepeatEvents:
    """Events of a watch that come through twice."""


@dataclass(frozen=True, slots=True)
class SwapEvents:
    """Events of a watch that come through after the one that follows them."""


StreamFault = DropEvents | HoldEvents | RepeatEvents | SwapEvents
RequestFault = Delay | Refuse | Freeze | Answer | LoseAnswer | Reset | Truncate | Edit | ShiftDate | Then


class Rule:
    """One fault, and which requests or events it meets. Counted in the proxy's thread, lifted from any other."""

    def __init__(
        self, match: Match, fault: RequestFault | StreamFault, *, first: int = 1, times: int | None = None
    ) -> None:
        """Begin to count.

        Args:
            match: Which requests. For events of a watch: resource, namespace and name of the object, and as verbs the
                types of event (ADDED, MODIFIED, DELETED, BOOKMARK).
            fault: What happens to them.
            first: From which match on, counted from 1.
            times: How many of them; None: all from then on.
        """
        self.match = match
        self.fault = fault
        self.met: list[Exchange] = []
        """The requests or events that it befell, oldest first."""
        self._seen = 0
        self._first = first
        self._times = times
        self._lifted = threading.Event()

    @property
    def hits(self) -> int:
        """How many requests or events it befell."""
        return len(self.met)

    @property
    def lifted(self) -> bool:
        """Whether it is over."""
        return self._lifted.is_set()

    def lift(self) -> None:
        """End it; what it held goes on."""
        self._lifted.set()

    def meets(self, exchange: Exchange) -> bool:
        """Count a request, or an event; True when the fault befalls it."""
        if self.lifted or not self.match.fits(exchange):
            return False
        self._seen += 1
        if self._seen < self._first or (self._times is not None and self._seen >= self._first + self._times):
            return False
        self.met.append(exchange)
        return True


def status_body(code: int, reason: str, message: str = "injected by the fault suite") -> dict[str, Any]:
    """A Status object as the API server sends it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
