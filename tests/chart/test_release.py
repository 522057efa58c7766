"""One version, and documentation that knows every value."""

import tomllib

import yaml

from e2e.testbed.chart import CHART

ROOT = CHART.parents[1]


def test_package_chart_and_image_carry_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (package, package)
    assert f"ARG VERSION={package}\n" in (ROOT / "operator" / "Dockerfile").read_text()


def test_the_installation_guide_names_every_value() -> None:
    guide = (ROOT / "docs" / "installing.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert [name for name in values if f"`{name}" not in guide] == []


def test_the_installation_guide_names_every_alert() -> None:
    guide = (ROOT / "docs" / "installing.md").read_text()
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]

    assert [rule["alert"] for rule in rules if rule["alert"] not in guide] == []
