"""The progress: a bar where there is a terminal, few lines where there is none."""

import sys

import pytest

from deadband.cli.progress import Progress


def test_without_a_terminal_what_is_short_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.told("Reading history", 0.5)

    assert capsys.readouterr().err == ""


def test_without_a_terminal_a_plain_line_now_and_then_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0, 9, 10, 10, 19, 20, 20, 30, 30])  # read once more for each line
    with Progress(every=10, clock=lambda: next(clock)) as progress:
        for share in (0.1, 0.256, 0.3, 0.31):
            progress.told("Reading history", share)
        progress.told("Playing", 1)

    assert capsys.readouterr().err == "Reading history: 26%\nReading history: 31%\nPlaying: 100%\n"


def test_a_terminal_shows_a_bar_that_goes_when_all_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    with Progress() as progress:
        progress.told("Reading history", 0.25)
        progress.told("Playing", 0.5)

    shown = capsys.readouterr().err
    assert "Playing" in shown
    assert "50%" in shown
    assert shown.endswith("\x1b[2K"), "the line is erased"
