"""One verdict on a policy's manifest: shape, contradictions, PromQL and calendars together."""

from collections.abc import Mapping
from typing import Any

from deadband.api.scalingpolicy import ScalingPolicySpec
from deadband.api.validation import InvalidError, validate_policy
from deadband.engine.calendar import calendar_faults
from deadband.queries.syntax import promql_faults


def check_policy(document: Mapping[str, Any]) -> ScalingPolicySpec:
    """Validate a whole ScalingPolicy manifest.

    Raises:
        InvalidError: With every fault that could be seen and its field.
    """
    spec = validate_policy(document).spec
    faults = [*promql_faults(spec), *calendar_faults(spec)]
    if faults:
        raise InvalidError(faults)
    return spec
