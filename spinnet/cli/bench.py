"""``spinnet bench``: timings beside those of the best peer, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spinnet.cli.output import json_option, print_json, print_table

_BENCHMARKS = {
    "startup": "spinnet.benchmarks.startup",
    "glass-gradient": "spinnet.benchmarks.glass_gradient",
    "glass-couplings": "spinnet.benchmarks.glass_couplings",
    "diluted-glass": "spinnet.benchmarks.diluted_glass",
    "network-training": "spinnet.benchmarks.network_training",
    "network-curvature": "spinnet.benchmarks.network_curvature",
    "pattern-sweeps": "spinnet.benchmarks.pattern_sweeps",
    "random-energy": "spinnet.benchmarks.random_energy",
    "two-time-dynamics": "spinnet.benchmarks.two_time_dynamics",
    "wang-landau": "spinnet.benchmarks.wang_landau",
    "scaling": "spinnet.benchmarks.scaling",
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(_BENCHMARKS)))
@click.option("--quick", is_flag=True, help="Smaller sizes: seconds instead of minutes, rougher ratios.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for NAME.json of each benchmark and its figure."
)
@json_option
def bench(names: tuple[str, ...], quick: bool, output: Path | None, as_json: bool) -> None:
    """Time kernels against the machine's own limits and against peers; prints ratios.

    Peers get the same dtype, threads and in-memory data and must reach the same result.

    \b
    Examples:
      spinnet bench
      spinnet bench glass-gradient --quick --json
      spinnet bench scaling -o timings
    """
    import importlib

    found = []
    for name in names or _BENCHMARKS:
        module = importlib.import_module(_BENCHMARKS[name])
        if not as_json:
            click.echo(f"{name}: {module.describe()}")
        # Benchmarks of a law measure whole tables, of which the rows are a part.
        tables = module.tables(quick=quick) if hasattr(module, "tables") else None
        measured = module.run(quick=quick) if tables is None else module.rows_of(tables)
        rows = [{"benchmark": name, **row} for row in measured]
        found += rows
        if not as_json:
            print_table(rows, ("name", "value", "reference", "ratio", "target", "unit"))
            click.echo()
        if output is not None:
            written = _write(output / name, {"benchmark": name, "quick": quick, "rows": measured}, tables, module)
            click.echo(f"written to {', '.join(map(str, written))}", err=True)
    if as_json:
        print_json(found)


def _write(path: Path, content: dict[str, Any], tables: dict[str, Any] | None, module: Any) -> list[Path]:
    """``path``.json with rows, tables and the machine they were measured on; the figure of the tables beside it."""
    import importlib
    import json

    from spinnet.cli.output import plain
    from spinnet.results.provenance import gather
    from spinnet.results.storage import replacing

    content = {**content, "tables": tables, "provenance": gather()}
    target = path.with_name(f"{path.name}.json")
    with replacing(target) as sink:
        sink.write((json.dumps(plain(content), indent=2, allow_nan=False) + "\n").encode())
    written = [target]
    if tables is not None:
        from spinnet.plotting.style import save

        place, _, function = module.FIGURE.partition(":")
        written += save(getattr(importlib.import_module(place), function)(tables), path)
    return written
