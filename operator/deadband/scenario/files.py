"""Paths into scenarios: files, folders, and the manifests that scenarios point to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from deadband.scenario.document import Document, NotYamlError, documents
from deadband.scenario.model import Scenario
from deadband.scenario.parse import UnusableError, parse_scenario
from deadband.scenario.places import Fault

SUFFIXES = (".yaml", ".yml", ".json")


MANIFESTS = re.compile(rb"deadband\.dev|\bkind[\"']?\s*:\s*[\"']?(?:ScalingPolicy|MetricSource)\b")
"""What a manifest of deadband's cannot be without."""
SCENARIOS = re.compile(rb"deadband\.dev|^(?:[\s{,]*[\"'])?(?:policy|series|expect)[\"']?\s*:", re.MULTILINE)
"""What a scenario cannot be without: a key of the whole document, or in JSON any."""


_TEMPLATE = b"{{"


@dataclass(slots=True)
class Folders:
    """How folders are searched, and what was met there.

    Attributes:
        exclude: Globs of what is left out. One without a slash is held against every part of the path below the folder,
            one with a slash against the path below it, and against the folders on the way; `*` matches slashes, too.
        wanted: Found in what is no YAML, it keeps the file from being skipped.
        skipped: Files that are neither YAML nor JSON and have nothing of deadband's, such as templates and settings.
    """

    exclude: Sequence[str] = ()
    wanted: re.Pattern[bytes] = MANIFESTS
    skipped: list[Path] = field(default_factory=list)

    def manifests_under(self, path: Path) -> list[Path]:
        """The file itself, or every YAML and JSON file of a folder and below, sorted; hidden ones are left out."""
        if not path.is_dir():
            return [path]
        return sorted(
            each
            for each in path.rglob("*")
            if each.suffix in SUFFIXES
            and each.is_file()
            and not any(part.startswith(".") for part in each.relative_to(path).parts)
            and not self._excluded(each.relative_to(path))
        )

    def read(self, file: Path, *, searched: bool) -> list[Document]:
        """Read a file.

        Args:
            file: The file.
            searched: It was found in a folder, and nobody named it.

        Returns:
            Its documents; none where it is skipped.

        Raises:
            UnusableError: It cannot be read, or is not YAML, and was named or may be deadband's.
        """
        try:
            return read_documents(file)
        except UnusableError as error:
            if not searched:
                raise
            try:
                content = file.read_bytes()
            except OSError:
                raise error from None  # what is in it, nobody can tell
            if self.wanted.search(content):
                raise _templated(error) if _TEMPLATE in content else error from None
            self.skipped.append(file)
            return []

    def _excluded(self, below: Path) -> bool:
        paths = [each.as_posix() for each in (below, *below.parents)]
        return any(
            fnmatchcase(candidate, glob.rstrip("/"))
            for glob in self.exclude
            for candidate in (paths if "/" in glob.rstrip("/") else below.parts)
        )


def _templated(error: UnusableError) -> UnusableError:
    advice = "a template is rendered first (helm template CHART | deadband validate -), or left out with --exclude"
    return UnusableError(
        error.file, [Fault(each.line, each.field, f"{each.message}; {advice}") for each in error.faults]
    )


def read_documents(path: Path) -> list[Document]:
    """Read a file.

    Raises:
        UnusableError: It cannot be read, or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableError(path, [Fault(1, "", "is not UTF-8 text")]) from error
    except OSError as error:
        raise UnusableError(path, [Fault(1, "", f"cannot be read: {error.strerror or error}")]) from error
    try:
        return documents(text, as_json=path.suffix == ".json")
    except NotYamlError as error:
        raise UnusableError(path, [Fault(error.line, "", str(error))]) from error


def load(path: Path, folders: Folders | None = None) -> tuple[list[Scenario], list[UnusableError]]:
    """Read every scenario of a file, or of a folder and below.

    Manifests (documents with apiVersion and kind) are not scenarios and are passed over. In a folder so is a document
    without any key that only a scenario has; a file that is named itself must hold scenarios.

    Args:
        path: A file or a folder.
        folders: How it is searched, and where skipped files are noted; None: nothing is excluded.

    Returns:
        The scenarios of usable files, in order, and one error for each file that is not usable.
    """
    scenarios: list[Scenario] = []
    unusable: list[UnusableError] = []
    folders = folders or Folders(wanted=SCENARIOS)
    for file in folders.manifests_under(path):
        try:
            scenarios += _scenarios(file, folders, searched=file != path)
        except UnusableError as error:
            unusable.append(error)
    if not scenarios and not unusable:
        unusable.append(UnusableError(path, [Fault(1, "", "holds no scenario")]))
    return scenarios, unusable


def _scenarios(file: Path, folders: Folders, *, searched: bool) -> list[Scenario]:
    scenarios: list[Scenario] = []
    faults: list[Fault] = []
    for document in folders.read(file, searched=searched):
        if _passed_over(document.value, searched=searched):
            continue
        try:
            scenarios.append(parse_scenario(document, file, lambda path, name: read_policy(file.parent / path, name)))
        except UnusableError as error:
            faults += error.faults
    if faults:
        raise UnusableError(file, faults)
    return scenarios


def _passed_over(value: Any, *, searched: bool) -> bool:
    if value is None:
        return True  # an empty document, such as the one after a last `---`
    if isinstance(value, dict) and {"apiVersion", "kind"} <= value.keys():
        return True
    return searched and not (isinstance(value, dict) and {"policy", "series", "expect"} & value.keys())


def read_policy(path: Path, name: str | None) -> Mapping[str, Any]:
    """Read the manifest of one ScalingPolicy from a file.

    Args:
        path: The file.
        name: Its metadata.name; None when the file holds one policy only.

    Raises:
        ValueError: The file cannot be read, or does not hold exactly one such policy.
    """
    try:
        found = read_documents(path)
    except UnusableError as error:
        raise ValueError(f"{path}: {error.faults[0].message}") from error
    manifests = [each.value for each in found if isinstance(each.value, dict)]
    policies = [each for each in manifests if each.get("kind") == "ScalingPolicy" and name in (None, _name(each))]
    if len(policies) == 1:
        return policies[0]
    called = f' named "{name}"' if name is not None else ""
    if not policies:
        raise ValueError(f"{path} holds no ScalingPolicy{called}")
    raise ValueError(f"{path} holds {len(policies)} ScalingPolicies{called}: say which by name")


def _name(manifest: Mapping[str, Any]) -> Any:
    metadata = manifest.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None
