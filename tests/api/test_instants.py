"""Instants on the wire: with a zone, and within years from which no period leads out of what a date can be."""

import pytest
from pydantic import ValidationError

from deadband.api.status import TimerStatus


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1899-12-31T23:59:59Z", "3000-01-01T00:00:00Z",
     "9999-12-31T23:59:59-23:59", "2026-03-01T12:00:00", "yesterday"],
)  # fmt: skip
def test_what_is_no_instant_of_this_time_is_refused_like_any_wrong_value(text: str) -> None:
    with pytest.raises(ValidationError):
        TimerStatus.model_validate({"heldSince": text})


@pytest.mark.parametrize("text", ["1900-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2999-12-31T23:59:59Z"])
def test_an_instant_comes_back_as_it_was_written(text: str) -> None:
    assert TimerStatus.model_validate({"heldSince": text}).model_dump(mode="json")["heldSince"] == text
