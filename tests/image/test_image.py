"""The image as its Dockerfile makes it: pinned, by nobody, without installers; and its bill of materials."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "operator" / "Dockerfile").read_text()
INSTRUCTIONS = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
LOCK = (ROOT / "requirements" / "runtime.txt").read_text()


@pytest.fixture(scope="module")
def bill() -> dict[str, object]:
    lock, project = ROOT / "requirements" / "runtime.txt", ROOT / "pyproject.toml"
    command = [sys.executable, "-I", str(ROOT / "operator" / "sbom.py"), str(project), str(lock)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def of(word: str) -> list[str]:
    return [line.removeprefix(word).strip() for line in INSTRUCTIONS if line.startswith(f"{word} ")]


def test_the_base_is_a_patch_version_on_a_named_debian() -> None:
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-[a-z]+", of("ARG")[0])
    assert of("FROM") == ["python:${PYTHON} AS build", "python:${PYTHON}"]


def test_nothing_is_installed_that_a_hash_does_not_pin() -> None:
    installs = [part for run in of("RUN") for part in run.split("&&") if " install " in part]

    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
    assert not [word for word in ("apt", "curl", "wget", "git ") for run in of("RUN") if word in run]
    assert of("ADD") == []


def test_the_image_runs_as_a_number_that_is_not_root_and_starts_without_a_shell() -> None:
    assert of("USER") == ["65532:65532"]
    assert of("ENTRYPOINT") == ['["deadband"]']
    assert of("CMD") == ['["run"]']
    assert of("HEALTHCHECK") == []


def test_the_last_stage_has_no_installer_and_no_source() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert "site-packages/* /usr/local/bin/pip*" in last
    copied = re.findall(r"^COPY (.*)$", last, re.MULTILINE)
    assert copied == [
        "--from=build /opt/deadband /opt/deadband",
        "--from=build /deadband.cdx.json /usr/share/sbom/deadband.cdx.json",
        "LICENSE /licenses/LICENSE",
    ]


def test_the_bill_names_every_pinned_package_once_with_its_version(bill: dict[str, object]) -> None:
    pinned = re.findall(r"^([^\s=\[]+)(?:\[.*\])?==([^\s;]+)", LOCK, re.MULTILINE)
    components = bill["components"]
    assert isinstance(components, list)

    assert len(pinned) > 20
    assert [(each["name"], each["version"]) for each in components] == pinned
    assert len({each["bom-ref"] for each in components}) == len(pinned)


def test_the_bill_is_cyclonedx_and_says_whose_it_is(bill: dict[str, object]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(bill["serialNumber"]))
    metadata = bill["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["component"]["name"] == "deadband"
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9-]+@[^ ]+", each["purl"]) for each in bill["components"])  # type: ignore[attr-defined]
