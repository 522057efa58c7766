"""One way to get a cluster, whichever kind it is."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from e2e.testbed.existing import existing_cluster
from e2e.testbed.kind import kind_cluster
from e2e.testbed.native import NativeCluster

ClusterKind = Literal["native", "kind", "existing"]
CLUSTER_KINDS: tuple[ClusterKind, ...] = get_args(ClusterKind)


class Cluster(Protocol):
    """What tests and the demo may use on every kind of cluster.

    The API server behind `server` is real; pods are pretended by KWOK on the nodes `NODE_NAMES` of `nodes.py`, which
    a pod template must name. The audit log is kept by the native kind only; elsewhere reading it raises.
    """

    kind: str
    kubeconfig: Path
    server: str
    ca_file: Path
    run_directory: Path

    def kubectl(self, *args: str, input: str | None = None, kubeconfig: Path | None = None) -> str: ...  # noqa: A002 - the name that subprocess uses
    def get(self, *args: str) -> Any: ...
    def apply(self, *documents: dict[str, Any], server_side: bool = False) -> None: ...
    def create_namespace(self, name: str) -> None: ...
    def service_account_kubeconfig(self, namespace: str, name: str) -> Path: ...
    def audit_mark(self) -> int: ...
    def audit_events(self, since: int = 0) -> list[dict[str, Any]]: ...
    def stop(self) -> None: ...


@contextmanager
def open_native(run_directory: Path | None = None) -> Iterator[NativeCluster]:
    """Start a native control plane and stop it at the end, however the block ends.

    Args:
        run_directory: Where its data and logs go and stay; by default a temporary folder that is removed, unless
            the control plane was detached.
    """
    with ExitStack() as folder:
        cluster = NativeCluster(folder.enter_context(_folder(run_directory)))
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
            if cluster.detached:
                folder.pop_all()


@contextmanager
def open_cluster(
    kind: ClusterKind, *, run_directory: Path | None = None, kube_context: str | None = None
) -> Iterator[Cluster]:
    """Open a cluster of a kind and give it up at the end: native and kind are stopped, existing is left running.

    Args:
        kind: native needs nothing but the tools; kind needs the programs kind and docker; existing a kubeconfig.
        run_directory: As in `open_native`.
        kube_context: Names the context for existing; without it only a context that a test bed made is accepted.

    Raises:
        ToolError: A tool is missing and does not build.
        ProcessError: A process did not become ready.
        ClusterError: kind or docker is missing, or the context is refused.
    """
    if kind == "native":
        with open_native(run_directory) as native:
            yield native
        return
    with _folder(run_directory) as folder:
        cluster = kind_cluster(folder) if kind == "kind" else existing_cluster(folder, kube_context)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Give the caller's folder, which stays, or a temporary one, which is removed."""
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="deadband-testbed-"))
    try:
        yield folder
    finally:
        # A process that is being killed may still write; what it leaves then is the system's to sweep.
        shutil.rmtree(folder, ignore_errors=True)
