import pytest

from deadband.api.conditions import Reason
from deadband.api.meanings import MEANINGS
from deadband.api.rule import Rule
from deadband.api.rules import RULES
from deadband.api.types import ApiModel
from deadband.api.validation import InvalidError, validate_policy, validate_source
from e2e.manifests.bad_policies import BAD_POLICIES
from e2e.manifests.sources import BAD_SOURCES


def messages() -> set[str]:
    """Every message that the table of bad manifests brings about."""
    told = set()
    for bad in [*BAD_POLICIES, *BAD_SOURCES]:
        with pytest.raises(InvalidError) as refusal:
            (validate_policy if bad.document["kind"] == "ScalingPolicy" else validate_source)(bad.document)
        told |= {fault.message for fault in refusal.value.faults}
    return told


def test_every_rule_has_a_bad_manifest() -> None:
    told = messages()
    assert [rule.message for rule in RULES if not any(message.startswith(rule.message) for message in told)] == []


def test_a_rule_without_cel_is_kept_by_the_key_of_its_list() -> None:
    assert {rule.message for rule in RULES if not rule.cel} == {"names must be unique"}


def wire_names(model: type[ApiModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=f"{rule.model.__name__}: {rule.message}") for rule in RULES])
def test_a_rule_is_reported_at_a_field_of_its_model(rule: Rule[ApiModel]) -> None:
    assert rule.field in wire_names(rule.model) | {""}


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Reason)
