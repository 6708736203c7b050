"""``spinnet report``: what a study says of its results, computed again."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json, print_table

_WIDTH = 110


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@json_option
def report(directory: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Compute the reports of the campaign in DIRECTORY again (all, or NAMES) and draw their figures.

    \b
    Examples:
      spinnet report results/pspin_relaxation
      spinnet report results/pspin_relaxation relaxation --json
    """
    from spinnet.campaign.report_step import report_study
    from spinnet.errors import InputError
    from spinnet.plotting import draw_report

    found = report_study(directory, names, tell=lambda line: click.echo(line, err=True))
    if not found:
        raise InputError(f"the study in {directory} has no reports: add a table [report.KIND] to its file")
    shown = []
    for one in found:
        figures = draw_report(one.path, directory / "figures")
        shown.append({**one.as_dict(), "figures": [str(path) for path in figures]})
        if not as_json:
            show_report(one)
            click.echo(f"\nwritten to {one.path}{figure_names(figures)}")
    if as_json:
        print_json({"directory": str(directory), "reports": shown})


def show_report(one) -> None:
    """Print a report for people: its table, then what was found."""
    click.echo(f"\n{one.title}: {one.name}" if one.title else f"\n{one.name}")
    print_table([with_errors(row) for row in one.rows])
    for line in one.findings:
        click.echo(textwrap.fill(line, _WIDTH, initial_indent="- ", subsequent_indent="  "))


def with_errors(row) -> dict:
    """Each value with the error that stands beside it in one cell, other numbers to six digits."""
    cells = {}
    for name, value in row.items():
        if name.endswith("_error") and name[: -len("_error")] in row:
            continue
        if isinstance(value, float):
            error = row.get(f"{name}_error")
            value = f"{value:.5g}" if error is None else _bracketed(value, error)
        cells[name] = value
    return cells


def _bracketed(value: float, error: float) -> str:
    """ "-1.0900(46)": the error of the last digits in brackets."""
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{value:.5g}"
    digits = max(0, 1 - math.floor(math.log10(float(f"{error:.1e}"))))
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def figure_names(paths: list[Path]) -> str:
    """ ", figures/relaxation (.pdf, .png)" for the end of a line."""
    stems = sorted({str(path.with_suffix("")) for path in paths})
    return f", {', '.join(stems)} (.pdf, .png)" if stems else ""
