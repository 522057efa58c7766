"""How the scrape interval is asked for (R1)."""

import promql_parser
import pytest

from deadband.queries.sampling import INTERVALS


def test_the_question_for_the_scrape_interval_parses() -> None:
    promql_parser.parse(INTERVALS)


@pytest.mark.parametrize("span", [600, 60])
def test_scrapes_are_counted_in_the_fuller_of_two_spans_since_the_last_one_may_hold_an_outage(span: int) -> None:
    late, early = f"count_over_time(up[{span}s])", f"count_over_time(up[{span}s] offset {span}s)"

    assert f"{span} / ({early} > {late} or {late}) and up offset {span}s" in INTERVALS
