"""How commands print: tables for terminals and for pipes, JSON, YAML."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import yaml


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: by rich on a terminal (which honours NO_COLOR), in plain aligned columns elsewhere."""
    cells = [list(row) for row in rows]
    if sys.stdout.isatty():
        _print_rich(headings, cells)
        return
    lines = [[heading.upper() for heading in headings], *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_rich(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading.upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: a cell's brackets are not markup
    Console(highlight=False).print(table)


def print_yaml(values: Any) -> None:
    """Print one YAML document."""
    click.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110), nl=False)


def print_json(values: Any) -> None:
    """Print one JSON document, indented."""
    click.echo(json.dumps(values, indent=2, ensure_ascii=False))
