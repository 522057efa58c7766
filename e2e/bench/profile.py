"""Where the operator's time goes: `python -m e2e.bench.profile`, or `make profile`.

py-spy looks at the running operator from outside a hundred times a second, so that nothing of it is slowed down or
changed. Where the system lets a process be looked at by its parents only (kernel.yama.ptrace_scope), this needs more
rights, and py-spy says so.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from e2e.bench.course import Course
from e2e.bench.fleet import fleet
from e2e.bench.pace import Pace
from e2e.bench.plant import open_plant

_PY_SPY = Path(sys.executable).with_name("py-spy")
_SHOWN = 40


@click.command()
@click.option("--policies", default=5000, help="How many.")
@click.option("--seconds", default=60.0, help="How long it is looked at.")
@click.option("--noisy", is_flag=True, help="Let every reading change with every scrape.")
@click.option("--out", type=click.Path(path_type=Path), default="profile.txt", help="The stacks, for a flame graph.")
def main(policies: int, seconds: float, out: Path, *, noisy: bool) -> None:
    """Show which functions of the running operator take its time."""
    with tempfile.TemporaryDirectory(prefix="deadband-profile-") as folder:
        pace = Pace(window=seconds)
        with open_plant(fleet(policies), pace, Path(folder)) as plant:
            course = Course(plant, Console(stderr=True).print)
            course.begin()
            if noisy:
                plant.exporters.make_noise()
            record(plant.operator.process.pid, seconds, out)
    show(out.read_text().splitlines())


def record(pid: int, seconds: float, out: Path) -> None:
    """Look at a process for some seconds, and write its stacks that ran Python with how often each was seen."""
    options = ["--pid", str(pid), "--duration", str(round(seconds)), "--format", "raw", "--gil", "--output", str(out)]
    subprocess.run([_PY_SPY, "record", *options], check=True, stdout=subprocess.DEVNULL)


def show(lines: Iterable[str]) -> None:
    """Print the functions that are seen most, by themselves and with what they call."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in lines:
        stack, _, seen = line.rpartition(" ")
        functions = [frame.rpartition(":")[0] for frame in stack.split(";")]
        own[functions[-1]] += int(seen)
        for function in set(functions):
            whole[function] += int(seen)
    everything = own.total()
    table = Table("function", "itself", "with what it calls")
    for function, often in whole.most_common(_SHOWN):
        table.add_row(function, f"{own[function] / everything:.1%}", f"{often / everything:.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
