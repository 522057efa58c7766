from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from deadband.api.crd import crds, render
from deadband.api.schema import Schema, UnstructuredError, structural
from deadband.api.types import ApiModel
from deadband.api.validation import validate_policy, validate_source
from deadband.cli.generate import generated, main, outdated
from e2e.manifests.documents import Document, Good
from e2e.manifests.good_policies import GOOD_POLICIES
from e2e.manifests.sources import GOOD_SOURCES
from tests.api import structural as lint

ROOT = Path(__file__).parents[2]
VERSIONS = [pytest.param(crd["spec"]["versions"][0], id=crd["spec"]["names"]["kind"]) for crd in crds()]


def schema_of(kind: str) -> Schema:
    crd = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == kind)
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return] # a schema is JSON


def test_the_committed_files_are_those_that_the_models_generate() -> None:
    assert outdated(ROOT, generated()) == []


def test_a_changed_file_is_found_and_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0
    changed = tmp_path / "crds" / "deadband.dev_metricsources.yaml"
    changed.write_text("edited by hand")
    capsys.readouterr()
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out == "crds/deadband.dev_metricsources.yaml is out of date: run `make crds`\n"
    assert main(["--root", str(tmp_path)]) == 0
    assert changed.read_text() == render(crds()[1])
    assert main(["--root", str(tmp_path), "--check"]) == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_is_structural(version: Schema) -> None:
    assert list(lint.faults(version["schema"]["openAPIV3Schema"])) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_in_a_spec_is_bounded(version: Schema) -> None:
    assert list(lint.unbounded(version["schema"]["openAPIV3Schema"]["properties"]["spec"])) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_no_printer_column_stays_blank(version: Schema) -> None:
    assert list(lint.blank_columns(version)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_status_has_no_defaults(version: Schema) -> None:
    assert "'default'" not in str(version["schema"]["openAPIV3Schema"]["properties"]["status"])


@pytest.mark.parametrize(
    ("path", "key"),
    [("metrics", "name"), ("vetoes", "name"), ("overrides", "name"), ("status.conditions", "type")],
)
def test_entries_are_owned_by_their_key(path: str, key: str) -> None:
    part, field = path.split(".") if "." in path else ("spec", path)
    node = schema_of("ScalingPolicy")["properties"][part]["properties"][field]
    assert (node["x-kubernetes-list-type"], node["x-kubernetes-list-map-keys"]) == ("map", [key])


def with_defaults(value: Any, schema: Schema) -> Any:
    """What the API server makes of a value: defaults filled in, null taken for absence."""
    if isinstance(value, dict) and "properties" in schema:
        filled = {key: inner for key, inner in value.items() if inner is not None}
        for key, child in schema["properties"].items():
            if key not in filled and "default" in child:
                filled[key] = child["default"]
            if key in filled:
                filled[key] = with_defaults(filled[key], child)
        return filled
    if isinstance(value, list):
        return [with_defaults(entry, schema["items"]) for entry in value]
    return value


@pytest.mark.parametrize("good", [pytest.param(good, id=good.case) for good in [*GOOD_POLICIES, *GOOD_SOURCES]])
def test_the_defaults_of_the_schema_are_those_of_the_models(good: Good) -> None:
    kind = good.document["kind"]
    stored: Document = with_defaults(good.document, schema_of(kind))
    if kind == "ScalingPolicy":
        assert validate_policy(stored) == validate_policy(good.document)
    else:
        assert validate_source(stored) == validate_source(good.document)


def test_defaults_stand_in_the_schema() -> None:
    spec = schema_of("ScalingPolicy")["properties"]["spec"]["properties"]
    assert (spec["intervalSeconds"]["default"], spec["mode"]["default"]) == (15, "Enforce")
    assert spec["scaleDown"]["properties"]["cooldownSeconds"]["default"] == 300
    assert spec["scaleUp"]["properties"]["limits"]["default"] == [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Pods", "value": 4, "periodSeconds": 15},
    ]
    assert spec["scaleUp"]["properties"]["step"]["default"] == {"type": "Proportional"}


class Union(ApiModel):
    value: int | str


class Pair(ApiModel):
    value: tuple[int, int]


class Recursive(ApiModel):
    inner: "Recursive | None" = None


class LookAround(ApiModel):
    value: Annotated[str, Field(json_schema_extra={"pattern": "(?=a)b"})]


class Exclusive(ApiModel):
    value: Annotated[int, Field(gt=0)]


class Anything(ApiModel):
    value: Any


class Pruned(ApiModel):
    value: dict[str, Any]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(Union, "Union.value: a union has no structural form", id="a union"),
        pytest.param(Pair, "Pair.value: no structural form for prefixItems", id="a tuple"),
        pytest.param(Recursive, "Recursive contains itself", id="recursion"),
        pytest.param(LookAround, "LookAround.value: pattern", id="look-around"),
        pytest.param(Exclusive, "Exclusive.value: no structural form for exclusiveMinimum", id="an exclusive bound"),
        pytest.param(Anything, "Anything.value: has no type", id="anything"),
        pytest.param(Pruned, "Pruned.value: an object without fields", id="an object that would be pruned"),
    ],
)
def test_what_has_no_structural_form_is_refused(model: type[ApiModel], message: str) -> None:
    with pytest.raises(UnstructuredError, match=message):
        structural(model)
