"""Write what is generated from the models into the checkout, or check that it is up to date.

``python -m deadband.cli.generate [--check]`` from the root of the checkout; `make crds` runs it.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from deadband.api.crd import crds, file_name, render
from deadband.api.reference import reference

CRD_FOLDERS = (Path("crds"), Path("charts/deadband/files/crds"))
"""Where the definitions go; the chart cannot read files outside itself, so it has a copy."""

REFERENCE = Path("docs/reference.md")
"""Every field, rule and reason, for people."""


def generated() -> dict[Path, str]:
    """Every generated file: path relative to the root of the checkout, and its text."""
    texts = {file_name(crd): render(crd) for crd in crds()}
    return {folder / name: text for folder in CRD_FOLDERS for name, text in texts.items()} | {REFERENCE: reference()}


def outdated(root: Path, files: Mapping[Path, str]) -> list[Path]:
    """Those files under `root` that are missing or differ."""
    return [
        path
        for path, text in files.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code, 1 when a checked file is out of date."""
    parser = argparse.ArgumentParser(prog="python -m deadband.cli.generate", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    parser.add_argument("--root", type=Path, default=Path(), help="root of the checkout (default: here)")
    options = parser.parse_args(arguments)
    files = generated()
    late = outdated(options.root, files)
    for path in late:
        if options.check:
            sys.stdout.write(f"{path} is out of date: run `make crds`\n")
            continue
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
    return 1 if options.check and late else 0


if __name__ == "__main__":
    raise SystemExit(main())
