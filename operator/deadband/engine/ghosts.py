"""Policies that a call finds gone although the store holds them: no watch has told of their deletion."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deadband.ports import GoneError, ObjectRef, Policies


class DoubtingPolicies:
    """ports.Policies that tells of ghosts.

    It drops nothing itself: a 404 may also come from a server that does not serve the kind yet, and the LIST that
    `doubt` asks for can tell the two apart.
    """

    def __init__(self, policies: Policies, doubt: Callable[[], None]) -> None:
        """Stand before another one.

        Args:
            policies: Makes the calls.
            doubt: Told whenever a policy was gone; returns at once.
        """
        self._policies = policies
        self._doubt = doubt

    async def read(self, ref: ObjectRef) -> Mapping[str, Any]:
        """As ports.Policies."""
        with self._doubting():
            return await self._policies.read(ref)

    async def write_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> None:
        """As ports.Policies."""
        with self._doubting():
            await self._policies.write_status(ref, status)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        try:
            yield
        except GoneError:
            self._doubt()
            raise
