"""What every backend can do with its cluster once there is an administrator's kubeconfig."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from e2e.testbed import tools
from e2e.testbed.kubeconfig import write_kubeconfig


class KubectlError(RuntimeError):
    """kubectl ended with an error; the message is what it said on standard error."""


class Access:
    """A cluster seen through kubectl.

    Attributes:
        kubeconfig: The administrator's, complete in itself.
        server: URL of the API server.
        ca_file: PEM file of the authority that signed the server's certificate.
        run_directory: Folder for files that belong to this cluster; it outlives no test bed.
    """

    def __init__(self, kubeconfig: Path, run_directory: Path) -> None:
        self.kubeconfig = kubeconfig
        self.run_directory = run_directory
        view = json.loads(self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        cluster = view["clusters"][0]["cluster"]
        self.server: str = cluster["server"]
        self.ca_file = run_directory / "ca.crt"
        self.ca_file.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))

    def kubectl(self, *args: str, input: str | None = None, kubeconfig: Path | None = None) -> str:  # noqa: A002 - the name that subprocess uses
        """Run kubectl as the administrator, or with another kubeconfig, and return its standard output.

        Raises:
            KubectlError: It ended with another code than 0.
        """
        command = [str(tools.path("kubectl")), "--kubeconfig", str(kubeconfig or self.kubeconfig)]
        # A discovery cache in the home folder would outlive the cluster and answer for the next one on its port.
        command += ["--cache-dir", str(self.run_directory / "kubectl-cache"), *args]
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"} | {"KUBERC": "off"}
        done = subprocess.run(command, input=input, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
        return done.stdout

    def get(self, *args: str) -> Any:
        """Return what `kubectl get` with these arguments gives as JSON."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def apply(self, *documents: dict[str, Any], server_side: bool = False) -> None:
        """Apply manifests given as data, in the order given."""
        manifest = {"apiVersion": "v1", "kind": "List", "items": documents}
        options = ["--server-side"] if server_side else []
        self.kubectl("apply", *options, "-f", "-", input=json.dumps(manifest))

    def create_namespace(self, name: str) -> None:
        """Create a namespace and wait until pods can be created in it, which needs its default ServiceAccount."""
        self.kubectl("create", "namespace", name)
        self.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s")

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Return a kubeconfig with a fresh one-hour token of an existing ServiceAccount (TokenRequest)."""
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration=1h").strip()
        path = self.run_directory / "kubeconfigs" / f"{namespace}-{name}.yaml"
        return write_kubeconfig(path, server=self.server, ca_file=self.ca_file, token=token)
