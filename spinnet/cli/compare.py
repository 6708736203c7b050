"""``spinnet compare``: two results, one table of distances and p-values."""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write [comparison.h5].")
@json_option
def compare(left: Path, right: Path | None, output: Path | None, as_json: bool) -> None:
    """Compare two result files LEFT and RIGHT, or the arms of one campaign folder.

    Only scale-free statistics are tested; the unit that is permuted is a disorder sample or a training seed.

    \b
    Examples:
      spinnet compare A.h5 B.h5 -o comparison.h5
      spinnet compare results/glass_vs_network
    """
    from spinnet.campaign.compare_step import compare_files, compare_study
    from spinnet.errors import InputError

    if right is None:
        if not left.exists():
            raise InputError(f"there is no {left}: give two result files, or the folder of one campaign")
        if not left.is_dir():
            raise InputError(f"{left} alone: give two result files, or the folder of one campaign")
        comparison = compare_study(left, output)
    else:
        target = output or Path("comparison.h5")
        _refuse_other_files(target)
        comparison = compare_files(left, right, target)
    if as_json:
        print_json(comparison.as_dict())
    else:
        show_comparison(comparison)
        click.echo(f"\nwritten to {comparison.path}")


def _refuse_other_files(target: Path) -> None:
    """Only an earlier comparison is replaced; anything else that stands there is somebody's work."""
    from spinnet.errors import InputError, ResultFileError
    from spinnet.results import read_header

    if target.is_dir():
        raise InputError(f"{target} is a folder: give the name of a file with -o")
    if target.exists():
        try:
            schema = read_header(target).get("schema", "")
        except ResultFileError:
            schema = ""
        if schema != "spinnet-comparison":
            raise InputError(f"{target} exists, is no comparison and is not overwritten: give another name with -o")


def show_comparison(comparison) -> None:
    """Print a comparison for people."""
    click.echo(comparison.format())
