"""`deadband explain`."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deadband.advice.past import Past
from deadband.advice.review import review
from deadband.api.conditions import Reason
from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.cli import exits
from deadband.cli.asked import promql, refusals
from deadband.cli.cases import Case, sources_of
from deadband.cli.description import describe
from deadband.cli.manifests import STDIN, Manifest, read_manifests, searches, tell_skipped
from deadband.cli.progress import Progress
from deadband.cli.reach import Reach, on_cluster, reaches, read_policy_object
from deadband.cli.validate import faults_of
from deadband.core import words
from deadband.core.types import Absent, Interval, Reading, Sample, Target
from deadband.engine.validity import check_policy
from deadband.scenario.files import Folders
from deadband.scenario.refusal import refusal
from deadband.scenario.report import fault_lines

if TYPE_CHECKING:
    from deadband.cli.live import Live


@click.command("explain")
@click.argument("policy", metavar="FILE|NAME")
@searches
@reaches
@click.option("--offline", is_flag=True, help="Explain a FILE without looking at a cluster.")
def explain_command(
    *,
    policy: str,
    exclude: tuple[str, ...],
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    offline: bool,
) -> None:
    """Say in plain words what a policy does: what is watched, the exact PromQL, what moves the target by how much.

    Then what to change, as `deadband lint` says it. Where a cluster is reachable, also what the metrics read right now
    and what the operator makes of it; else the MetricSources in FILE say how queries are sent. FILE is a file, a folder
    or - for standard input, and needs no cluster; NAME is a ScalingPolicy on the cluster.

    \b
    Examples:
      deadband explain policies/api.yaml
      deadband explain policies/api.yaml --offline
      deadband explain api-pods -n leadgen

    Exit codes: 0 explained, 1 the policy is invalid or not there, 2 the file or the cluster cannot be read.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    if policy == STDIN or Path(policy).exists() or policy.endswith((".yaml", ".yml", ".json")):
        objects, given = _from_files(policy, exclude)
    elif offline:
        raise click.UsageError(f'"{policy}" is no file, and a NAME needs a cluster')
    else:
        objects, given = [_from_cluster(policy, reach)], []
    here = (namespace or "default") if offline else reach.chosen_namespace
    failed = False
    for index, obj in enumerate(objects):
        if index:
            click.echo()
        failed |= not _explain(_placed(obj, here), None if offline else reach, given)
    if failed:
        raise click.exceptions.Exit(exits.DIFFERS)


def _from_files(path: str, exclude: tuple[str, ...]) -> tuple[list[Mapping[str, Any]], list[Manifest]]:
    """The policies, and the MetricSources that are valid."""
    folders = Folders(exclude)
    manifests, unusable = read_manifests((path,), folders)
    tell_skipped(folders)
    if unusable:
        for line in [line for error in unusable for line in fault_lines(error)]:
            click.echo(line, err=True)
        raise click.exceptions.Exit(exits.UNUSABLE)
    policies = [manifest.object for manifest in manifests if manifest.kind == "ScalingPolicy"]
    if not policies:
        raise exits.UnusableInputError(f"{path} holds no ScalingPolicy")
    return policies, [each for each in manifests if each.kind == "MetricSource" and not faults_of(each)]


def _from_cluster(name: str, reach: Reach) -> Mapping[str, Any]:
    ref = reach.policy(name)
    return on_cluster(reach, lambda kube: read_policy_object(kube, ref))


def _placed(obj: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The object with a namespace and a name, which kubectl would give it, too."""
    written = obj.get("metadata")
    metadata = dict(written) if isinstance(written, Mapping) else {}
    metadata["namespace"] = metadata.get("namespace") or namespace
    metadata["name"] = metadata.get("name") or "unnamed"
    return {**obj, "metadata": metadata}


def _explain(obj: Mapping[str, Any], reach: Reach | None, given: Sequence[Manifest]) -> bool:
    """Explain one policy; False when it is invalid."""
    name = f"ScalingPolicy {obj['metadata']['namespace']}/{obj['metadata']['name']}"
    faults = refusal(obj)
    if faults:
        click.echo(f"{name} is invalid, so it would change nothing:")
        for fault in faults:
            click.echo(f"  {fault}")
        return False
    spec = check_policy(obj)
    live, why_not = _looked(obj, reach)
    click.echo(name)
    namespace = obj["metadata"]["namespace"]
    sources, default = sources_of(given, None) if live is None else (live.sources, live.default_source or "")
    asked = promql(spec, namespace, sources, default, measured=live.measured if live is not None else None)
    refused = refusals(spec, namespace, sources, default)
    for line in [*describe(spec, asked), *_advice(spec, obj, asked, refused, live)]:
        click.echo(line)
    click.echo()
    for line in _right_now(spec, live) if live is not None else [f"No live values: {why_not}"]:
        click.echo(line)
    return True


def _looked(obj: Mapping[str, Any], reach: Reach | None) -> tuple["Live | None", str]:
    """What the cluster shows, or why nothing of it can be shown."""
    if reach is None:
        return None, "not asked for (--offline)."
    from deadband.cli.live import ConnectError, look
    from deadband.ports import WriteError

    try:
        return asyncio.run(look(obj, kubeconfig=reach.kubeconfig, context=reach.context)), ""
    except (ConnectError, WriteError) as error:
        return None, str(error)


def _advice(
    spec: ScalingPolicySpec,
    obj: Mapping[str, Any],
    asked: Mapping[str, str],
    refused: Mapping[str, str],
    live: "Live | None",
) -> list[str]:
    """What to change, as `deadband lint` says it; with the last seven days where a cluster tells whom to ask."""
    past, why_not = _past(spec, obj, live)
    found = review(spec, asked, past, refused=refused)
    lines = [f"  {each.severity}: {each.sentence} {each.change} [{each.id}, {each.field}]" for each in found]
    return ["", "What to change", *(lines or ["  nothing that can be told from here"]), *why_not]


def _past(spec: ScalingPolicySpec, obj: Mapping[str, Any], live: "Live | None") -> tuple[Past | None, list[str]]:
    if live is None:
        return None, []
    from deadband.cli.past import PastError, recall

    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    case = Case(f"{namespace}/{name}", namespace, spec, live.sources, live.default_source or "", live.measured)
    try:
        with Progress() as progress:
            return recall([case], now=live.now, told=progress.told)[0], []
    except PastError as error:
        return None, [f"  The last seven days could not be looked at: {error}"]


def _right_now(spec: ScalingPolicySpec, live: "Live") -> list[str]:
    lines = [f"Right now ({words.clock(live.now)}), asked from here", *(f"  {each}" for each in live.trouble)]
    if isinstance(live.target, Target):
        lines.append(f"  target: {_standing(spec, live.target)}")
    seen = {metric.name: metric for metric in live.status.metrics}
    for metric in spec.metrics:
        match live.readings[metric.name]:
            case Sample():
                lines.append(f"  {words.reading_clause(metric, live.decision.observed[metric.name])}")
            case Interval(why=unmeasured):
                lines.append(f"  {words.reading_clause(metric, live.decision.observed[metric.name])}")
                lines += [f"    not measured: {each}" for each in unmeasured]
            case Absent(reason=reason, message=message):
                why = f"{reason}: {message}" if message else str(reason)
                before = seen.get(metric.name)
                known = f"; the operator last saw {before.value or before.verdict}" if before is not None else ""
                lines.append(f"  {metric.name}: no value from here ({why}){known}")
    said = live.status.decision
    if said is not None:
        lines += [f"  the operator's verdict: {said.sentence} [{said.reason}, {said.rule}]", f"  next: {said.next}"]
    if said is None or not any(map(_unreached, live.readings.values())):
        # Where this machine cannot ask, a verdict from here would only say that nothing is known here.
        lines.append(f"  on these values: {live.decision.sentence} [{live.decision.reason}, {live.decision.rule}]")
    return lines


def _standing(spec: ScalingPolicySpec, target: Target) -> str:
    pods = f"{target.pods} replicas, {target.ready} ready, {target.available} available"
    hpa = target.autoscaled
    if hpa is None:
        return pods
    other = f" (its maxReplicas is {hpa.cap})" if hpa.cap is not None else ""
    other = f" (its minReplicas is {hpa.floor})" if hpa.floor is not None else other
    stands = "differ" if hpa.loose else f"at {target.replicas}"
    return f"{words.subject(spec)} {stands}{other}; its workload has {pods}"


def _unreached(reading: Reading) -> bool:
    return isinstance(reading, Absent) and reading.reason in (Reason.ERROR, Reason.TIMEOUT, Reason.SOURCE_NOT_FOUND)
