"""``spinnet theory``: exact results, without a simulation."""

from __future__ import annotations

import click

from spinnet.cli.output import json_option, plain, print_json, print_mapping, print_table
from spinnet.cli.theory_random import COMMANDS


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
@click.option("--initial-temperature", type=float, default=float("inf"), show_default=True)
@click.option("--times", type=_Numbers(), required=True, metavar="T1,T2,...", help="Times after the quench.")
@json_option
def dynamics(covariance, temperature, initial_temperature, times, as_json) -> None:
    """Energy and correlation after a quench, from the Cugliandolo–Kurchan equations (N → ∞).

    \b
    Example:
      spinnet theory dynamics --covariance 3=1 --temperature 0 --times 1,5,20 --json
    """
    from spinnet.theory.covariance import Covariance
    from spinnet.theory.dynamics_two_time import dynamics as solve

    solved = solve(Covariance.parse(covariance), temperature, times, initial_temperature=initial_temperature)
    if not solved.converged:
        click.echo(f"spinnet: {solved.message}", err=True)
    names = ("time", "energy_density", "correlation_with_start", "error_estimate")
    values = {name: plain(getattr(solved, name)) for name in names}
    if as_json:
        print_json(values)
    else:
        print_table([dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)])


for _command in COMMANDS:
    theory.add_command(_command)
