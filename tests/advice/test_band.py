"""The band and the steps across it: numbers worked out by hand, the nearest policy that is free of them, and play."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadband.advice.band import band_findings
from deadband.advice.finding import FindingId, Severity
from deadband.api.scalingpolicy import ScalingPolicySpec
from tests.core.builders import World, down, spec, up

BELOW_60 = {"allOf": [{"metric": "cpu", "below": 60}]}
TWO = [{"name": "cpu", "query": "cpu", "per": "Replica"}, {"name": "memory", "query": "memory", "per": "Replica"}]
CPU_OR_MEMORY = [{"metric": "cpu", "above": 70}, {"metric": "memory", "above": 80}]
AT_6 = (
    "At 6 replicas one goes when cpu is at most 58, not as soon as it is below 60: 5 would read just under 72, above "
    "scaleUp's 70, so R9 holds it. So it is at 6 replicas alone."
)
HALF = {"type": "Percent", "percent": 50}


def said(policy: ScalingPolicySpec, of: FindingId) -> str:
    """The sentence of the only finding of a kind; empty when there is none."""
    found = [finding for finding in band_findings(policy) if finding.id is of]
    assert len(found) <= 1
    return found[0].sentence if found else ""


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            # 60 · n / (n - 1) is above 70 for n < 7; at 2 replicas 70 · 1 / 2 = 35 is the most that lets one go.
            spec(scaleDown=down(**BELOW_60)),
            "At 2 replicas one goes when cpu is at most 35, not as soon as it is below 60: 1 would read just under "
            "120, above scaleUp's 70, so R9 holds it. So it is from 2 to 6 replicas.",
            id="60 and 70 leave too little for few replicas",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), minReplicas=5),
            AT_6,
            id="from 6 replicas to 5, 60 becomes 72",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), minReplicas=6), "", id="from 7 replicas to 6, 60 becomes 70, not above it"
        ),
        pytest.param(
            spec(scaleDown=down(allOf=[{"metric": "cpu", "below": 35}])), "", id="at 2 replicas 35 becomes 70"
        ),
        pytest.param(
            spec(scaleDown=down(allOf=[{"metric": "cpu", "below": 36}])),
            "At 2 replicas one goes when cpu is at most 35, not as soon as it is below 36: 1 would read just under 72, "
            "above scaleUp's 70, so R9 holds it. So it is at 2 replicas alone.",
            id="at 2 replicas 36 becomes 72",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), metrics=[{"name": "cpu", "query": "cpu"}]),
            "",
            id="a value of the whole does not change with the replicas",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), scaleUp=up(anyOf=None, allOf=CPU_OR_MEMORY), metrics=TWO),
            "",
            id="an up that waits for memory, too, may be false",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), scaleUp=up(anyOf=None, allOf=CPU_OR_MEMORY[:1]), minReplicas=5),
            AT_6,
            id="an allOf of one trigger is as sure as it",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), scaleUp=up(anyOf=CPU_OR_MEMORY), metrics=TWO, minReplicas=5),
            AT_6,
            id="an anyOf is true by cpu alone",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60), scaleUp={"mode": "Disabled"}),
            "",
            id="an up that is disabled holds nothing",
        ),
    ],
)
def test_the_guard_decides_instead_of_the_threshold(policy: ScalingPolicySpec, words: str) -> None:
    assert said(policy, FindingId.GUARD_DECIDES_DOWN) == words


@pytest.mark.parametrize(("most", "severity"), [(6, Severity.WARNING), (7, Severity.INFO)])
def test_a_threshold_that_never_decides_is_a_warning(most: int, severity: Severity) -> None:
    (found,) = band_findings(spec(scaleDown=down(**BELOW_60), maxReplicas=most))

    assert found.severity is severity
    assert found.field == "spec.scaleDown.allOf[0].below"
    assert found.change == "Lower it to 35, where it decides by itself, or raise scaleUp's 70."


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            spec(scaleDown=down(**BELOW_60, guard="None")),
            "With guard None, scaleDown goes from 2 replicas to 1 at 60, where the same load reads 120: cpu is above "
            "scaleUp's 70 then.",
            id="one pod of two",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60, guard="None"), minReplicas=0, maxReplicas=2),
            "With guard None, scaleDown goes from 2 replicas to 1 at 60, where the same load reads 120: cpu is above "
            "scaleUp's 70 then.",
            id="to 0 replicas nothing is divided, and the most there can be is looked at",
        ),
        pytest.param(
            spec(scaleDown=down(guard="None", allOf=[{"metric": "cpu", "below": 60}, {"metric": "cpu", "below": 30}])),
            "",
            id="of an allOf the lowest threshold counts",
        ),
        pytest.param(
            spec(
                scaleDown=down(
                    guard="None", allOf=None, anyOf=[{"metric": "cpu", "below": 60}, {"metric": "cpu", "below": 30}]
                )
            ),
            "With guard None, scaleDown goes from 2 replicas to 1 at 60, where the same load reads 120: cpu is above "
            "scaleUp's 70 then.",
            id="of an anyOf the highest",
        ),
        pytest.param(
            spec(
                minReplicas=0,
                maxReplicas=1,
                scaleDown=down(guard="None"),
                scaleUp=up(anyOf=CPU_OR_MEMORY),
                metrics=TWO,
            ),
            "",
            id="to 0 replicas no load is left to be read",
        ),
        pytest.param(spec(scaleDown=down(**BELOW_60)), "", id="the guard is on"),
        pytest.param(spec(scaleDown=down(**BELOW_60, guard="None"), minReplicas=6), "", id="one of 7 leaves 70"),
        pytest.param(
            spec(scaleDown=down(**BELOW_60, guard="None", step={"type": "Pods", "pods": 2}), minReplicas=6),
            # 7 goes to the minimum of 6 and reads 70; 8 goes to 6 and reads 80.
            "With guard None, scaleDown goes from 8 replicas to 6 at 60, where the same load reads 80: cpu is above "
            "scaleUp's 70 then.",
            id="two of 8",
        ),
        pytest.param(
            spec(scaleDown=down(guard="None", step=HALF, allOf=[{"metric": "cpu", "below": 35}])),
            # 35 · 3 / 2 = 52.5, and 35 · 2 / 1 = 70 is not above 70.
            "",
            id="half of any number at most doubles 35",
        ),
        pytest.param(
            spec(scaleDown=down(guard="None", step={"type": "Proportional"}, **BELOW_60), minReplicas=2),
            # 179 on 3 is 59.7 and asks for floor(179 / 60) = 2, where it is 89.5.
            "With guard None, scaleDown goes from 3 replicas to 2 at 60, where the same load reads 90: cpu is above "
            "scaleUp's 70 then.",
            id="in proportion, rounded down",
        ),
        pytest.param(
            spec(
                minReplicas=10,
                scaleDown=down(
                    guard="None",
                    allOf=[{"metric": "cpu", "below": 50}],
                    step={"type": "Tiers", "tiers": [{"beyond": 10, "percent": 50}]},
                ),
            ),
            # At 40 half of 15 would be 7, but the minimum is 10: 40 · 18 / 10 = 72 is the first above 70.
            "With guard None, scaleDown goes from 18 replicas to 10 at 40, where the same load reads 72: cpu is above "
            "scaleUp's 70 then.",
            id="a tier that begins at 40",
        ),
        pytest.param(
            spec(scaleDown=down(guard="None"), scaleUp=up(anyOf=CPU_OR_MEMORY), metrics=TWO),
            "With guard None, scaleDown goes from 2 replicas to 1 whatever memory reads, and what read more than 40 "
            "before is above scaleUp's 80 then.",
            id="memory is not in scaleDown",
        ),
        pytest.param(
            spec(scaleDown=down(guard="None"), scaleUp=up(anyOf=None, allOf=CPU_OR_MEMORY), metrics=TWO),
            "",
            id="memory alone does not make an allOf true",
        ),
        pytest.param(
            spec(scaleDown=down(**BELOW_60, guard="None", selectPolicy="Disabled")), "", id="limits let nothing move"
        ),
    ],
)
def test_without_the_guard_a_step_down_causes_the_next_up(policy: ScalingPolicySpec, words: str) -> None:
    assert said(policy, FindingId.DOWN_CAUSES_UP) == words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            # 70 · 1 / 4 = 17.5; going back, 2 replicas are the fewest at which 70 is not above 70.
            spec(scaleUp=up(step={"type": "Pods", "pods": 3})),
            "From 1 replica at 70 a step goes to 4, where the same load reads 18: below scaleDown's 20, which goes "
            "back to 3. So it is at 1 replica alone.",
            id="three pods beside one",
        ),
        pytest.param(spec(scaleUp=up(step={"type": "Pods", "pods": 3}), minReplicas=2), "", id="70 · 2 / 5 = 28"),
        pytest.param(
            spec(scaleUp=up(step={"type": "Pods", "pods": 3}), maxReplicas=3), "", id="the maximum lets fewer come"
        ),
        pytest.param(
            spec(
                scaleUp=up(step={"type": "Pods", "pods": 3}, limits=[{"type": "Pods", "value": 2, "periodSeconds": 60}])
            ),
            "",
            id="the limits let fewer come",
        ),
        pytest.param(
            spec(
                scaleUp=up(step={"type": "Percent", "percent": 100}),
                scaleDown=down(allOf=[{"metric": "cpu", "below": 40}]),
                minReplicas=2,
                maxReplicas=8,
            ),
            # Up to 4 · 2 = 8; beyond that the maximum cuts, and 70 · 6 / 8 is not below 40, 70 · 4 / 8 = 35 is.
            "From 2 replicas at 70 a step goes to 4, where the same load reads 35: below scaleDown's 40, which goes "
            "back to 3. So it is from 2 to 4 replicas.",
            id="twice as many",
        ),
        pytest.param(
            spec(scaleUp=up(step={"type": "Proportional"}), scaleDown=down(**BELOW_60)),
            "",
            id="in proportion, one replica fewer would be above again",
        ),
        pytest.param(
            spec(scaleUp=up(step={"type": "Tiers", "tiers": [{"beyond": 20, "pods": 6}]})),
            # At 90: 90 · 1 / 7 = 12.9 is below 20, 90 · 2 / 8 = 22.5 is not.
            "From 1 replica at 90 a step goes to 7, where the same load reads 13: below scaleDown's 20, which goes "
            "back to 6. So it is at 1 replica alone.",
            id="a tier that begins at 90",
        ),
    ],
)
def test_a_step_up_that_is_too_large_comes_back(policy: ScalingPolicySpec, words: str) -> None:
    assert said(policy, FindingId.UP_CAUSES_DOWN) == words


@pytest.mark.parametrize(
    ("step", "below"),
    [
        pytest.param({"type": "Pods", "pods": 3}, 17, id="70 · 1 / 4 = 17.5"),
        # From 1 by one pod to 2: 35; from 2 by three to 5: 28; from 4 by six to 10: 28.
        pytest.param({"type": "Percent", "percent": 150}, 28, id="what the worst of the steps needs"),
    ],
)
def test_the_threshold_that_is_advised_is_low_enough(step: dict[str, Any], below: int) -> None:
    """Never rounded up, and with it the finding is gone."""
    narrow = down(allOf=[{"metric": "cpu", "below": 40}])
    (found,) = [
        each for each in band_findings(spec(scaleUp=up(step=step), scaleDown=narrow)) if "scaleUp" in each.field
    ]

    assert found.change == f"Make the step smaller, or lower spec.scaleDown.allOf[0].below to {below}."
    mended = spec(scaleUp=up(step=step), scaleDown=down(allOf=[{"metric": "cpu", "below": below}]))
    assert list(band_findings(mended)) == []


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            spec(scaleDown=down(step={"type": "Proportional"}), minReplicas=2),
            "One evaluation may go from 100 replicas to 2 in proportion to the reading: its limits let 98 of 100 go at "
            "once.",
            id="in proportion and without a limit",
        ),
        pytest.param(
            spec(scaleDown={"allOf": [{"metric": "cpu", "below": 20}]}), "", id="the default limit is half of them"
        ),
        pytest.param(
            spec(scaleDown={"allOf": [{"metric": "cpu", "below": 20}]}, maxReplicas=9), "", id="which is 5 of 9, too"
        ),
        pytest.param(spec(scaleDown=down(step={"type": "Percent", "percent": 50})), "", id="half of them"),
        pytest.param(
            spec(scaleDown=down(step={"type": "Percent", "percent": 51})),
            "One evaluation may go from 100 replicas to 49: its limits let 51 of 100 go at once.",
            id="one more than half of them",
        ),
        pytest.param(
            spec(scaleDown=down(step={"type": "Proportional"}), maxReplicas=3), "", id="of few, one is much anyway"
        ),
        pytest.param(
            spec(scaleDown=down(step={"type": "Proportional"}), maxReplicas=4),
            "One evaluation may go from 4 replicas to 1 in proportion to the reading: its limits let 3 of 4 go at once.",
            id="from 4 on it counts",
        ),
        pytest.param(spec(scaleDown=None), "", id="no down at all"),
    ],
)
def test_a_step_down_takes_more_than_half(policy: ScalingPolicySpec, words: str) -> None:
    assert said(policy, FindingId.DOWN_STEP_WIDE) == words


def test_a_bound_of_an_hpa_is_no_loop_of_its_own() -> None:
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}

    assert list(band_findings(spec(scaleTargetRef=hpa, scaleDown=down(**BELOW_60, guard="None")))) == []


def test_a_policy_without_a_target_has_no_loop() -> None:
    advises = spec(scaleTargetRef=None, minReplicas=None, maxReplicas=None, scaleDown=down(**BELOW_60, guard="None"))

    assert list(band_findings(advises)) == []


STEPS = st.one_of(
    st.just({"type": "Proportional"}),
    st.integers(1, 6).map(lambda pods: {"type": "Pods", "pods": pods}),
    st.integers(1, 150).map(lambda percent: {"type": "Percent", "percent": percent}),
    st.integers(0, 15).map(
        lambda beyond: {
            "type": "Tiers",
            "tiers": [{"beyond": beyond, "pods": 1}, {"beyond": beyond + 10, "percent": 60}],
        }
    ),
)
LIMITS = st.lists(
    st.builds(
        lambda type_, value, period: {"type": type_, "value": value, "periodSeconds": period},
        st.sampled_from(["Pods", "Percent"]),
        st.integers(1, 120),
        st.sampled_from([15, 60]),
    ),
    max_size=2,
)


@st.composite
def closed(draw: st.DrawFn, names: tuple[str, ...]) -> ScalingPolicySpec:
    """A policy on metrics that fall as replicas rise."""
    low = draw(st.integers(1, 8))
    high = {name: draw(st.integers(40, 90)) for name in names}
    below = {name: draw(st.integers(5, high[name] - 1)) for name in names if name == "cpu" or draw(st.booleans())}
    common = st.fixed_dictionaries(
        {"step": STEPS, "limits": LIMITS, "stabilizationWindowSeconds": st.sampled_from([0, 30])}
    )
    return spec(
        minReplicas=low,
        maxReplicas=low + draw(st.integers(1, 40)),
        metrics=[{"name": name, "query": name, "per": draw(st.sampled_from(["Replica", "Average"]))} for name in names],
        scaleUp={
            draw(st.sampled_from(["anyOf", "allOf"])): [{"metric": name, "above": high[name]} for name in names],
            "cooldownSeconds": draw(st.sampled_from([0, 60])),
            **draw(common),
        },
        scaleDown={
            draw(st.sampled_from(["anyOf", "allOf"])): [{"metric": name, "below": below[name]} for name in below],
            "forSeconds": 0,
            "cooldownSeconds": draw(st.sampled_from([0, 60])),
            "guard": draw(st.sampled_from(["None", "ProjectedBelowScaleUp"])),
            **draw(common),
        },
    )


def ways(policy: ScalingPolicySpec, replicas: int, loads: dict[str, int]) -> list[bool]:
    """Play a load that does not change, and tell for each scaling whether it went up."""
    world, went = World(policy, replicas), []
    for _ in range(40):
        before = world.replicas
        average = {metric.name for metric in policy.metrics if metric.effective_per == "Average"}
        world.step({name: load if name in average else f"{load}/{before}" for name, load in loads.items()})
        if world.replicas != before:
            went.append(world.replicas > before)
    return went


def place(policy: ScalingPolicySpec, data: st.DataObject) -> int:
    return data.draw(st.integers(policy.min_replicas or 1, policy.max_replicas or 1), label="replicas")


@pytest.mark.timeout(300)
@settings(deadline=None)
@given(st.one_of(closed(("cpu",)), closed(("cpu", "memory"))), st.data())
def test_a_policy_whose_down_causes_no_up_never_scales_up_after_down(
    policy: ScalingPolicySpec, data: st.DataObject
) -> None:
    found = {finding.id for finding in band_findings(policy)}
    loads = {metric.name: data.draw(st.integers(1, 4000), label=metric.name) for metric in policy.metrics}
    went = ways(policy, place(policy, data), loads)

    if FindingId.DOWN_CAUSES_UP not in found:
        assert went == sorted(went, reverse=True)


@pytest.mark.timeout(300)
@settings(deadline=None)
@given(closed(("cpu",)), st.data())
def test_a_policy_without_a_finding_never_turns_round(policy: ScalingPolicySpec, data: st.DataObject) -> None:
    found = {finding.id for finding in band_findings(policy)}
    went = ways(policy, place(policy, data), {"cpu": data.draw(st.integers(1, 4000), label="cpu")})

    if not found & {FindingId.DOWN_CAUSES_UP, FindingId.UP_CAUSES_DOWN}:
        assert len(set(went)) <= 1


def test_what_is_said_of_two_replicas_comes_about_in_play() -> None:
    """65 on 2 replicas is 32.5 each; on 1 it would be 65, and R9 lets it go; 71 would be 71, and R9 holds it."""
    policy = spec(scaleDown=down(**BELOW_60))

    assert ways(policy, 2, {"cpu": 70}) == [False]
    assert ways(policy, 2, {"cpu": 71}) == []


def test_without_the_guard_it_swings_for_ever_in_play() -> None:
    assert ways(spec(scaleDown=down(**BELOW_60, guard="None")), 2, {"cpu": 100}) == [False, True] * 20
