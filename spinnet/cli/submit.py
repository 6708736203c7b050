"""``spinnet submit``: a campaign as a Slurm job array."""

from __future__ import annotations

from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json


@click.command()
@click.argument("study")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder [results/NAME or results/NAME-PRESET].")
@click.option("--preset", metavar="NAME", help="A preset of the study.")
@click.option("--profile", type=click.Path(path_type=Path), help="The site's header [~/.config/spinnet/slurm.toml].")
@click.option("--tasks-per-element", type=click.IntRange(1), help="Tasks of an array element [by the time they take].")
@click.option("--dry-run", is_flag=True, help="Print the scripts; write and submit nothing.")
@json_option
def submit(study, output, preset, profile, tasks_per_element, dry_run, as_json) -> None:
    """Submit what is missing of STUDY as a Slurm job array, and a job that collects and draws when it has ended.

    Tasks are checkpointed before the wall-time limit and go on in the same element. After elements were cancelled or
    lost, the same command submits what is still missing. The profile is a small TOML file with account, partition,
    time, cpus, memory, setup (lines such as "module load python") and so on.

    \b
    Examples:
      spinnet submit sims/glass_vs_network.toml --preset paper --dry-run
      spinnet submit my_study.toml --profile bigcluster.toml
    """
    from spinnet.campaign.examples import locate
    from spinnet.campaign.slurm import prepare_submission, submit
    from spinnet.campaign.slurm_profile import load_profile
    from spinnet.campaign.study import load_study
    from spinnet.cli.campaign import results_folder

    loaded = load_study(locate(study), preset=preset)
    folder = output or results_folder(loaded)
    prepared = prepare_submission(loaded, folder, load_profile(profile), tasks_per_element, dry_run=dry_run)
    if prepared.groups and not dry_run:
        prepared = submit(prepared)
    if as_json:
        print_json({
            "directory": str(folder), "elements": len(prepared.groups),
            "tasks": sum(map(len, prepared.groups)), "finished": prepared.finished, "array_job": prepared.array_job,
            "collect_job": prepared.collect_job, "array_script": prepared.array_script,
            "collect_script": prepared.collect_script,
        })  # fmt: skip
        return
    for line in prepared.lines:
        click.echo(line, err=True)
    if not prepared.groups:
        click.echo(f"all {prepared.finished} tasks are finished: spinnet collect {folder} --figures")
        return
    tasks = f"{sum(map(len, prepared.groups))} tasks in {len(prepared.groups)} elements"
    if dry_run:
        click.echo(f"# {tasks}, {prepared.finished} finished already; nothing was written or submitted")
        click.echo(f"{prepared.array_script}\n{prepared.collect_script}", nl=False)
        return
    click.echo(f"array {prepared.array_job}: {tasks}, {prepared.finished} finished already")
    click.echo(f"job {prepared.collect_job} collects and draws when the array has ended")
    click.echo(f"watch with: spinnet status {folder} --watch; logs are in {prepared.folder}")
