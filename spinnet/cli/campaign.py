"""``spinnet run``, ``status`` and ``collect``: campaigns from the shell."""

from __future__ import annotations

import time
from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json, print_mapping, print_table
from spinnet.errors import EXIT_DONE, EXIT_FAILED_TASKS, SpinnetError

_directory = click.argument("directory", type=click.Path(path_type=Path))


@click.command()
@click.argument("study")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder [results/NAME or results/NAME-PRESET].")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Worker processes [one per core].")
@click.option("--preset", metavar="NAME", help="A preset of the study: trial, quick or paper in the shipped ones.")
@click.option("--fresh", is_flag=True, help="Move old results aside and start over.")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of a Dask scheduler (tcp://head:8786).")
@click.option("--cluster", metavar="KIND", help="Run on Dask workers that a batch system starts: slurm, pbs, lsf …")
@click.option("--workers", type=click.IntRange(1), default=4, show_default=True, help="Most workers of --cluster.")
@click.option("--profile", type=click.Path(path_type=Path), help="TOML file with the options of --cluster.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, only results and errors.")
@click.option("-v", "--verbose", is_flag=True, help="A line for every task that ends.")
@json_option
def run(study, output, jobs, preset, fresh, scheduler, cluster, workers, profile, quiet, verbose, as_json) -> None:
    """Run STUDY (a campaign file or the name of a shipped study), compare, report, and draw its figures.

    What is finished is skipped, what was interrupted goes on. Ctrl-C once: running tasks are checkpointed and the
    command stops with exit code 75; twice: it stops at once.

    \b
    Examples:
      spinnet run glass_vs_network
      spinnet run my_study.toml --preset paper --jobs 8 -o results/tonight
      spinnet run my_study.toml --scheduler tcp://head:8786
      spinnet run my_study.toml --cluster slurm --workers 20 --profile site.toml
    """
    from spinnet.campaign.examples import locate
    from spinnet.campaign.executors import choose_executor
    from spinnet.campaign.run import run_study
    from spinnet.campaign.study import load_study
    from spinnet.cli.progress import TerminalProgress

    loaded = load_study(locate(study), preset=preset)
    folder = output or results_folder(loaded)
    progress = TerminalProgress(quiet=quiet, verbose=verbose)
    try:
        with choose_executor(folder, jobs, scheduler, cluster, workers, profile) as executor:
            outcome = run_study(loaded, folder, jobs=jobs, fresh=fresh, progress=progress, executor=executor)
    finally:
        progress.close()
    for line in outcome.lines:
        click.echo(line, err=True)
    if outcome.exit_code not in (EXIT_DONE, EXIT_FAILED_TASKS):
        raise SystemExit(outcome.exit_code)
    if outcome.failed and not outcome.done and not outcome.skipped:
        raise SystemExit(outcome.exit_code)  # nothing to collect, and the reasons have been told
    try:
        finish(folder, as_json=as_json, quiet=quiet)
    except SpinnetError as error:
        if outcome.exit_code == EXIT_DONE:
            raise
        click.echo(f"spinnet: {error}", err=True)  # what failed before is the reason; its exit code stays
    raise SystemExit(outcome.exit_code)


def results_folder(study) -> Path:
    """Where the results of a study lie unless a person says otherwise."""
    # A preset is other sizes of the same study: in a folder of its own it replaces no results of another.
    name = f"{study.name}-{study.preset}" if study.preset else study.name
    return Path(study.execution.get("output") or Path("results") / name)


def finish(folder: Path, as_json: bool, quiet: bool) -> None:
    """Collect a finished campaign, compare its arms, compute its reports, draw, and say where everything is."""
    from spinnet.campaign.collect import collect_study
    from spinnet.campaign.compare_step import compare_study
    from spinnet.campaign.layout import open_campaign
    from spinnet.campaign.report_step import report_study
    from spinnet.cli.compare import show_comparison
    from spinnet.cli.report import show_report
    from spinnet.plotting import draw_all, draw_report

    collected = collect_study(folder)
    if collected.missing:
        click.echo(f"{len(collected.missing)} tasks are missing: compared and drawn is what is there", err=True)
    _, study = open_campaign(folder)
    files, figures, found = [folder / "collected.h5"], [], {"directory": str(folder)}
    if study.wants_comparison:
        comparison = compare_study(folder)
        figures += draw_all(comparison.path, folder / "figures", study.figures.get("draw"))
        files.append(comparison.path)
        found |= comparison.as_dict()
        if not as_json:
            show_comparison(comparison)
    reports = report_study(folder, tell=lambda line: None if quiet else click.echo(line, err=True))
    for report in reports:
        figures += draw_report(report.path, folder / "figures")
        files.append(report.path)
        if not as_json:
            show_report(report)
    if as_json:
        written = {"reports": [report.as_dict() for report in reports]} if reports else {}
        print_json({**found, **written, "figures": [str(path) for path in figures]})
        return
    if not quiet:
        click.echo()
        click.echo(f"results   {', '.join(str(path) for path in files)}")
        click.echo(f"figures   {', '.join(sorted({str(path.with_suffix('')) for path in figures}))} (.pdf, .png)")


@click.command()
@_directory
@click.option("--watch", is_flag=True, help="Look again every few seconds until nothing is left to run.")
@click.option("--every", type=click.FloatRange(0.5), default=5.0, show_default=True, help="Seconds between two looks.")
@json_option
def status(directory: Path, watch: bool, every: float, as_json: bool) -> None:
    """How far the campaign in DIRECTORY is, from its files alone: it may run on any machine."""
    from spinnet.campaign.status import read_status

    while True:
        found = read_status(directory)
        if as_json:
            print_json(found)
        else:
            if watch:
                click.clear()  # does nothing where the output is no terminal
            print_mapping({name: value for name, value in found.items() if name != "arms"})
            print_table(found.get("arms", []))
        if not watch or found["done"] + found["failed"] == found["total"]:
            return
        time.sleep(every)


@click.command()
@_directory
@click.option("--figures", is_flag=True, help="Also compare, report and draw, as after a run.")
@click.option("--virtual", is_flag=True, help="Point into the shards instead of copying them: virtual.h5.")
@json_option
def collect(directory: Path, figures: bool, virtual: bool, as_json: bool) -> None:
    """Join the finished tasks of the campaign in DIRECTORY into DIRECTORY/collected.h5.

    A virtual file takes no room and is refused while shards are missing; it is slow to read, and shows nothing where
    a shard is lost later.
    """
    from spinnet.campaign.collect import collect_study

    if virtual:
        from spinnet.campaign.collect_virtual import collect_virtual

        path = collect_virtual(directory)
        print_json({"path": str(path)}) if as_json else click.echo(f"all tasks in {path}, which needs the shards")
        return
    if figures:
        finish(directory, as_json=as_json, quiet=False)
        return
    collected = collect_study(directory)
    if as_json:
        print_json({"path": str(collected.path), "tasks": collected.tasks, "missing": collected.missing})
        return
    click.echo(f"{collected.tasks} tasks in {collected.path}")
    if collected.missing:
        click.echo(f"{len(collected.missing)} tasks are not finished and are missing: spinnet run goes on", err=True)
