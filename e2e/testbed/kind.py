"""A cluster in a container, made by the program kind and deleted at the end."""

import shutil
import subprocess
import uuid
from pathlib import Path

from e2e.testbed.foreign import ClusterError, ForeignCluster

CLUSTER_NAME_PREFIX = "deadband-testbed"


def kind_cluster(run_directory: Path) -> ForeignCluster:
    """Create a kind cluster with a kubeconfig of its own; the user's kubeconfig is not touched.

    Raises:
        ClusterError: kind or docker is not installed, or kind could not make the cluster.
    """
    for program in ("docker", "kind"):
        if shutil.which(program) is None:
            raise ClusterError(f"--cluster=kind needs the program {program}, which is not on the PATH")
    name = f"{CLUSTER_NAME_PREFIX}-{uuid.uuid4().hex[:6]}"
    kubeconfig = run_directory / "kubeconfigs" / "admin.yaml"
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)

    def delete() -> None:
        _kind("delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig))

    try:
        _kind("create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--wait", "180s")
    except BaseException:
        delete()
        raise
    return ForeignCluster("kind", kubeconfig, run_directory, end=delete)


def _kind(*args: str) -> None:
    done = subprocess.run(["kind", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"kind {' '.join(args)} failed:\n{done.stderr.strip()}")
