"""Policies whose steps must be refused."""

from e2e.manifests.documents import ABSENT, Bad, policy, step

STEPS = [
    Bad("Pods without pods", policy(**step(type="Pods")), "spec.scaleUp.step.pods", "required with type Pods"),
    Bad("Percent without a percentage", policy(**step(type="Percent")), "spec.scaleUp.step.percent", "required with"),
    Bad("Tiers without tiers", policy(**step(type="Tiers")), "spec.scaleUp.step.tiers", "required with type Tiers"),
    Bad("pods in a Proportional step", policy(**step(pods=2)), "spec.scaleUp.step.pods", "belongs to type Pods"),
    Bad(
        "a percentage in a Pods step",
        policy(**step(type="Pods", pods=1, percent=10)),
        "spec.scaleUp.step.percent",
        "belongs to type Percent",
    ),
    Bad(
        "tiers in a Percent step",
        policy(**step(type="Percent", percent=10, tiers=[{"beyond": 1, "pods": 1}])),
        "spec.scaleUp.step.tiers",
        "belongs to type Tiers",
    ),
    Bad(
        "minPods in a Pods step",
        policy(**step(type="Pods", pods=1, minPods=1)),
        "spec.scaleUp.step.minPods",
        "belongs to the types Percent and Tiers",
    ),
    Bad(
        "minPods in a Proportional step",
        policy(**step(minPods=2)),
        "spec.scaleUp.step.minPods",
        "belongs to the types Percent and Tiers",
    ),
    Bad(
        "two tiers with the same beyond in two spellings",
        policy(**step(type="Tiers", tiers=[{"beyond": 10, "pods": 1}, {"beyond": "10.00", "pods": 2}])),
        "spec.scaleUp.step.tiers[1].beyond",
        "must not have the same beyond",
        server_field="spec.scaleUp.step.tiers",
    ),
    Bad(
        "a tier without a change",
        policy(**step(type="Tiers", tiers=[{"beyond": 10}])),
        "spec.scaleUp.step.tiers[0]",
        "exactly one of percent and pods",
    ),
    Bad(
        "a tier with two changes",
        policy(**step(type="Tiers", tiers=[{"beyond": 10, "pods": 1, "percent": 5}])),
        "spec.scaleUp.step.tiers[0]",
        "exactly one of percent and pods",
    ),
    Bad(
        "a tier before its threshold",
        policy(**step(type="Tiers", tiers=[{"beyond": -1, "pods": 1}])),
        "spec.scaleUp.step.tiers[0].beyond",
        "must be 0 or more",
        server="should be greater than or equal to 0",
    ),
    Bad(
        "a tier before its threshold, as a string",
        policy(**step(type="Tiers", tiers=[{"beyond": "-0.5", "pods": 1}])),
        "spec.scaleUp.step.tiers[0].beyond",
        "must be 0 or more",
        server="should match",
    ),
    Bad(
        "no tiers in a list of tiers",
        policy(**step(type="Tiers", tiers=[])),
        "spec.scaleUp.step.tiers",
        "at least 1 entry",
        server="should have at least 1 items",
    ),
    Bad(
        "a Proportional step up from a threshold of 0",
        policy(scaleUp={"anyOf": [{"metric": "cpu", "above": 0}]}, scaleDown=ABSENT),
        "spec.scaleUp.step",
        "thresholds greater than 0",
    ),
    Bad(
        "a Proportional step down to a negative threshold",
        policy(scaleDown={"allOf": [{"metric": "cpu", "below": "-0.5"}]}),
        "spec.scaleDown.step",
        "thresholds greater than 0",
    ),
    Bad(
        "a Proportional step up on a falling metric",
        policy(scaleUp={"anyOf": [{"metric": "cpu", "below": 10}]}, scaleDown=ABSENT),
        "spec.scaleUp.step",
        "a Proportional step up needs triggers with above",
    ),
    Bad(
        "a Proportional step down on a rising metric",
        policy(scaleDown={"allOf": [{"metric": "cpu", "above": 90}]}),
        "spec.scaleDown.step",
        "a Proportional step down needs triggers with below",
    ),
    Bad(
        "a Proportional step that waits for approval",
        policy(scaleUp={"mode": "Manual", "anyOf": [{"metric": "cpu", "above": 0}]}, scaleDown=ABSENT),
        "spec.scaleUp.step",
        "thresholds greater than 0",
    ),
]
