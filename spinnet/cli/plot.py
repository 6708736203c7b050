"""``spinnet plot``: the figures of a comparison, drawn again."""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the figures [beside the source].")
@json_option
def plot(source: Path, output: Path | None, as_json: bool) -> None:
    """Draw the figures of SOURCE: a campaign folder or a comparison file.

    \b
    Example:
      spinnet plot results/glass_vs_network
    """
    from spinnet.errors import InputError
    from spinnet.plotting import draw_all

    comparison, names = source, None
    if source.is_dir():
        from spinnet.campaign.layout import open_campaign

        comparison, names = source / "comparison.h5", open_campaign(source)[1].figures.get("draw")
    if output is not None and output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file: give a folder for the figures with -o")
    paths = draw_all(comparison, output or comparison.parent / "figures", names)
    if as_json:
        print_json([str(path) for path in paths])
    else:
        for path in paths:
            click.echo(path)
