import pytest

from tests.chart.value_sets import GOLDEN, VALUE_SETS, rendered


@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_chart_renders_what_was_last_read_and_committed(name: str) -> None:
    golden = (GOLDEN / f"{name}.yaml").read_text()

    assert rendered(name) == golden, "if this is meant: python -m tests.chart.value_sets, and read the difference"


def test_every_golden_file_belongs_to_a_value_set() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(VALUE_SETS)
