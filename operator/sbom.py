"""The software bill of materials of the image, in CycloneDX 1.6, written from the locked requirements.

Run when the image is built, before anything is installed, so it needs the standard library alone. The same lock gives
the same bytes. Source: CycloneDX 1.6 JSON reference; package-url specification, type pypi.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def bill(project: str, lock: str) -> dict[str, Any]:
    """The bill of one lock.

    Args:
        project: Text of pyproject.toml.
        lock: Text of a requirements file in which every package is pinned. What a marker keeps out of the image on
            some platform is listed all the same.
    """
    about = tomllib.loads(project)["project"]
    components = [_component("library", found["name"], found["version"]) for found in _PINNED.finditer(lock)]
    itself = _component("application", about["name"], about["version"])
    itself["licenses"] = [{"license": {"id": about["license"]}}]
    purls = [component["purl"] for component in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join([itself['purl'], *purls]))}",
        "version": 1,
        "metadata": {"component": itself},
        "components": components,
    }


def _component(kind: str, name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> None:
    """Write the bill of `sbom.py PYPROJECT LOCK` to standard output."""
    project, lock = (Path(path).read_text() for path in sys.argv[1:])
    json.dump(bill(project, lock), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
