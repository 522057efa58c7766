"""`deadband status`, `kubectl deadband status`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from deadband.cli.output import print_json, print_table, print_yaml
from deadband.cli.reach import Reach, on_cluster, reaches
from deadband.cli.standing import Standing, standing

if TYPE_CHECKING:
    from deadband.adapters.kube import Kube


@click.command("status")
@reaches
@click.option("-A", "--all-namespaces", is_flag=True, help="Policies of every namespace.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def status_command(
    *,
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    all_namespaces: bool,
    output: Literal["table", "json", "yaml"],
) -> None:
    """Show how all policies stand, what needs attention first.

    STATE is the first that applies of Stalled, Contested, ActionRequired, NoMetrics, Flapping, Unseen (no operator has
    evaluated this generation), Limited, Paused, DryRun and Active; at minReplicas a policy is Active.

    \b
    Examples:
      kubectl deadband status
      kubectl deadband status -A
      kubectl deadband status -n leadgen -o json

    Exit codes: 0 shown, 2 the cluster cannot be read.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    where = "" if all_namespaces else reach.chosen_namespace

    async def listed(kube: "Kube") -> list[dict[str, Any]]:
        from deadband.adapters.policies import KubePolicies

        return await KubePolicies(kube, namespaces=[where]).list_policies()

    found = sorted(map(standing, on_cluster(reach, listed)), key=lambda one: one.urgency)
    match output:
        case "json":
            print_json([one.as_json() for one in found])
        case "yaml":
            print_yaml([one.as_json() for one in found])
        case "table":
            _print(found, where)


def _print(found: Sequence[Standing], where: str) -> None:
    if not found:
        click.echo(f"no ScalingPolicy in namespace {where}" if where else "no ScalingPolicy in any namespace", err=True)
        return
    headings = ("namespace", "name", "state", "target", "current", "desired", "metrics", "reason", "decision")
    first = 1 if where else 0
    print_table(headings[first:], (_row(one)[first:] for one in found))


def _row(one: Standing) -> tuple[str, ...]:
    current, desired = ("" if count is None else str(count) for count in (one.current, one.desired))
    return (
        one.namespace, one.name, one.state, one.target, current, desired, one.values, one.reason, one.sentence
    )  # fmt: skip
