"""Which programs the test bed takes from packages, and what each needs to run from a folder."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Packaged:
    """One program.

    Attributes:
        name: What it is called on PATH, and by whoever asks for it.
        package: The Debian package that has it, or that depends on the one that has it.
        binary: Where the package puts it, from the root; `*` stands for a version.
        asks_version: Arguments with which it prints its version; none where it cannot, and the folder above that of
            the binary is named after it.
        minimum: The oldest version that will do.
        other_names: What it is called on PATH elsewhere.
        libraries: Folders of libraries from the root, beside those of the architecture.
        scripts: Files in which the package names its own place; `/usr/` in them becomes that of the folder.
        environment: What it needs beside the paths of programs and libraries; `{root}` is the folder.
    """

    name: str
    package: str
    binary: str
    asks_version: tuple[str, ...]
    minimum: tuple[int, ...]
    other_names: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


PACKAGED: dict[str, Packaged] = {
    program.name: program
    for program in (
        Packaged(
            "chromium-headless-shell",
            package="chromium-headless-shell",
            binary="usr/lib/chromium/chromium-headless-shell",
            asks_version=("--version",),
            minimum=(111,),  # the first with color-mix() in its stylesheets
            other_names=("chromium", "chromium-browser", "google-chrome"),
            libraries=("usr/lib/*-linux-gnu*/pulseaudio",),
        ),
        Packaged(
            "containerd",
            package="containerd",
            binary="usr/bin/containerd",
            asks_version=("--version",),
            minimum=(1, 6),
        ),
        Packaged(
            "cni-bridge",
            package="containernetworking-plugins",
            binary="usr/lib/cni/bridge",
            asks_version=(),
            minimum=(1,),
        ),
        Packaged(
            "faketime",
            package="faketime",
            binary="usr/bin/faketime",
            asks_version=("--version",),
            minimum=(0, 9),
        ),
        Packaged(
            "postgres",
            package="postgresql",
            binary="usr/lib/postgresql/*/bin/postgres",
            asks_version=("--version",),
            minimum=(13,),
        ),
        Packaged(
            "prometheus-postgres-exporter",
            package="prometheus-postgres-exporter",
            binary="usr/bin/prometheus-postgres-exporter",
            asks_version=("--version",),
            minimum=(0, 11),
            other_names=("postgres_exporter",),
        ),
        Packaged(
            "prometheus-redis-exporter",
            package="prometheus-redis-exporter",
            binary="usr/bin/prometheus-redis-exporter",
            asks_version=("--version",),
            minimum=(1, 45),
            other_names=("redis_exporter",),
        ),
        Packaged(
            "rabbitmq-server",
            package="rabbitmq-server",
            binary="usr/lib/rabbitmq/bin/rabbitmq-server",
            asks_version=(),
            minimum=(3, 10),  # has /metrics/detailed
            scripts=("usr/lib/erlang/bin/erl",),
        ),
        Packaged(
            "redis-server",
            package="redis-server",
            binary="usr/bin/redis-server",
            asks_version=("--version",),
            minimum=(6,),
        ),
    )
}

OF_REAL_NODES = {"cni-bridge", "containerd"}
"""Needed only where a real node runs (e2e/testbed/node/)."""
