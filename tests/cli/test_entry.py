"""The command line as people meet it: help, exit codes, one line for what went wrong, no waiting for other commands."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from deadband.cli.commands import COMMANDS, deadband
from deadband.cli.entry import run

ROOT = Path(__file__).parents[2]
HEAVY = ("kopf", "kubernetes", "aiohttp", "requests", "prometheus_api_client", "prometheus_client", "rich")


def python(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["version"], id="version"),
        pytest.param(["--help"], id="help"),
        pytest.param(["test", "tests/cases/S01.yaml"], id="test"),
        pytest.param(["validate", "tests/cases/policies"], id="validate"),
        pytest.param(["crds"], id="crds"),
        pytest.param(["explain", "tests/cases/policies/slow-down.yaml", "--offline"], id="explain of a file"),
    ],
)
def test_a_command_does_not_pay_for_the_clients_of_another(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom deadband.cli.entry import run\n"
        f"assert run({arguments!r}) == 0\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = python("-c", code)

    assert done.stdout.splitlines()[-1] == "loaded: []", done.stderr


def test_the_module_is_the_command() -> None:
    done = python("-m", "deadband", "version")

    assert done.returncode == 0
    assert done.stdout.startswith("deadband ")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_examples_and_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0

    shown = capsys.readouterr().out
    assert f"deadband {name}" in shown
    assert "Examples:" in shown
    assert "Exit codes:" in shown


def test_help_lists_every_command_and_every_name_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(name in shown and place.summary in shown for name, place in COMMANDS.items())
    context = deadband.make_context("deadband", ["version"])
    for name in COMMANDS:
        command = deadband.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["tset"], "No such command", id="a command that is none"),
        pytest.param(["test"], "Missing argument", id="an argument that is missing"),
        pytest.param(["test", "a.yaml", "--foo"], "--foo", id="an option that is none"),
        pytest.param(["completion", "tcsh"], "tcsh", id="a shell that is not known"),
        pytest.param(["test", "a.yaml", "-o", "xml"], "xml", id="an output that is none"),
        pytest.param(["explain", "api", "--offline"], "needs a cluster", id="a name without a cluster"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert words in line


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        pytest.param(KeyboardInterrupt(), 130, "Error: interrupted", id="Ctrl-C"),
        pytest.param(RuntimeError("two\nlines"), 70, "Error: unexpected RuntimeError: two lines", id="a fault of ours"),
    ],
)
def test_what_goes_wrong_is_one_line_and_never_a_traceback(
    raised: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr("deadband.cli.test._play", fail)

    assert run(["test", "a.yaml"]) == code
    assert capsys.readouterr().err.strip() == line


def test_an_interrupt_that_came_where_nothing_can_be_raised_ends_the_command_all_the_same() -> None:
    """As in the garbage collector's callbacks while a large answer is parsed."""
    code = (
        "import signal, time, weakref\nfrom deadband.cli import entry, test\n"
        "class Garbage: pass\n"
        "def play(*_):\n"
        "    garbage = Garbage()\n"
        "    watched = weakref.ref(garbage, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "    del garbage\n"
        "    time.sleep(20)\n"
        "test._play = play\n"
        "entry.main(['test', 'a.yaml'])\n"
    )

    done = python("-c", code, timeout=15)

    assert (done.returncode, done.stderr.strip()) == (130, "Error: interrupted")


def test_another_fault_where_nothing_can_be_raised_is_told_as_ever() -> None:
    code = (
        "from deadband.cli.interrupts import keep_interrupts\nkeep_interrupts()\n"
        "class Faulty:\n    def __del__(self): raise ValueError('a fault')\n"
        "Faulty()\n"
    )

    assert "ValueError: a fault" in python("-c", code).stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m deadband crds | head -n 1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_every_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_DEADBAND_COMPLETE" in capsys.readouterr().out


def test_completion_knows_the_commands_without_importing_them() -> None:
    context = deadband.make_context("deadband", [], resilient_parsing=True)

    assert [item.value for item in deadband.shell_complete(context, "v")] == ["validate", "version"]


def test_the_definitions_are_printed_as_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    assert run(["crds"]) == 0

    kinds = [document["spec"]["names"]["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["ScalingPolicy", "MetricSource"]


def test_output_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        code = run(["version"])

    assert code == 70
    assert "No space left" in capsys.readouterr().err
