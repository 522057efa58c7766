"""What a tenant can write at all: no address, no path, no Secret and no other namespace has a place in a policy."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from deadband.adapters.kube import Resource
from e2e.manifests.shaped import schema_of

FORBIDDEN = ("url", "uri", "host", "address", "endpoint", "path", "file", "secret", "token", "password", "header",
             "namespace", "command", "script", "webhook", "proxy")  # fmt: skip


def words(name: str) -> list[str]:
    """The words of a name in camel case."""
    return re.sub(r"([A-Z])", r" \1", name).lower().split()


def names(schema: dict[str, Any]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from names(inner)
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from names(inner)


def open_ended(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields"):
        yield schema
    for inner in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        yield from open_ended(inner)


def test_a_policy_has_no_field_for_an_address_a_file_a_secret_or_another_namespace() -> None:
    written = set(names(schema_of("ScalingPolicy")["properties"]["spec"]))

    assert len(written) > 40
    assert {name for name in written if set(FORBIDDEN) & set(words(name))} == set()


def test_a_policy_has_no_field_that_takes_whatever_is_given() -> None:
    assert list(open_ended(schema_of("ScalingPolicy")["properties"]["spec"])) == []


@pytest.mark.parametrize("name", ["../../kube-system/deployments/dns", "a/../b", "..", "a?x=1", "a#b", "a%2f..", "ü"])
def test_the_name_of_a_target_is_one_part_of_the_path_whatever_is_in_it(name: str) -> None:
    path = Resource("apps", "v1", "deployments", "Deployment").path("shop", name, "scale")

    assert path.startswith("/apis/apps/v1/namespaces/shop/deployments/")
    assert len(path.split("/")) == 9
    assert not set("?#") & set(path)
