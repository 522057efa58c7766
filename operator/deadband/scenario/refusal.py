"""Whether a manifest is refused, and why: the operator's own checks, and what the API server says of its metadata."""

from collections.abc import Iterator, Mapping
from typing import Any

from deadband.api.validation import Fault, InvalidError
from deadband.engine.validity import check_policy


def refusal(policy: Mapping[str, Any]) -> list[Fault]:
    """Tell every fault of a ScalingPolicy's manifest; none when it is accepted."""
    faults = list(metadata_faults(policy))
    try:
        check_policy(policy)
    except InvalidError as error:
        faults += error.faults
    return faults


def metadata_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Metadata that the API server would refuse, as far as people write it: `paused: true` without quotes."""
    metadata = manifest.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, Mapping):
        yield Fault("metadata", "must be an object")
        return
    for key in ("name", "namespace"):
        if not isinstance(metadata.get(key, ""), str):
            yield Fault(f"metadata.{key}", "must be a string")
    for key in ("annotations", "labels"):
        texts = metadata.get(key)
        if texts is None:
            continue
        if not isinstance(texts, Mapping):
            yield Fault(f"metadata.{key}", "must be an object")
            continue
        for name, value in texts.items():
            if not isinstance(value, str):
                yield Fault(f"metadata.{key}.{name}", "must be a string: put it in quotes")
