"""``spinnet validate``: is this file what it should be?"""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json
from spinnet.errors import EXIT_BAD_INPUT


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--preset", metavar="NAME", help="Check the study with this preset.")
@json_option
def validate(file: Path, preset: str | None, as_json: bool) -> None:
    """Check a campaign FILE (.toml) or a result FILE (.h5) without running or changing anything.

    \b
    Examples:
      spinnet validate my_study.toml
      spinnet validate results/glass_vs_network/collected.h5
    """
    from spinnet.errors import InputError

    if not file.is_file():
        raise InputError(f"there is no file {file}: give a campaign file (.toml) or a result file (.h5)")
    if file.suffix == ".toml":
        from spinnet.campaign.capacity import refuse_what_cannot_fit
        from spinnet.campaign.study import load_study

        study = load_study(file, preset=preset)
        refuse_what_cannot_fit(study)
        found = {"file": str(file), "study": study.name, "tasks": len(study.tasks()), "problems": []}
    else:
        from spinnet.results import validate_file

        found = {"file": str(file), "problems": validate_file(file)}
    if as_json:
        print_json(found)
    elif found["problems"]:
        for problem in found["problems"]:
            click.echo(problem, err=True)
    else:
        about = f": study {found['study']}, {found['tasks']} tasks" if "tasks" in found else ""
        click.echo(f"{file} is valid{about}")
    if found["problems"]:
        raise SystemExit(EXIT_BAD_INPUT)
