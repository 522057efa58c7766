"""The chart as Helm renders it, without a cluster."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from e2e.testbed import tools

CHART = Path(__file__).parents[2] / "charts" / "deadband"


class ChartError(RuntimeError):
    """Helm refused the values or failed; the message is what it said on standard error."""


def render(
    values: Mapping[str, Any], namespace: str, *, release: str = "deadband", chart: Path = CHART
) -> list[dict[str, Any]]:
    """Return the objects that an installation with these values creates, in Helm's order.

    The pod of `helm test` is left out: it is created by `helm test` only.

    Args:
        values: What would stand in the values file, beside the chart's defaults.
        namespace: Of the release; the Namespace object itself is not among the objects.
        release: Name of the release.
        chart: Folder of the chart; another revision's, for example.

    Raises:
        ChartError: The schema refuses the values, or a template fails.
        ToolError: Helm is missing and does not build.
    """
    return objects(render_text(values, namespace, release=release, options=["--skip-tests"], chart=chart))


def render_text(
    values: Mapping[str, Any],
    namespace: str,
    *,
    release: str = "deadband",
    options: Sequence[str] = (),
    chart: Path = CHART,
) -> str:
    """Return the manifests as `helm template` prints them, the test pod included; raises as `render`."""
    command = ["template", release, str(chart), "--namespace", namespace, "--values", "-", *options]
    return helm(*command, stdin=json.dumps(values))


def objects(manifests: str) -> list[dict[str, Any]]:
    """Parse a text of many documents; empty ones are dropped."""
    # The C loader is ten times as fast on the long schemas of the CRDs.
    return [document for document in yaml.load_all(manifests, Loader=yaml.CSafeLoader) if document]


def helm(*args: str, stdin: str = "", kubeconfig: Path | None = None) -> str:
    """Run helm and return its standard output.

    Args:
        args: The command line behind `helm`.
        stdin: Standard input.
        kubeconfig: The cluster to work on; without one helm is given none, not even the caller's own.

    Raises:
        ChartError: It ended with another code than 0.
        ToolError: Helm is missing and does not build.
    """
    environment = os.environ | {"KUBECONFIG": str(kubeconfig or os.devnull)}
    done = subprocess.run(
        [str(tools.path("helm")), *args], input=stdin, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        raise ChartError(done.stderr.strip() or f"helm {args[0]}: exit code {done.returncode}")
    return done.stdout
