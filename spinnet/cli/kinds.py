"""``spinnet kinds``: what a campaign file may name."""

from __future__ import annotations

import click

from spinnet.cli.output import json_option, print_json


@click.command()
@click.argument("name", required=False)
@json_option
def kinds(name: str | None, as_json: bool) -> None:
    """List the landscapes, dynamics, schedules, probes and reports of campaign files; with NAME, describe one.

    \b
    Examples:
      spinnet kinds
      spinnet kinds SphericalGlass
    """
    from spinnet.campaign.describe import describe_kind, list_kinds

    if name is not None:
        found = describe_kind(name)
        if as_json:
            print_json(found)
            return
        click.echo(f"[{found['table']}] {found['name']}\n")
        click.echo(found["documentation"])
        click.echo("\nKeys of its table and their defaults:")
        for parameter, default in found["parameters"].items():
            click.echo(f"  {parameter} = {default!r}" if default != "needed" else f"  {parameter}   (needed)")
        return
    rows = list_kinds()
    if as_json:
        print_json(rows)
        return
    width = max(len(row["name"]) for row in rows)
    table = ""
    for row in rows:
        if row["table"] != table:
            table = row["table"]
            click.echo(f"{'' if row is rows[0] else chr(10)}[{table}]")
        click.echo(f"  {row['name']:<{width}}  {row['what']}")
