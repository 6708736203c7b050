"""``spinnet bench``: timings beside those of the best peer, in one run."""

from __future__ import annotations

import click

from spinnet.cli.output import json_option, print_json, print_table

_BENCHMARKS = {
    "startup": "spinnet.benchmarks.startup",
    "glass-gradient": "spinnet.benchmarks.glass_gradient",
    "glass-couplings": "spinnet.benchmarks.glass_couplings",
    "diluted-glass": "spinnet.benchmarks.diluted_glass",
    "network-training": "spinnet.benchmarks.network_training",
    "random-energy": "spinnet.benchmarks.random_energy",
    "two-time-dynamics": "spinnet.benchmarks.two_time_dynamics",
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(_BENCHMARKS)))
@click.option("--quick", is_flag=True, help="Smaller sizes: seconds instead of minutes, rougher ratios.")
@json_option
def bench(names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Time kernels against the machine's own limits and against peers; prints ratios.

    Peers get the same dtype, threads and in-memory data and must reach the same result.

    \b
    Examples:
      spinnet bench
      spinnet bench glass-gradient --quick --json
    """
    import importlib

    found = []
    for name in names or _BENCHMARKS:
        module = importlib.import_module(_BENCHMARKS[name])
        if not as_json:
            click.echo(f"{name}: {module.describe()}")
        rows = [{"benchmark": name, **row} for row in module.run(quick=quick)]
        found += rows
        if not as_json:
            print_table(rows, ("name", "value", "reference", "ratio", "target", "unit"))
            click.echo()
    if as_json:
        print_json(found)
