"""What the API server asked us to wait for (429 with Retry-After): until then that kind of call is not sent again.

Kept per verb and resource, so that an overload which sheds status writes holds up no scale write. The Lease is exempt:
its one small call every two seconds is what keeps a second process from leading in the middle of an overload.
"""

from collections.abc import Callable

from deadband.adapters.kube_errors import Call, Caller, OverloadedError

LONGEST_SECONDS = 60.0
"""Whatever a server, or a proxy before it, asks for."""

_EXEMPT = frozenset({"leases"})


class Pressure:
    """Which kinds of call must wait; one for each client."""

    def __init__(self, monotonic: Callable[[], float], caller: Caller) -> None:
        """Begin without pressure.

        Args:
            monotonic: Seconds.
            caller: In whose words a call is told to wait.
        """
        self._monotonic = monotonic
        self._caller = caller
        self._asked: dict[tuple[str, str, str], tuple[float, int]] = {}
        """By kind of call: until when it waits, and the seconds that were asked for."""

    def refuse(self, call: Call) -> None:
        """Let a call through, or not.

        Raises:
            OverloadedError: The time that the API server asked for is not over.
        """
        until, asked_seconds = self._asked.get(_kind(call), (float("-inf"), 0))
        if self._monotonic() < until:
            raise OverloadedError(call, asked_seconds, self._caller)

    def note(self, call: Call, refusal: OverloadedError) -> None:
        """Remember what the API server asked for; nothing when it named no time."""
        if refusal.wait_seconds and call.resource not in _EXEMPT:
            wait = min(float(refusal.wait_seconds), LONGEST_SECONDS)
            self._asked[_kind(call)] = (self._monotonic() + wait, refusal.wait_seconds)


def _kind(call: Call) -> tuple[str, str, str]:
    return call.verb, call.group, call.resource
