"""``spinnet theory``: exact results, without a simulation."""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import click

from spinnet.cli.output import json_option, plain, print_json, print_mapping, print_table
from spinnet.cli.theory_random import COMMANDS

_LINE_EVERY_SECONDS = 10.0


class _Numbers(click.ParamType):
    """A comma-separated list of numbers."""

    name = "numbers"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 1,5,20", param, ctx)


_covariance_option = click.option(
    "--covariance",
    required=True,
    metavar="P=A,...",
    help="Amplitudes a_p of f(q) = ½ Σ a_p² q^p, for example 3=1 or 3=1,4=0.5.",
)


@click.group()
def theory() -> None:
    """Exact results: thermodynamics, complexity, N → ∞ dynamics."""


@theory.command("spherical-glass")
@_covariance_option
@click.option("--temperature", type=float, help="Add the equilibrium and ageing states at this temperature.")
@json_option
def spherical_glass(covariance: str, temperature: float | None, as_json: bool) -> None:
    """Statics and complexity of a spherical glass (energy densities per spin).

    H has the covariance N f(q); f(1) = ½ for a pure model. Values that do not exist for a model are null.

    \b
    Examples:
      spinnet theory spherical-glass --covariance 3=1
      spinnet theory spherical-glass --covariance 3=1,4=1 --temperature 0.5 --json
    """
    from spinnet.theory.covariance import Covariance
    from spinnet.theory.spherical_statics import summary

    values = summary(Covariance.parse(covariance), temperature)
    if as_json:
        print_json(values)
    else:
        print_mapping(plain(values))


@theory.command()
@_covariance_option
@click.option("--temperature", type=float, default=0.0, show_default=True, help="Temperature of the bath.")
@click.option(
    "--initial-temperature",
    type=float,
    default=float("inf"),
    show_default=True,
    help="Equilibrium at this temperature as the start; it must be above the static transition.",
)
@click.option("--times", type=_Numbers(), required=True, metavar="T1,T2,...", help="Increasing times after the quench.")
@click.option(
    "--waiting-times",
    type=_Numbers(),
    default=(),
    metavar="W1,W2,...",
    help="Adds C(t_w + t, t_w) and the response to a field switched on at t_w, for every t of --times.",
)
@click.option("--planted", metavar="P=SNR,...", help="Signal: subtracts N ½ Σ snr_p a_p² m^p, m the overlap with it.")
@click.option("--initial-overlap", type=float, default=0.0, show_default=True, help="m at the start, with --planted.")
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="Absolute error asked for.")
@json_option
def dynamics(
    covariance, temperature, initial_temperature, times, waiting_times, planted, initial_overlap, tolerance, as_json
) -> None:
    """Relaxation and ageing after a quench, from the Cugliandolo–Kurchan equations (N → ∞).

    The error is estimated by refinement; what stays above the tolerance is refused instead of printed. Two-time
    functions are held to 100 times the tolerance, but to 1e-4 between tolerances of 1e-6 and 1e-5.

    \b
    Examples:
      spinnet theory dynamics --covariance 3=1 --temperature 0 --times 1,5,20 --json
      spinnet theory dynamics --covariance 3=1 --temperature 0.4 --times 1,100,1e4 --waiting-times 10,1000
      spinnet theory dynamics --covariance 3=1,4=1 --initial-temperature 0.81 --times 10,1000
      spinnet theory dynamics --covariance 3=1 --times 10 --planted 3=2 --initial-overlap 0.9
    """
    from spinnet.errors import InputError
    from spinnet.theory.covariance import Covariance
    from spinnet.theory.dynamics_two_time import dynamics as solve

    for name, values in (("--times", times), ("--waiting-times", waiting_times)):
        if any(later <= earlier for earlier, later in pairwise(values)):
            raise InputError(f"{name} must increase: {','.join(f'{value:g}' for value in values)} do not")
    signal = _signal(planted) if planted else None
    if signal is None and initial_overlap:
        raise InputError("--initial-overlap is the overlap with a signal; give one with --planted 3=2, say")
    with _Progress() as progress:
        solved = solve(
            Covariance.parse(covariance), temperature, times, waiting_times, initial_temperature, tolerance,
            planted=signal, initial_overlap=initial_overlap, progress=progress,
        )  # fmt: skip
    names = ["time", "energy_density", "correlation_with_start", "error_estimate"]
    if signal:
        names.insert(3, "overlap_with_signal")
    values = {name: plain(getattr(solved, name)) for name in names}
    two_time = ("correlation", "integrated_response", "two_time_error")
    if as_json:
        if waiting_times:
            values |= {name: plain(getattr(solved, name)) for name in ("waiting_time", *two_time)}
        print_json(values)
        return
    print_table([dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)])
    rows = [
        {"waiting_time": wait, "time": delay} | {name: float(getattr(solved, name)[i, k]) for name in two_time}
        for i, wait in enumerate(plain(solved.waiting_time))
        for k, delay in enumerate(plain(solved.time))
    ]
    if rows:
        click.echo()
        print_table(rows)


def _signal(text: str) -> dict[int, float]:
    """Read ``"3=2,4=0.5"``: degrees and strengths of a signal."""
    from spinnet.errors import InputError

    found: dict[int, float] = {}
    for item in text.split(","):
        degree, _, strength = item.partition("=")
        try:
            key, value = int(degree), float(strength)
        except ValueError:
            raise InputError(f"--planted {text!r} is not of the form degree=strength,...; write 3=2") from None
        if key in found:
            raise InputError(f"--planted {text!r} gives degree {key} twice; give each degree once")
        found[key] = value
    return found


class _Progress:
    """What is being computed, on standard error: a bar on a terminal, a line every ten seconds elsewhere.

    Nothing appears in the first two seconds.
    """

    def __init__(self) -> None:
        self._shown = time.monotonic() + (2.0 - _LINE_EVERY_SECONDS)
        self._began = time.monotonic()
        self._bar_drawn = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_) -> None:
        if self._bar_drawn:
            click.echo("\r\033[K", err=True, nl=False)

    def __call__(self, what: str, share: float) -> None:
        now = time.monotonic()
        if sys.stderr.isatty():
            if now - self._began >= 2.0:
                filled = round(24 * share)
                click.echo(f"\r\033[K{what}  [{'#' * filled}{'-' * (24 - filled)}] {share:4.0%}", err=True, nl=False)
                self._bar_drawn = True
        elif now - self._shown >= _LINE_EVERY_SECONDS:
            self._shown = now
            click.echo(f"{what}: {share:.0%}", err=True)


for _command in COMMANDS:
    theory.add_command(_command)
