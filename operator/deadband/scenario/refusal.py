"""Whether a scenario's policy is refused, and why: the operator's own checks, and what scenarios cannot play yet."""

from collections.abc import Mapping
from typing import Any

from deadband.api.validation import InvalidError
from deadband.engine.validity import check_policy


def refusal(policy: Mapping[str, Any]) -> list[str]:
    """Tell every fault of a manifest, as `field: message`; none when it is accepted."""
    try:
        check_policy(policy)
    except InvalidError as error:
        return [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in error.faults]
    return []
