"""``spinnet example``: the shipped studies, and a model for ``spinnet probe``."""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json, print_table


@click.group()
def example() -> None:
    """The shipped studies and models: list, show, copy."""


@example.command("list")
@json_option
def list_examples(as_json: bool) -> None:
    """List the shipped studies; each runs by its name: spinnet run NAME. Models are copied and made yours."""
    from spinnet.campaign.examples import shipped, shipped_models

    rows = [{"name": study.name, "title": study.title} for study in (*shipped(), *shipped_models())]
    print_json(rows) if as_json else print_table(rows)


@example.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the study or model NAME as it is shipped."""
    from spinnet.campaign.examples import find

    click.echo(find(name, models=True).path.read_text(encoding="utf-8"), nl=False)


@example.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path), default=Path("."))
def copy(name: str, target: Path) -> None:
    """Copy the study or model NAME to TARGET (a folder or a new file), to make it your own."""
    from spinnet.campaign.examples import copy_example

    click.echo(f"copied to {copy_example(name, target)}")
