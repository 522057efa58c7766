"""Documents as scripts: their manifests become files, and their commands are run in order, in one shell.

A block of `yaml` whose first line is a comment with a file name is written to that file; a block of `sh` is run; other
blocks are only read. Names and addresses of the reader's own are replaced by those of the test bed.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from e2e.testbed import tools
from e2e.testbed.cluster import Cluster
from e2e.testbed.keda import SCALED_OBJECTS, scaled_object
from e2e.testbed.policies import policy
from e2e.testbed.processes import Process
from e2e.testbed.workloads import workload

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NAMESPACE = "leadgen"
"""Of every document; on the cluster each has one of its own, so that they can be read side by side."""

PROPOSAL = "kubectl wait scalingpolicy/api-pods -n leadgen --for=condition=ActionRequired --timeout=3m"
_NEXT_PROPOSAL = (
    "kubectl wait scalingpolicy/api-pods -n leadgen --for=jsonpath='{.status.lastProposal.outcome}'=CarriedOut "
    f"--timeout=1m\n{PROPOSAL}"
)
_PROPOSAL_ID = "$(kubectl get scalingpolicy api-pods -n leadgen -o jsonpath='{.status.proposal.id}')"


@dataclass(frozen=True)
class Scenery:
    """What must be there before somebody reads a document with hands on a cluster.

    Attributes:
        cpu: By workload of the namespace, percent of the CPU that two pods request; None: it uses next to nothing.
        prepare: Adds to the namespace whatever else must be there.
        lay_out: Puts the reader's own files into a folder.
        before: A command to wait for what the document takes for given.
        replace: Further texts of the document, and what they are here.
    """

    cpu: Mapping[str, int | None] = field(default_factory=dict)
    prepare: Callable[[Cluster, str], None] = lambda _cluster, _namespace: None
    lay_out: Callable[[Path], None] = lambda _place: None
    before: str = ":"
    replace: Mapping[str, str] = field(default_factory=dict)


def _scaled_object(cluster: Cluster, namespace: str) -> None:
    """KEDA's kind with the object that the guide begins with; nothing in the guide needs KEDA itself."""
    cluster.apply(SCALED_OBJECTS)
    cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s")
    cluster.apply(scaled_object("lead-worker", namespace))


def _argo_cd(cluster: Cluster, _: str) -> None:
    """The ConfigMap that Argo CD keeps its settings in."""
    cluster.create_namespace("argocd")
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}})


def _repository(place: Path) -> None:
    """A repository with manifests to deploy, one of them none of ours, and tests of its policies."""
    (place / "examples").symlink_to(ROOT / "examples")
    for folder in ("deploy", "scaling-tests"):
        (place / folder).mkdir()
    for manifest in (ROOT / "examples").glob("*.yaml"):
        shutil.copy(manifest, place / "deploy")
    (place / "deploy" / "deployment.yaml").write_text(json.dumps(workload("api", NAMESPACE)))
    for scenario in (ROOT / "examples" / "scenarios").glob("*.yaml"):
        (place / "scaling-tests" / scenario.name).write_text(scenario.read_text().replace("../", "../deploy/"))


def _example(cluster: Cluster, namespace: str) -> None:
    """The policy of the examples, as it stands there."""
    example = yaml.safe_load((ROOT / "examples" / "api-pods.yaml").read_text())
    cluster.apply({**example, "metadata": {"name": "api-pods", "namespace": namespace}})


def _asking(cluster: Cluster, namespace: str) -> None:
    """A policy that asks for one pod more, and then for the next."""
    changes: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
        "metrics": [{"name": "cpu", "resource": {"name": "cpu", "of": "Requests"}}],
        "scaleUp": {"mode": "Manual", "anyOf": [{"metric": "cpu", "above": 70}], "step": {"type": "Pods", "pods": 1}},
    }
    cluster.apply(policy("api-pods", namespace, **changes))


def _two_policies(place: Path) -> None:
    """A policy, and the same with a wider band."""
    text = (ROOT / "examples" / "lead-workers.yaml").read_text()
    (place / "api.yaml").write_text(text)
    (place / "wider-band.yaml").write_text(text.replace("below: 100", "below: 50"))


SCENERIES: Mapping[str, Scenery] = {
    "guides/first-policy.md": Scenery(cpu={"api": 95}),
    "guides/from-keda.md": Scenery(cpu={"lead-worker": None}, prepare=_scaled_object),
    "guides/from-hpa.md": Scenery(cpu={"web": 50}),
    "guides/database-alerts.md": Scenery(cpu={"lead-worker": None}),
    "guides/tuning.md": Scenery(cpu={"api": 50}),
    "guides/scenario-tests.md": Scenery(),
    "gitops.md": Scenery(prepare=_argo_cd, lay_out=_repository),
    "runbook.md": Scenery(cpu={"api": 50}, prepare=_example),
    "cli.md": Scenery(cpu={"api": 300}, prepare=_asking, before=PROPOSAL),
    "policies.md": Scenery(
        cpu={"api": 300},
        prepare=_asking,
        before=PROPOSAL,
        replace={
            "<proposal id>": _PROPOSAL_ID,
            "kubectl deadband approve": f"{_NEXT_PROPOSAL}\nkubectl deadband approve",
        },
    ),
}
"""Documents that are read on a cluster on which deadband runs, those first that take longest."""

OF_THE_PAST: Mapping[str, Scenery] = {
    "guides/backtesting.md": Scenery(),
    "simulate.md": Scenery(lay_out=_two_policies),
}
"""Documents that need no cluster, but a Prometheus with a week of the queue."""

LOADS: Mapping[str, Any] = {
    "queues": [{"name": name, "depth": 12000, "hold": True} for name in ("orders", "leads")],
    "databases": [{"instance": "leads-db", "connections": 85}],
}
"""What the guides say of queues and of the database."""


def namespace_of(document: str) -> str:
    """The namespace that a document has on the cluster in place of its own."""
    return f"{NAMESPACE}-{Path(document).stem}"


def script(name: str, text: str, replace: Mapping[str, str], before: str = ":", leave_out: str = r"\Z.") -> str:
    """Make one shell script of a document; each command is shown before it is run.

    Args:
        name: Of the document, for whoever reads the log.
        text: What it says.
        replace: Texts of the reader's own, and what they are here.
        before: A command to begin with.
        leave_out: Matches lines that are not run.
    """
    parts = ["set -euo pipefail", "exec 2>&1", before]
    for fence in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        language, body = fence.groups()
        line = text.count("\n", 0, fence.start()) + 1
        file = re.match(r"# ([\w./-]+\.ya?ml)\n", body)
        if language == "yaml" and file:
            parts.append(f"cat > {file[1]} <<'THE_END'\n{body}THE_END")
        elif language == "sh":
            body = "".join(each for each in body.splitlines(keepends=True) if not re.match(leave_out, each))
            parts.append(f"echo '# {name}:{line}'\nset -x\n{body}{{ set +x; }} 2>/dev/null")
    whole = "\n".join(parts)
    for own, real in replace.items():
        whole = whole.replace(own, real)
    return whole + "\n"


def reader(name: str, text: str, place: Path, cluster: Cluster) -> Process:
    """Somebody who runs a script in a folder, with all rights on a cluster; not yet started."""
    programs = (tools.path("kubectl").parent, tools.path("helm").parent, Path(sys.executable).parent)
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "KUBERC": "off",
        "KUBECACHEDIR": str(place.parent / f"{place.name}-kubectl"),
        "XDG_CACHE_HOME": str(place.parent / f"{place.name}-cache"),
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
    }
    log = place.parent / f"{place.name}.log"
    return Process(name, ["bash", "-c", text], log=log, env=environment, cwd=place)
