"""The command line: thin commands, heavy imports inside them, so that ``spinnet --help`` answers at once."""

from __future__ import annotations

import sys

import click

from spinnet._version import __version__
from spinnet.cli.bench import bench
from spinnet.cli.campaign import collect, run, status
from spinnet.cli.compare import compare
from spinnet.cli.completion import completion
from spinnet.cli.example import example
from spinnet.cli.files import export, info, rerun
from spinnet.cli.kinds import kinds
from spinnet.cli.plot import plot
from spinnet.cli.probe import probe
from spinnet.cli.report import report
from spinnet.cli.submit import submit
from spinnet.cli.theory import theory
from spinnet.cli.validate import validate
from spinnet.errors import EXIT_ABORTED, EXIT_BAD_INPUT, SpinnetError, StorageError

_EPILOG = """\b
Examples:
  spinnet run glass_vs_network                 a shipped study, from simulation to figures
  spinnet run my_study.toml --jobs 8 -o out    your own
  spinnet status out                           how far it is
  spinnet theory spherical-glass --covariance 3=1
  spinnet example list                         the shipped studies

Exit codes: 0 done, 1 failed tasks (their logs are named), 2 bad input, 75 stopped with a checkpoint, 130 aborted.
"""


class _Group(click.Group):
    """Turns the package's own errors into one line and an exit code; everything else keeps its traceback."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except SpinnetError as error:
            click.echo(f"spinnet: {error}", err=True)
            # 75 asks to run the same command again: only runs leave something to go on from.
            refused = isinstance(error, StorageError) and ctx.invoked_subcommand not in ("run", "submit", "rerun")
            ctx.exit(EXIT_BAD_INPUT if refused else error.exit_code)
        except KeyboardInterrupt:
            click.echo("spinnet: aborted", err=True)
            ctx.exit(EXIT_ABORTED)
        except BrokenPipeError:  # the reader of a pipe left: not an error of ours
            sys.stderr.close()
            ctx.exit(0)


@click.group(cls=_Group, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="spinnet")
def main() -> None:
    """Is this loss surface a glass, a random energy model, or a funnel?

    spinnet simulates reference landscapes and trains networks, applies the same probes to both, and compares them
    with error bars and null models.
    """


_COMMANDS = (
    run, submit, status, collect, compare, report, plot, probe, export, info, rerun, validate, kinds, example, theory,
    bench, completion,
)  # fmt: skip
for _command in _COMMANDS:
    main.add_command(_command)
