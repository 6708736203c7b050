"""``spinnet info``, ``rerun`` and ``export``: what a result file is, the same again, and for other programs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json, print_mapping
from spinnet.errors import EXIT_FAILED_TASKS

_file = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@_file
@click.option("--digest", "only_digest", is_flag=True, help="Print the digest alone: equal digests are equal bits.")
@json_option
def info(file: Path, only_digest: bool, as_json: bool) -> None:
    """Print what the result FILE is, how it was made, and how to make it again.

    The digest covers everything outside /provenance and is verified on the way.

    \b
    Examples:
      spinnet info results/glass_vs_network/collected.h5
      spinnet info collected.h5 --digest
    """
    from spinnet.results.description import describe

    found = describe(file)
    if only_digest:
        print_json({"digest": found["digest"]}) if as_json else click.echo(found["digest"])
        return
    if as_json:
        print_json(found)
        return
    provenance, variables = found.pop("provenance"), found.pop("variables")
    configuration = found.pop("configuration")
    print_mapping(found)
    click.echo("\nvariables")
    for line in variables:
        click.echo(f"  {line}")
    click.echo("\nprovenance")
    for name, value in provenance.items():
        click.echo(f"  {name.replace('_', ' '):<24} {value}")
    if configuration:
        click.echo("\nconfiguration")
        click.echo("  " + json.dumps(configuration, indent=1, ensure_ascii=False).replace("\n", "\n  "))


@click.command()
@_file
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the second making […-rerun].")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Worker processes [one per core].")
@json_option
def rerun(file: Path, output: Path | None, jobs: int | None, as_json: bool) -> None:
    """Compute a result FILE (of a task, or collected.h5) again and compare it bit by bit.

    Exit code 0: the same bits; 1: they differ, and where.

    \b
    Example:
      spinnet rerun results/glass_vs_network/collected.h5
    """
    from spinnet.campaign.rerun import rerun as make_again
    from spinnet.cli.progress import TerminalProgress

    progress = TerminalProgress(quiet=as_json)
    try:
        found = make_again(file, output, jobs, progress)
    finally:
        progress.close()
    if as_json:
        print_json({"file": str(found.first), "again": str(found.second), "digests": found.digests,
                    "same": found.same, "differences": found.differences})  # fmt: skip
    elif found.exit_code:
        for line in found.differences:
            click.echo(line, err=True)
    else:
        verdict = "the same bits" if found.same else "OTHER BITS"
        click.echo(f"{found.second}: {verdict} as {found.first}" if found.same else f"{found.second}: {verdict} than "
                   f"{found.first}")  # fmt: skip
        for line in found.differences:
            click.echo(f"  {line}")
    raise SystemExit(found.exit_code or (0 if found.same else EXIT_FAILED_TASKS))


@click.command()
@_file
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--variable", "-v", "variables", multiple=True, metavar="GROUP/NAME", help="What to export [all].")
@click.option("--arm", default="", help="Of one arm only.")
@click.option("--point", default="", help="Of one point only, such as n=64.")
@click.option("--overwrite", is_flag=True, help="Replace TARGET.")
@json_option
def export(file: Path, target: Path, variables, arm: str, point: str, overwrite: bool, as_json: bool) -> None:
    """Write a result FILE, or some of its variables, to TARGET: .csv (one long table) or .nc (netCDF-4).

    \b
    Examples:
      spinnet export results/glass_vs_network/collected.h5 energies.csv -v trajectory/energy_density --arm glass
      spinnet export results/glass_vs_network/comparison.h5 table.csv
      spinnet export results/glass_vs_network/collected.h5 spectra.nc -v spectrum/eigenvalue
    """
    from spinnet.results.export import Selection, check_target, export_csv, export_netcdf

    kind = check_target(target, overwrite)
    selection = Selection(tuple(variables), arm, point)
    count = (export_csv if kind == "csv" else export_netcdf)(file, target, selection)
    what = "rows" if kind == "csv" else "variables"
    if as_json:
        print_json({"path": str(target), what: count})
    else:
        click.echo(f"{count} {what} in {target}")
