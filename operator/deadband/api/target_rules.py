"""Contradictions between a ScalingPolicy's target and the rest of its spec."""

from typing import Any

from deadband.api.rule import Broken, Rule, when
from deadband.api.scalingpolicy import AUTOSCALER_KIND, AUTOSCALER_VERSION, Bound, ScaleTargetRef, ScalingPolicySpec

_IS_AUTOSCALER = f"has(self.scaleTargetRef) && self.scaleTargetRef.kind == '{AUTOSCALER_KIND}'"
_CAP_MOVES = f"{_IS_AUTOSCALER} && has(self.bound) && self.bound != '{Bound.MIN_REPLICAS}'"
_CAPS = (Bound.MAX_REPLICAS, Bound.BOTH)
_NO_CAP_OF_0 = f"with bound {' or '.join(_CAPS)}: a {AUTOSCALER_KIND} has no maxReplicas of 0"

TARGET_RULES: tuple[Rule[Any], ...] = (
    Rule(
        ScaleTargetRef,
        "apiVersion",
        f"a {AUTOSCALER_KIND} is named as {AUTOSCALER_VERSION}: correct it",
        f"self.kind != '{AUTOSCALER_KIND}' || self.apiVersion == '{AUTOSCALER_VERSION}'",
        lambda ref: when(
            ref.kind == AUTOSCALER_KIND and ref.api_version != AUTOSCALER_VERSION, "apiVersion", ref.api_version
        ),
    ),
    Rule(
        ScalingPolicySpec,
        "bound",
        f"belongs to a {AUTOSCALER_KIND} target: remove it, or name one in scaleTargetRef",
        f"!has(self.bound) || ({_IS_AUTOSCALER})",
        lambda spec: when(spec.bound is not None and spec.moves is None, "bound"),
    ),
    Rule(
        ScalingPolicySpec,
        "minReplicas",
        f"must be at least 1 {_NO_CAP_OF_0}",
        f"!({_CAP_MOVES}) || !has(self.minReplicas) || self.minReplicas > 0",
        lambda spec: when(spec.moves in _CAPS and spec.min_replicas == 0, "minReplicas"),
    ),
    Rule(
        ScalingPolicySpec,
        "overrides",
        f"bounds must be at least 1 {_NO_CAP_OF_0}",
        f"!({_CAP_MOVES}) || !has(self.overrides) || self.overrides.all(o, "
        "(!has(o.minReplicas) || o.minReplicas > 0) && (!has(o.maxReplicas) || o.maxReplicas > 0))",
        lambda spec: (
            Broken(f"overrides[{index}]", override.name)
            for index, override in enumerate(spec.overrides)
            if spec.moves in _CAPS and 0 in (override.min_replicas, override.max_replicas)
        ),
    ),
)
