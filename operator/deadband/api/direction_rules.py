"""Contradictions within one direction: its expression, its triggers, its step."""

from collections.abc import Callable, Iterator
from typing import Any

from deadband.api.behavior import Direction, ScaleDown, ScaleUp, Step, StepType, Tier, Trigger
from deadband.api.rule import Broken, Rule, exactly_one, triggers, twice, when
from deadband.api.types import render_decimal


def _every_trigger(condition: str) -> str:
    """CEL: `condition` on each trigger `t` of whichever expression is given."""
    return " && ".join(f"(!has(self.{key}) || self.{key}.all(t, {condition}))" for key in ("anyOf", "allOf"))


def _proportional(model: type[Direction], message: str, condition: str, kept: Callable[[Trigger], bool]) -> Rule[Any]:
    """A condition on the triggers of a direction that acts in Proportional steps (R8 divides by the threshold)."""

    def broken(direction: Direction) -> Iterator[Broken]:
        if not direction.enabled or direction.step.type is not StepType.PROPORTIONAL:
            return
        for path, trigger in triggers(direction):
            if not kept(trigger):
                key = "above" if trigger.above is not None else "below"
                yield Broken("step", f"{path}.{key} is {render_decimal(trigger.threshold)}")

    return Rule(
        model,
        "step",
        message,
        f"self.mode == 'Disabled' || self.step.type != 'Proportional' || ({_every_trigger(condition)})",
        broken,
    )


def _step_key(key: str, attribute: str, owner: StepType) -> tuple[Rule[Step], Rule[Step]]:
    """A key of one step type: required with it, refused with any other."""
    return (
        Rule(
            Step,
            key,
            f"is required with type {owner}",
            f"self.type != '{owner}' || has(self.{key})",
            lambda step: when(step.type is owner and getattr(step, attribute) is None, key),
        ),
        Rule(
            Step,
            key,
            f"belongs to type {owner}: remove it, or change the type",
            f"self.type == '{owner}' || !has(self.{key})",
            lambda step: when(step.type is not owner and getattr(step, attribute) is not None, key, step.type),
        ),
    )


def _positive(trigger: Trigger) -> bool:
    return (trigger.above is None or trigger.above > 0) and (trigger.below is None or trigger.below > 0)


DIRECTION_RULES: tuple[Rule[Any], ...] = (
    Rule(
        Direction,
        "",
        "anyOf and allOf exclude each other: keep one",
        "!has(self.anyOf) || !has(self.allOf)",
        lambda direction: when(direction.any_of is not None and direction.all_of is not None),
    ),
    Rule(
        Direction,
        "",
        "one of anyOf and allOf must be given, unless the mode is Disabled",
        "self.mode == 'Disabled' || has(self.anyOf) || has(self.allOf)",
        lambda direction: when(direction.enabled and direction.any_of is None and direction.all_of is None),
    ),
    exactly_one(Trigger, above="above", below="below"),
    _proportional(
        ScaleUp,
        "a Proportional step up needs triggers with above: choose the type Pods, Percent or Tiers",
        "!has(t.below)",
        lambda trigger: trigger.below is None,
    ),
    _proportional(
        ScaleDown,
        "a Proportional step down needs triggers with below: choose the type Pods, Percent or Tiers",
        "!has(t.above)",
        lambda trigger: trigger.above is None,
    ),
    _proportional(
        Direction,
        "a Proportional step needs thresholds greater than 0: choose the type Pods, Percent or Tiers",
        "(!has(t.above) || double(t.above) > 0.0) && (!has(t.below) || double(t.below) > 0.0)",
        _positive,
    ),
    *_step_key("pods", "pods", StepType.PODS),
    *_step_key("percent", "percent", StepType.PERCENT),
    *_step_key("tiers", "tiers", StepType.TIERS),
    Rule(
        Step,
        "minPods",
        "belongs to the types Percent and Tiers: remove it, or change the type",
        "!has(self.minPods) || self.type in ['Percent', 'Tiers']",
        lambda step: when(
            step.min_pods is not None and step.type not in (StepType.PERCENT, StepType.TIERS), "minPods", step.type
        ),
    ),
    Rule(
        Step,
        "tiers",
        "two tiers must not have the same beyond: merge them",
        "!has(self.tiers) || self.tiers.all(a, self.tiers.exists_one(b, double(a.beyond) == double(b.beyond)))",
        lambda step: twice(step.tiers or (), "tiers", "beyond"),
    ),
    exactly_one(Tier, percent="percent", pods="pods"),
)
