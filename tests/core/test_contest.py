"""R16 in words and in status: who took what back, how often, and until when deadband leaves the target to it."""

from datetime import timedelta

import pytest

from deadband.api.status import Revert
from deadband.core.contest import MOST_REVERTS, remember_reverts
from deadband.core.decide import decide
from deadband.core.status import next_status
from tests.core.builders import ERROR, T0, event, inputs, spec, status, target

ARGO = "argocd-controller"


def reverts(*seconds_ago: int, manager: str = ARGO) -> list[Revert]:
    return [Revert(time=T0 - timedelta(seconds=ago), manager=manager, from_=4, to=3) for ago in seconds_ago]


def test_the_third_revert_is_named_with_what_was_restored_and_how_often() -> None:
    known = status(event(15, 3, 4), current_replicas=4, reverts=reverts(60, 30))
    given_ = inputs(spec(), target(3, writer=ARGO), 80, status=known)

    decision = decide(given_)

    assert decision.write is None
    assert decision.desired == 4
    assert decision.sentence == (
        "Holding at 3: cpu 80 is above 70; argocd-controller restored 3 after deadband wrote 4, 3 times in 10 minutes, "
        "so the change to 4 is left to it."
    )
    assert decision.next == (
        "Acts again at 2026-01-05 08:10:00Z, or as soon as the spec changes; only one may set replicas."
    )
    conditions = {each.type: each for each in next_status(given_, decision).conditions}
    message = "argocd-controller restored 3 after deadband wrote 4, 3 times in 10 minutes."
    assert conditions["TargetContested"].message == message
    assert (conditions["ScalingActive"].status, conditions["ScalingActive"].message) == ("False", message)
    assert conditions["Ready"].status == "True"


def test_another_object_is_named_before_a_revert() -> None:
    known = status(event(60, 3, 4), current_replicas=3, reverts=reverts(45, 30, 15))

    decision = decide(inputs(spec(), 3, 80, status=known, contested_by="HorizontalPodAutoscaler web"))

    assert decision.contest is not None
    assert decision.contest.clause == "HorizontalPodAutoscaler web writes the same target"


def test_while_the_metrics_are_unknown_the_contest_is_told_all_the_same() -> None:
    known = status(event(60, 3, 4), current_replicas=3, reverts=reverts(45, 30, 15))
    given_ = inputs(spec(), target(3, writer=ARGO), ERROR, status=known)

    conditions = {each.type: each.status for each in next_status(given_, decide(given_)).conditions}

    assert (conditions["TargetContested"], conditions["MetricsAvailable"]) == ("True", "False")


@pytest.mark.parametrize(
    ("ago", "kept"),
    [
        pytest.param((601,), 0, id="a lone one is forgotten after ten minutes"),
        pytest.param((600,), 0, id="at ten minutes exactly"),
        pytest.param((599,), 1, id="a second earlier it still counts"),
        pytest.param((900, 599), 2, id="as long as the latest counts, so do those within ten minutes before it"),
        pytest.param((1199, 599), 1, id="but none that is ten minutes older than the latest"),
        pytest.param((1000, 900, 600), 0, id="all are forgotten together"),
    ],
)
def test_reverts_are_kept_for_ten_minutes_from_the_latest(ago: tuple[int, ...], kept: int) -> None:
    assert len(remember_reverts(inputs(spec(), 3, status=status(reverts=reverts(*ago))))) == kept


def test_a_new_generation_forgets_reverts() -> None:
    known = status(reverts=reverts(45, 30, 15))

    assert remember_reverts(inputs(spec(), 3, status=known, generation=2)) == ()


@pytest.mark.parametrize(
    ("writer", "replicas", "current", "seen"),
    [
        pytest.param("kubectl", 3, 4, True, id="somebody restored what was before our write"),
        pytest.param(None, 3, 4, False, id="nobody else owns the replicas"),
        pytest.param("kubectl", 4, 4, False, id="somebody applied what we wrote"),
        pytest.param("kubectl", 5, 4, False, id="somebody set another value"),
        pytest.param("kubectl", 3, 3, False, id="it was seen at an earlier evaluation"),
        pytest.param("kubectl", 3, 7, False, id="ours had been overwritten already"),
        pytest.param("kubectl", 3, None, False, id="there was no target at the last evaluation"),
    ],
)
def test_a_revert_is_told_from_other_changes(
    writer: str | None, replicas: int, current: int | None, seen: bool
) -> None:
    known = status(event(15, 3, 4), current_replicas=current)

    found = remember_reverts(inputs(spec(), target(replicas, writer=writer), status=known))

    assert found == ((Revert(time=T0, manager="kubectl", from_=4, to=3),) if seen else ())


def test_who_applies_what_we_turned_back_to_takes_nothing_back() -> None:
    """4 to 5 and back to 4, both ours; then a tool whose manifest says 4 comes to share the field."""
    known = status(event(30, 4, 5), event(15, 5, 4), current_replicas=4)

    assert remember_reverts(inputs(spec(), target(4, writer="helm"), status=known)) == ()


def test_a_dry_run_takes_no_change_for_a_revert() -> None:
    """Its shadow went from 3 to 4, the real target stood at 4 and is 3 now."""
    known = status(event(15, 3, 4), current_replicas=4, shadow_replicas=4)

    assert remember_reverts(inputs(spec(mode="DryRun"), target(3, writer="kubectl"), status=known)) == ()


def test_values_from_before_somebody_elses_change_are_not_restored_ones() -> None:
    """Ours were 2 to 3, then somebody set 5, then ours 5 to 6: 5 is from before our write, 2 is not."""
    known = status(event(60, 2, 3), event(15, 5, 6), current_replicas=6)

    def seen(replicas: int) -> int:
        return len(remember_reverts(inputs(spec(), target(replicas, writer="kubectl"), status=known)))

    assert (seen(5), seen(2)) == (1, 0)


def test_reverts_in_status_do_not_grow_with_the_number_of_names() -> None:
    many = [revert for index in range(40, 0, -1) for revert in reverts(index, manager=f"tool-{index}")]

    kept = remember_reverts(inputs(spec(), 3, status=status(reverts=many)))

    assert kept == tuple(many[-MOST_REVERTS:])


@pytest.mark.parametrize(
    ("writer", "contested"),
    [
        pytest.param(ARGO, True, id="it still owns the field"),
        pytest.param(f"{ARGO} and helm", True, id="it shares the field"),
        pytest.param("helm", False, id="another manager owns it"),
        pytest.param(None, False, id="no manager does"),
    ],
)
def test_a_contest_lasts_while_the_manager_owns_the_field(writer: str | None, contested: bool) -> None:
    known = status(event(60, 3, 4), current_replicas=3, reverts=reverts(45, 30, 15))

    decision = decide(inputs(spec(), target(3, writer=writer), 80, status=known))

    assert (decision.contest is not None, decision.write) == ((True, None) if contested else (False, 4))
    assert list(decision.reverts) == (known.reverts if contested else [])


def test_of_managers_that_restored_together_either_keeps_the_contest() -> None:
    together = reverts(45, 30, 15, manager="argocd-controller and helm")
    known = status(event(60, 3, 4), current_replicas=3, reverts=together)

    assert decide(inputs(spec(), target(3, writer="helm"), 80, status=known)).contest is not None
