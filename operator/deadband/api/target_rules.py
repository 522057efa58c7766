"""Contradictions between a ScalingPolicy's target and the rest of its spec."""

from typing import Any

from deadband.api.rule import Broken, Rule, when
from deadband.api.scalingpolicy import AUTOSCALER_KIND, AUTOSCALER_VERSION, ScaleTargetRef, ScalingPolicySpec

_IS_AUTOSCALER = f"has(self.scaleTargetRef) && self.scaleTargetRef.kind == '{AUTOSCALER_KIND}'"

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
        f"must be at least 1 with a {AUTOSCALER_KIND} target: a floor of 0 needs a feature gate of the API server",
        f"!({_IS_AUTOSCALER}) || !has(self.minReplicas) || self.minReplicas > 0",
        lambda spec: when(spec.moves is not None and spec.min_replicas == 0, "minReplicas"),
    ),
    Rule(
        ScalingPolicySpec,
        "overrides",
        f"bounds must be at least 1 with a {AUTOSCALER_KIND} target",
        f"!({_IS_AUTOSCALER}) || !has(self.overrides) || self.overrides.all(o, "
        "(!has(o.minReplicas) || o.minReplicas > 0) && (!has(o.maxReplicas) || o.maxReplicas > 0))",
        lambda spec: (
            Broken(f"overrides[{index}]", override.name)
            for index, override in enumerate(spec.overrides)
            if spec.moves is not None and 0 in (override.min_replicas, override.max_replicas)
        ),
    ),
)
