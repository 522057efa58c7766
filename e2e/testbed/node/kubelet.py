"""A real node inside the private machine: containerd, the kubelet and the images that its pods run."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import requests
import yaml

from e2e.testbed import tools
from e2e.testbed.kubeconfig import write_kubeconfig
from e2e.testbed.node import images
from e2e.testbed.node.inside import NODE_ADDRESS, NODE_NAME
from e2e.testbed.packages import program
from e2e.testbed.pki import Authority
from e2e.testbed.processes import Process

KUBELET = f"{NODE_ADDRESS}:10250"
"""Where its metrics are, over TLS."""

_SOCKET = Path("/run/containerd/containerd.sock")  # cAdvisor looks for it here and nowhere else
_HEALTH = "http://127.0.0.1:10248/healthz"
_PODS = "10.244.0.0/24"


class RealNode:
    """containerd and the kubelet; `start` returns when both answer and the images are there."""

    def __init__(self, folder: Path, authority: Authority, server: str) -> None:
        """Write their configuration; starts nothing.

        Args:
            folder: For configuration, containers and logs; no path of it may be long.
            authority: Signs the kubelet's certificates, and those of clients that it trusts.
            server: URL of the API server.
        """
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._containerd = program("containerd")
        self._session = requests.Session()
        self._session.trust_env = False
        environment = self._containerd.environment
        containerd = self._write("containerd.toml", _containerd(folder, _runc(environment)))
        self.containerd = Process(
            "containerd",
            [self._containerd.binary, "--config", containerd],
            log=folder / "containerd.log",
            env=environment,
        )
        client = authority.client(f"system:node:{NODE_NAME}", "system:nodes")
        serving = authority.server("kubelet", [NODE_ADDRESS])
        kubeconfig = folder / "kubelet.kubeconfig"
        write_kubeconfig(kubeconfig, server=server, ca_file=authority.certificate_file, client=client)
        self._write("resolv.conf", "")
        configuration = {
            **_KUBELET,
            "address": NODE_ADDRESS,
            "containerRuntimeEndpoint": f"unix://{_SOCKET}",
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "resolvConf": str(folder / "resolv.conf"),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority.certificate_file)},
            },
            "authorization": {"mode": "Webhook"},
        }
        self.kubelet = Process(
            "kubelet",
            [
                tools.path("kubelet"),
                f"--config={self._write('kubelet.yaml', yaml.safe_dump(configuration))}",
                f"--kubeconfig={kubeconfig}",
                f"--cert-dir={folder / 'certificates'}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={NODE_ADDRESS}",
            ],
            log=folder / "kubelet.log",
            env=environment,
        )

    def start(self) -> None:
        """Start both, and import the images between.

        Raises:
            ProcessError: One of them ended or was not ready in time.
            ImageError: An image cannot be made or imported.
        """
        self.containerd.start()
        self.containerd.wait_ready(_SOCKET.exists)
        self._import()
        self.kubelet.start()
        self.kubelet.wait_ready(self._healthy)

    def stop(self) -> None:
        """Stop both. Containers live on until the private machine ends."""
        self.kubelet.stop()
        self.containerd.stop()

    def _import(self) -> None:
        for archive in images.archives(self._folder):
            command = [str(self._containerd.beside("ctr")), f"--address={_SOCKET}", "--namespace=k8s.io"]
            done = subprocess.run(
                [*command, "images", "import", str(archive)], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise images.ImageError(f"{archive.name} cannot be imported: {done.stderr}")
            archive.unlink()

    def _healthy(self) -> bool:
        try:
            return self._session.get(_HEALTH, timeout=2).ok
        except requests.RequestException:
            return False

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text)
        return path


_KUBELET: dict[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "failCgroupV1": False,
    "cgroupDriver": "cgroupfs",
    "failSwapOn": False,
    "makeIPTablesUtilChains": False,
    "oomScoreAdj": 0,  # to lower it needs a right that not every root has
    "imageGCHighThresholdPercent": 100,
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
}


def _runc(environment: dict[str, str]) -> str:
    for folder in environment["PATH"].split(os.pathsep):
        if (found := Path(folder) / "runc").exists():
            return str(found)
    raise images.ImageError("runc is neither on PATH nor in the package of containerd")


def _containerd(folder: Path, runc: str) -> str:
    """Write containerd's configuration and that of the pods' network: a bridge without proxy, NAT or firewall."""
    network = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": _PODS, "gateway": NODE_ADDRESS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    networks = folder / "networks"
    networks.mkdir()
    (networks / "pods.conflist").write_text(json.dumps(network))
    plugins = program("cni-bridge").binary.parent
    return f"""\
version = 2
root = "{folder / "containers"}"
state = "/run/containerd"
[grpc]
address = "{_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{images.PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{networks}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
"""
