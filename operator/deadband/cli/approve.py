"""`deadband approve`, `kubectl deadband approve`."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from deadband.api.conditions import ConditionType
from deadband.api.scalingpolicy import APPROVE_ANNOTATION
from deadband.api.status import Cause, ClosedProposal, Proposal, ProposalOutcome, ScalingPolicyStatus
from deadband.cli import exits
from deadband.cli.reach import Reach, on_cluster, reaches, read_policy_object
from deadband.cli.standing import status_of
from deadband.core import words
from deadband.ports import ObjectRef

if TYPE_CHECKING:
    from deadband.adapters.kube import Kube

_LOOK_EVERY_SECONDS = 1.0


@click.command("approve")
@click.argument("name")
@click.argument("proposal_id", metavar="[ID]", required=False)
@reaches
@click.option("--timeout", type=click.IntRange(0), default=60, show_default=True, help="Seconds to wait; 0: do not.")
def approve_command(
    *,
    name: str,
    proposal_id: str | None,
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    timeout: int,
) -> None:
    """Approve the open proposal of a policy (R13), and tell what comes of it.

    With ID only that proposal, which is what a script should say: the one that was read, not the one that has followed.
    An approval overrules no limit, cooldown, veto or unhealthy target; it waits for them until it expires.

    \b
    Examples:
      kubectl deadband approve api-pods -n leadgen
      kubectl deadband approve api-pods 1a2b3c4d5e --timeout 120

    Exit codes: 0 carried out (with --timeout 0: approved), 1 nothing to approve, or not carried out in time, 2 the
    cluster cannot be reached or refuses.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    reach = Reach(namespace, kubeconfig, context)
    ref = reach.policy(name)

    async def approve(kube: "Kube") -> tuple[bool, str]:
        from deadband.adapters.by_hand import ByHand

        proposal = approvable(await read_policy_object(kube, ref), proposal_id, now=datetime.now(UTC))
        click.echo(f"{proposal.id}: {proposal.text}")
        await ByHand(kube).annotate(ref, {APPROVE_ANNOTATION: proposal.id})
        if not timeout:
            return True, f"Approved; it is carried out at the next evaluation until {words.clock(proposal.expires_at)}."
        return await _outcome(kube, ref, proposal, timeout)

    carried_out, told = on_cluster(reach, approve)
    click.echo(told)
    if not carried_out:
        raise click.exceptions.Exit(exits.DIFFERS)


def approvable(obj: Mapping[str, Any], wanted: str | None, *, now: datetime) -> Proposal:
    """The open proposal, if it may be approved.

    Args:
        obj: The policy.
        wanted: The id that was asked for; None: whichever is open.
        now: The time of the approval.

    Raises:
        ClickException: It may not; the message says why.
    """
    status = status_of(obj)
    proposal, last = status.proposal, status.last_proposal
    if wanted is not None and last is not None and wanted == last.id:
        raise click.ClickException(f"proposal {wanted} is not open any more: {_closed(last)}")
    if proposal is None:
        said = f" {status.decision.sentence}" if status.decision else ""
        raise click.ClickException(f"there is no open proposal.{said}")
    if wanted is not None and wanted != proposal.id:
        raise click.ClickException(f"{wanted} is not the open proposal, which is {proposal.id}: {proposal.text}")
    if now >= proposal.expires_at:
        raise click.ClickException(
            f"proposal {proposal.id} expired at {words.clock(proposal.expires_at)}; "
            "a new one follows at the next evaluation while its direction is still due"
        )
    if proposal.replicas is None:
        raise click.ClickException(f"there is no target that could be scaled, so acting is up to you: {proposal.text}")
    return proposal


def _closed(last: ClosedProposal) -> str:
    what = {
        ProposalOutcome.CARRIED_OUT: "it was carried out",
        ProposalOutcome.EXPIRED: "it expired",
        ProposalOutcome.WITHDRAWN: "it was withdrawn, since it did not apply any more,",
    }[last.outcome]
    return f"{what} at {words.clock(last.time)}"


async def _outcome(kube: "Kube", ref: ObjectRef, proposal: Proposal, seconds: int) -> tuple[bool, str]:
    """Look until status says what became of the proposal, and tell that."""
    status = ScalingPolicyStatus()
    try:
        async with asyncio.timeout(seconds):
            while True:
                status = status_of(await read_policy_object(kube, ref))
                if status.last_proposal is not None and status.last_proposal.id == proposal.id:
                    return _told(status, status.last_proposal)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    except TimeoutError:
        why = _condition(status, ConditionType.ACTION_REQUIRED)
        until = words.clock(proposal.expires_at)
        return False, f"Not carried out within {seconds} s; the approval stands until {until}. {why}".rstrip()


def _told(status: ScalingPolicyStatus, last: ClosedProposal) -> tuple[bool, str]:
    if last.outcome is not ProposalOutcome.CARRIED_OUT:
        return False, f"Not carried out: {_closed(last)}."
    scaled = next((event for event in reversed(status.scale_events) if event.cause is Cause.APPROVAL), None)
    return True, f"Scaled from {scaled.from_} to {scaled.to}." if scaled else f"Carried out: {_closed(last)}."


def _condition(status: ScalingPolicyStatus, type_: ConditionType) -> str:
    return next((each.message for each in status.conditions if each.type == type_), "")
