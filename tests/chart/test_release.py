"""One version, and documentation that knows every value."""

import json
import tomllib

import pytest
import yaml

from e2e.testbed.chart import CHART, helm
from tests.chart.value_sets import VALUE_SETS

ROOT = CHART.parents[1]


def test_package_chart_and_image_carry_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (package, package)
    assert f"ARG VERSION={package}\n" in (ROOT / "operator" / "Dockerfile").read_text()


@pytest.mark.parametrize("name", VALUE_SETS)
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    said = helm("lint", "--strict", str(CHART), "--values", "-", stdin=json.dumps(VALUE_SETS[name]))

    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_the_installation_guide_names_every_value() -> None:
    guide = (ROOT / "docs" / "installing.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert [name for name in values if f"`{name}" not in guide] == []
