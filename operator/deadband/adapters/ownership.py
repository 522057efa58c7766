"""Whose a field of spec is, by the managedFields that the API server keeps of every object."""

from collections.abc import Mapping, Sequence
from typing import Any

from deadband.adapters.kube import FIELD_MANAGER


def owners(managed: Sequence[Mapping[str, Any]], field: str) -> list[Mapping[str, Any]]:
    """The entries that own a field of spec.

    Whoever writes another value takes the field over from everybody; whoever applies the same value shares it.

    Args:
        managed: metadata.managedFields.
        field: As managedFields spell it, such as f:replicas.

    Source: Kubernetes documentation, "Server-Side Apply", field management.
    """
    return [entry for entry in managed if field in entry.get("fieldsV1", {}).get("f:spec", {})]


def other_writer(managed: Sequence[Mapping[str, Any]], field: str) -> str | None:
    """Who set a field of spec as it is: the field manager's name, or the names of those who share it.

    Returns:
        None when deadband owns it alone, and when nobody does: a default of the API server's has no owner.
    """
    names = sorted({entry.get("manager", "") for entry in owners(managed, field)} - {FIELD_MANAGER, ""})
    return " and ".join(names) or None
