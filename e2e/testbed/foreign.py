"""A cluster that is not made of our own processes: pretended nodes in it, and no audit log to read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.testbed.access import Access
from e2e.testbed.nodes import Nodes


class ClusterError(RuntimeError):
    """The cluster that was asked for cannot be had or must not be touched; the message says what to do."""


class ForeignCluster(Access):
    """A cluster reached through a kubeconfig, with KWOK beside it for the pretended nodes."""

    def __init__(self, kind: str, kubeconfig: Path, run_directory: Path, *, end: Callable[[], None]) -> None:
        """Start KWOK against the cluster; `end` is called after KWOK has stopped."""
        super().__init__(kubeconfig, run_directory)
        self.kind = kind
        self._end = end
        self._nodes = Nodes(self, kubeconfig)
        try:
            self._nodes.start()
        except BaseException:
            self._nodes.stop(delete=False)
            end()
            raise

    def stop(self) -> None:
        """Remove the pretended nodes and end."""
        try:
            self._nodes.stop(delete=True)
        finally:
            self._end()

    def audit_mark(self) -> int:
        """Raise: only the native kind has an audit log."""
        raise ClusterError(f"the {self.kind} cluster has no audit log; use --cluster=native")

    def audit_events(self, since: int = 0) -> list[dict[str, Any]]:
        """Raise: only the native kind has an audit log."""
        raise ClusterError(f"the {self.kind} cluster has no audit log; use --cluster=native")
