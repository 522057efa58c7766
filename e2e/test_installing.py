"""docs/installing.md with hands on a control plane, but for what needs a container engine, or containers that run.

The page tells of two ways to install, so it is read twice: first with Helm, then without, on what Helm has left.
"""

from pathlib import Path

from e2e.documents import DOCS, ROOT, reader, script
from e2e.testbed.native import NativeCluster

PAGE = DOCS / "installing.md"
WITHOUT_HELM = "## Without Helm\n"
NOTHING_RUNS = {
    "rollout status deployment/deadband": "get deployment/deadband",
    "helm test deadband": "helm status deadband",
}
"""There is no image: what waits for its pods only looks whether there is something to wait for."""
WRITTEN_OUT = {
    "leadgen-staging}' …": "leadgen-staging}' --create-namespace --set crds.enabled=false",
    "…": "deadband",
}
"""What the reader writes in place of dots."""


def sections() -> tuple[str, str]:
    """The page without the section about no Helm, and that section."""
    before, _, rest = PAGE.read_text().partition(WITHOUT_HELM)
    section, heading, after = rest.partition("\n## ")
    return before + heading + after, section


def test_every_command_of_the_page_does_what_it_says(own_control_plane: NativeCluster, tmp_path: Path) -> None:
    place = tmp_path / "reader"
    place.mkdir()
    for name in ("charts", "crds", "examples"):
        (place / name).symlink_to(ROOT / name)
    for name in ("token", "ca.crt"):
        (place / name).write_text("not a secret")
    with_helm, without = sections()
    parts = {
        "with Helm": (with_helm, "kubectl create namespace leadgen; kubectl create namespace leadgen-staging"),
        "without": (without, "kubectl delete namespace deadband-system"),
    }
    for name, (text, before) in parts.items():
        commands = script(name, text, {**NOTHING_RUNS, **WRITTEN_OUT}, before, leave_out=r"(make image|docker)\b")
        reading = reader(name, commands, place, own_control_plane)
        reading.start()
        assert reading.wait(timeout=90) == 0, reading.log.read_text()
