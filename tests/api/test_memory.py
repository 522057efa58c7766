"""What thousands of models hold in common, and that none changes it for another."""

from deadband.api.behavior import Trigger
from deadband.api.status import TimerStatus


def test_models_with_the_same_fields_given_share_the_set_of_them() -> None:
    above, other = (
        Trigger.model_validate({"metric": "a", "above": 1}),
        Trigger.model_validate({"metric": "b", "above": 2}),
    )
    below = Trigger.model_validate({"metric": "a", "below": 1})

    assert above.__pydantic_fields_set__ is other.__pydantic_fields_set__
    assert above.model_fields_set == {"metric", "above"}
    assert below.model_fields_set == {"metric", "below"}


def test_a_changed_copy_changes_nothing_of_its_like() -> None:
    one, other = TimerStatus(), TimerStatus()

    changed = one.model_copy(update={"held_since": None})

    assert changed.model_fields_set == {"held_since"}
    assert one.model_fields_set == other.model_fields_set == set()
