"""The demo's picture for the README: the final screen of a real run as an SVG."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from e2e.testbed.demo.frame import Frame
from e2e.testbed.demo.judge import Verdict
from e2e.testbed.demo.screen import picture, quotation, verdict_table

_WIDTH = 136
_WEB_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def save_portrait(path: Path, frames: Sequence[Frame], verdicts: Sequence[Verdict], quoted: tuple[str, str]) -> None:
    """Write the SVG.

    Args:
        path: Of the file; its folder must exist.
        frames: Every moment of the play, at least one.
        verdicts: Of the judge.
        quoted: A command and what it printed at the end.

    Raises:
        OSError: The file cannot be written.
    """
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(picture(frames, width=_WIDTH, span=max(1.0, frames[-1].at)))
    console.print(quotation(*quoted), soft_wrap=True)
    console.print(Text(""))
    console.print(verdict_table(verdicts))
    # Where a README is shown nothing may be loaded for an image: without the web fonts it uses the reader's own.
    path.write_text(_WEB_FONT.sub("", console.export_svg(title="make demo")), encoding="utf-8")
