"""``spinnet plot``: the figures of a comparison or a report, drawn again."""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the figures [beside the source].")
@json_option
def plot(source: Path, output: Path | None, as_json: bool) -> None:
    """Draw the figures of SOURCE: a campaign folder, a comparison, a report or the file of a measured model.

    \b
    Example:
      spinnet plot results/glass_vs_network
    """
    from spinnet.errors import InputError

    if output is not None and output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file: give a folder for the figures with -o")
    paths = _draw_campaign(source, output) if source.is_dir() else _draw_file(source, output)
    if as_json:
        print_json([str(path) for path in paths])
    else:
        for path in paths:
            click.echo(path)


def _draw_campaign(folder: Path, output: Path | None) -> list[Path]:
    from spinnet.campaign.layout import open_campaign
    from spinnet.plotting import draw_all, draw_report

    layout, study = open_campaign(folder)
    target = output or folder / "figures"
    paths = []
    if study.wants_comparison:
        paths += draw_all(folder / "comparison.h5", target, study.figures.get("draw"))
    for name in study.reports:
        paths += draw_report(layout.report(name), target)
    return paths


def _draw_file(path: Path, output: Path | None) -> list[Path]:
    from spinnet.plotting import draw_all, draw_report
    from spinnet.results import read_header
    from spinnet.results.schema import MODEL, REPORT

    schema = read_header(path)["schema"]
    if schema == MODEL:
        from spinnet.plotting.model_surface import draw_model

        return draw_model(path, output or path.parent)
    if schema == REPORT:
        beside = path.parent.parent if path.parent.name == "reports" else path.parent
        return draw_report(path, output or beside / "figures")
    return draw_all(path, output or path.parent / "figures")
