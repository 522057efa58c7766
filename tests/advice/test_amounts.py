"""Bounds, limits, tiers, fallbacks and overrides: each finding, and the nearest policy that is free of it."""

from typing import Any

import pytest

from deadband.advice.amounts import amount_findings
from deadband.api.scalingpolicy import ScalingPolicySpec
from tests.core.builders import down, spec, up

QUEUE = [{"name": "cpu", "queue": {"system": "RabbitMQ", "name": "mail"}}]


def said(policy: ScalingPolicySpec) -> list[str]:
    return [f"{finding.id} {finding.field}: {finding.sentence}" for finding in amount_findings(policy)]


def tiers(*beyond: int) -> dict[str, Any]:
    return {"step": {"type": "Tiers", "tiers": [{"beyond": each, "pods": 1} for each in beyond]}}


def override(**changes: Any) -> dict[str, Any]:
    return {"name": "day", "schedule": "0 8 * * *", "durationSeconds": 3600, **changes}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            spec(minReplicas=3, maxReplicas=3),
            "BoundsAreEqual spec.maxReplicas: minReplicas and maxReplicas are both 3, so no reading ever moves the "
            "target.",
            id="no room",
        ),
        pytest.param(
            spec(scaleUp=up(selectPolicy="Disabled")),
            "LimitsForbid spec.scaleUp.selectPolicy: scaleUp becomes due and then moves 0 replicas: selectPolicy "
            "Disabled lets none go through.",
            id="limits that let nothing through",
        ),
        pytest.param(
            spec(
                scaleUp=up(step={"type": "Pods", "pods": 5}, limits=[{"type": "Pods", "value": 4, "periodSeconds": 60}])
            ),
            "StepAboveLimits spec.scaleUp.step.pods: A step of 5 pods never comes about at once: the limits of scaleUp "
            "let at most 4 through.",
            id="a step above its limits",
        ),
        pytest.param(
            spec(fallback={"afterFailures": 3, "behavior": "Static", "replicas": 101}),
            "FallbackOutOfBounds spec.fallback.replicas: The fallback asks for 101 replicas and gets 100: the bounds "
            "are 1 to 100.",
            id="a fallback above the maximum",
        ),
        pytest.param(
            spec(minReplicas=2, fallback={"afterFailures": 3, "behavior": "Static", "replicas": 1}),
            "FallbackOutOfBounds spec.fallback.replicas: The fallback asks for 1 replicas and gets 2: the bounds are 2 to "
            "100.",
            id="a fallback below the minimum",
        ),
        pytest.param(
            spec(scaleUp=up(**tiers(10, 20))),
            "TiersLeaveAGap spec.scaleUp.step.tiers: From 70 to 80 cpu is beyond the threshold and moves nothing: the "
            "first tier begins 10 beyond it.",
            id="tiers that begin late",
        ),
        pytest.param(
            spec(scaleDown=down(**tiers(0, 21)), metrics=QUEUE),
            "TierOutOfReach spec.scaleDown.step.tiers: A tier 21 below 20 begins at -1, and cpu is never below 0.",
            id="a tier below nothing",
        ),
        pytest.param(
            spec(overrides=[override(minReplicas=1)]),
            "OverrideChangesNothing spec.overrides[0]: While day is open the bounds are 1 to 100, as they are without "
            "it.",
            id="an override with the same bounds",
        ),
        pytest.param(
            spec(overrides=[override(minReplicas=101)]),
            "OverrideRaisesMaximum spec.overrides[0].minReplicas: While day is open the minimum 101 is above the "
            "maximum 100, which counts as 101 then.",
            id="an override above the maximum",
        ),
        pytest.param(
            spec(overrides=[override(minReplicas=5, durationSeconds=86400)]),
            "OverrideAlwaysOpen spec.overrides[0].durationSeconds: day opens at least every 86400 s for 86400 s: it is "
            "always open, and the bounds that it replaces never hold.",
            id="an override that never closes",
        ),
    ],
)
def test_it_is_said(policy: ScalingPolicySpec, words: str) -> None:
    assert said(policy) == [words]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(spec(), id="a policy as it should be"),
        pytest.param(spec(minReplicas=3, maxReplicas=4), id="room for one"),
        pytest.param(
            spec(minReplicas=2, fallback={"afterFailures": 3, "behavior": "Static", "replicas": 2}),
            id="a fallback at the minimum",
        ),
        pytest.param(
            spec(minReplicas=3, maxReplicas=3, overrides=[override(maxReplicas=5)]), id="room while an override is open"
        ),
        pytest.param(
            spec(
                scaleUp=up(step={"type": "Pods", "pods": 4}, limits=[{"type": "Pods", "value": 4, "periodSeconds": 60}])
            ),
            id="a step as large as its limit",
        ),
        pytest.param(
            spec(
                scaleUp=up(
                    step={"type": "Pods", "pods": 5}, limits=[{"type": "Percent", "value": 100, "periodSeconds": 60}]
                )
            ),
            id="a step that the limit lets through from 5 replicas on",
        ),
        pytest.param(
            spec(fallback={"afterFailures": 3, "behavior": "Static", "replicas": 100}), id="a fallback at the maximum"
        ),
        pytest.param(
            spec(
                fallback={"afterFailures": 3, "behavior": "Static", "replicas": 120},
                overrides=[override(maxReplicas=120)],
            ),
            id="a fallback that an open override admits",
        ),
        pytest.param(spec(scaleUp=up(**tiers(0, 20))), id="tiers that begin at the threshold"),
        pytest.param(spec(scaleDown=down(**tiers(0, 20)), metrics=QUEUE), id="a tier that is reached at 0"),
        pytest.param(spec(scaleDown=down(**tiers(0, 21))), id="what a query reads may be below 0"),
        pytest.param(spec(overrides=[override(minReplicas=100)]), id="an override up to the maximum"),
        pytest.param(
            spec(overrides=[override(minReplicas=5, durationSeconds=86340)]), id="an override that rests a minute"
        ),
        pytest.param(
            spec(overrides=[override(minReplicas=5, durationSeconds=172800, schedule="0 8 * * 1-5")]),
            id="two days from every weekday leave a part of Sunday",
        ),
        pytest.param(
            spec(scaleTargetRef=None, minReplicas=None, maxReplicas=None, scaleUp=up(**tiers(10))),
            id="without a target nothing moves anyway",
        ),
    ],
)
def test_nothing_is_said(policy: ScalingPolicySpec) -> None:
    assert said(policy) == []
