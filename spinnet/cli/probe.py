"""``spinnet probe``: the loss surface of a person's own model, from a Python file to a figure."""

from __future__ import annotations

import shlex
import sys
import textwrap
import time
from pathlib import Path

import click

from spinnet.cli.output import json_option, print_json, print_table
from spinnet.errors import EXIT_CHECKPOINTED

_WIDTH = 110
_LINE_EVERY_SECONDS = 10.0
_KEEP_EVERY_SECONDS = 30.0


@click.group()
def probe() -> None:
    """Measure a model of your own like a glass."""


@probe.command()
@click.argument("model", metavar="FILE.py:FUNCTION")
@click.option("--probes", metavar="NAME,...", help="hessian, ageing, barriers, overlaps, energies [all].")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Result file, and figure beside it [FILE.h5].")
@click.option("--seeds", type=int, help="Trainings from different initialisations [5].")
@click.option("--steps", type=int, help="Steps of stochastic gradient descent [4000].")
@click.option("--learning-rate", type=float, help="Of the mean loss [0.1].")
@click.option("--batch", type=int, help="Patterns per step [32, or all of fewer].")
@click.option("--momentum", type=float, help="In [0, 1) [0].")
@click.option("--seed", type=int, help="From which all randomness comes [1].")
@click.option("--dtype", help="float64 or float32 [float64].")
@click.option("--device", help="As PyTorch names it [cpu].")
@click.option("--checkpoints", multiple=True, metavar="FOLDER", help="Checkpoints (.pt, .pth, .npz) of a run made "
              "elsewhere, instead of training; once per run.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="Of PyTorch [1; all cores above 100,000 parameters].")
@click.option("--force", is_flag=True, help="Replace the result file.")
@json_option
def torch(model: str, probes: str | None, output: Path | None, threads: int | None, force: bool, as_json: bool,
          checkpoints: tuple[str, ...], **asked) -> None:  # fmt: skip
    """Measure the PyTorch model that FUNCTION (make) in FILE.py returns as module, loss, data.

    The model is trained from several seeds; Hessian, ageing, barriers, overlaps and losses are measured beside the null
    models (untrained; trained on shuffled targets; Gaussian landscape; glass; free diffusion). One result file, a
    figure (PDF, PNG) beside it, a table, and what was found in words. An interrupted command goes on where it was when
    it is given again.

    \b
    Examples:
      spinnet example copy digits_convnet
      spinnet probe torch digits_convnet.py:make -o net.h5
      spinnet probe torch digits_convnet.py --probes hessian,ageing --steps 10000 -o long.h5
      spinnet probe torch digits_convnet.py --checkpoints runs/seed0 --checkpoints runs/seed1 -o mine.h5
    """
    from contextlib import redirect_stdout

    if probes is not None:
        from spinnet.torch_models.settings import parse_probes

        parse_probes(probes)
    target = output or Path(f"{Path(model.rpartition(':')[0] or model).stem}.h5")
    with redirect_stdout(sys.stderr):  # what a model prints is not what this command says
        measurement = _everything(model, probes, target, threads, force, checkpoints, as_json, asked)
    _finish(measurement, target, as_json)


def _everything(model, probes, target, threads, force, checkpoints, as_json, asked):
    """The finished measurement."""
    import warnings

    from spinnet.torch_models import result_file
    from spinnet.torch_models.measurement import prepared
    from spinnet.torch_models.model_file import load_model
    from spinnet.torch_models.settings import resolve

    result_file.check_output(target, force)
    found = load_model(model)
    settings = resolve(found.options, {**asked, "probes": probes, "checkpoints": checkpoints or None})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message="this model cannot", category=UserWarning)
        measurement = prepared(found, settings, threads)
    for warning in said:
        click.echo(f"note: {warning.message}", err=True)
    result_file.resume(measurement, target, lambda line: click.echo(line, err=True))
    if not _measured(measurement, target, as_json):
        kept = result_file.checkpoint_path(target)
        click.echo(f"stopped; give the same command again to go on from {kept}", err=True)
        raise SystemExit(EXIT_CHECKPOINTED)
    return measurement


def _measured(measurement, target: Path, quiet: bool) -> bool:
    """Run what is missing with a progress bar, keeping a checkpoint twice a minute and when stopped."""
    import warnings

    from spinnet.campaign.interrupts import Interrupts
    from spinnet.torch_models import result_file

    with Interrupts() as interrupts, _Progress(quiet) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own: nothing that a person here could do about them
        done = False
        while not (done or interrupts.count):
            kept = time.monotonic()  # a process that is killed loses what came after the last checkpoint
            done = measurement.run(
                lambda kept=kept: interrupts.count > 0 or time.monotonic() - kept > _KEEP_EVERY_SECONDS, progress
            )
            if not done:
                result_file.keep(measurement, target)
    return done


def _finish(measurement, target: Path, as_json: bool) -> None:
    from spinnet.plotting.model_surface import draw_model
    from spinnet.torch_models import result_file
    from spinnet.torch_models.report import write_report

    landscape = measurement.landscape
    content = write_report(
        measurement.variables(), measurement.settings, landscape.units.n_units, landscape.layout.layers,
        measurement.idle,
    )  # fmt: skip
    digest = result_file.write(target, measurement, content, shlex.join(["spinnet", *sys.argv[1:]]))
    figures = draw_model(target, target.parent)
    if as_json:
        print_json({
            "file": str(target), "digest": digest, "figures": [str(path) for path in figures],
            "model": measurement.model.name, "parameters": landscape.n_dof, "patterns": landscape.n_terms,
            "settings": measurement.settings.as_dict(), "rows": content.rows, "findings": content.findings,
        })  # fmt: skip
        return
    from spinnet.cli.report import figure_names, with_errors

    settings = measurement.settings
    click.echo(f"{measurement.model.name}: {landscape.n_dof} parameters, {landscape.n_terms} patterns, "
               f"{settings.seeds} seeds, {settings.steps} steps")  # fmt: skip
    print_table([with_errors(row) for row in content.rows])
    for line in content.findings:
        click.echo(textwrap.fill(line, _WIDTH, initial_indent="- ", subsequent_indent="  "))
    click.echo(f"\nwritten to {target}{figure_names(figures)}")


class _Progress:
    """What is being done and how long it may take, on standard error: a bar on a terminal, else a line at times.

    Nothing appears in the first two seconds.
    """

    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._began = self._last = time.monotonic()
        self._first: float | None = None  # what an earlier run had done
        self._drawn = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_) -> None:
        if self._drawn:
            click.echo("\r\033[K", err=True, nl=False)

    def __call__(self, share: float, words: str) -> None:
        now = time.monotonic()
        self._first = share if self._first is None else self._first
        if self._quiet or now - self._began < 2.0 or share >= 1.0:
            return
        spent, done = now - self._began, share - self._first
        left = f", {_duration(spent * (1.0 - share) / done)} left" if done > 0.01 else ""
        if sys.stderr.isatty():
            filled = round(24 * share)
            bar = f"[{'#' * filled}{'-' * (24 - filled)}] {share:4.0%}{left}  {words}"
            click.echo(f"\r\033[K{bar}", err=True, nl=False)
            self._drawn = True
        elif now - self._last >= _LINE_EVERY_SECONDS:
            self._last = now
            click.echo(f"{share:.0%} done{left} ({words})", err=True)


def _duration(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"
