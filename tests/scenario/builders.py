"""Scenarios in few words."""

import textwrap
from pathlib import Path
from typing import Any

from deadband.scenario.document import documents
from deadband.scenario.files import read_policy
from deadband.scenario.model import Scenario
from deadband.scenario.parse import UnusableError, parse_scenario
from deadband.scenario.places import Fault

POLICY = """\
policy:
  apiVersion: deadband.dev/v1alpha1
  kind: ScalingPolicy
  metadata: {name: api, namespace: leadgen}
  spec:
    scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
    minReplicas: 1
    maxReplicas: 20
    metrics: [{name: cpu, resource: {name: cpu}}]
    scaleUp: {anyOf: [{metric: cpu, above: 70}], limits: [], step: {type: Pods, pods: 1}}
    scaleDown:
      allOf: [{metric: cpu, below: 20}]
      forSeconds: 0
      cooldownSeconds: 0
      limits: []
      step: {type: Pods, pods: 1}
"""
"""Begins in line 1 and ends in line 16."""

NAMED = POLICY + "name: case\n"
WHOLE = NAMED + "target: {replicas: 3}\nseries: {cpu: [50]}\n"
"""A scenario that is complete; one line more begins in line 20."""

ON_HPA = WHOLE.replace("apps/v1, kind: Deployment", "autoscaling/v2, kind: HorizontalPodAutoscaler").replace(
    "{replicas: 3}", "{replicas: 3, hpa: {minReplicas: 2, maxReplicas: 10}}"
)
"""The same for a policy that names an HPA."""


def scenario(text: str, *, folder: Path = Path()) -> Scenario:
    """Parse the only document of a text."""
    (document,) = documents(textwrap.dedent(text))
    return parse_scenario(document, folder / "case.yaml", lambda path, name: read_policy(folder / path, name))


def faults(text: str, *, folder: Path = Path()) -> list[Fault]:
    """The faults of a text that must have some."""
    try:
        parsed: Any = scenario(text, folder=folder)
    except UnusableError as error:
        return error.faults
    raise AssertionError(f"was accepted: {parsed}")
