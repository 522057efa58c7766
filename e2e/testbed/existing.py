"""A cluster that somebody else runs, taken from the user's kubeconfig and left running."""

import os
import subprocess
from pathlib import Path

from e2e.testbed import tools
from e2e.testbed.foreign import ClusterError, ForeignCluster
from e2e.testbed.kind import CLUSTER_NAME_PREFIX
from e2e.testbed.kubeconfig import CONTEXT


def existing_cluster(run_directory: Path, kube_context: str | None) -> ForeignCluster:
    """Use the context that is named, or the current one when a test bed made it.

    Tests create and delete things and pretend nodes: no cluster may get that because it happened to be current.

    Raises:
        ClusterError: There is no such context, or it is not ours and was not named.
    """
    context = kube_context or _kubectl("config", "current-context").strip()
    ours = context == CONTEXT or context.startswith(f"kind-{CLUSTER_NAME_PREFIX}-")
    if kube_context is None and not ours:
        raise ClusterError(
            f"the current kube-context {context!r} was not made by this test bed; name it to use it all the same: "
            f"--kube-context {context}"
        )
    kubeconfig = run_directory / "kubeconfigs" / "admin.yaml"
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(_kubectl("config", "view", "--raw", "--minify", "--flatten", "--context", context))
    return ForeignCluster("existing", kubeconfig, run_directory, end=lambda: None)


def _kubectl(*args: str) -> str:
    # The user's own environment on purpose: KUBECONFIG and ~/.kube/config say which contexts there are.
    done = subprocess.run(
        [tools.path("kubectl"), *args], capture_output=True, text=True, check=False, env=os.environ | {"KUBERC": "off"}
    )
    if done.returncode != 0:
        raise ClusterError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout
