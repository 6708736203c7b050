"""Is a trained network a glass? Comparison and figures of the study ``glass_vs_network`` from its results.

    python analysis/glass_vs_network.py RESULTS_DIR

reads RESULTS_DIR/collected.h5 as ``spinnet run`` left it, writes RESULTS_DIR/comparison.h5 and RESULTS_DIR/figures, and
prints the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spinnet.campaign.compare_step import compare_study
from spinnet.errors import SpinnetError
from spinnet.plotting import draw_all


def main(directory: str | Path) -> list[Path]:
    """Compare, print, draw; return the figures."""
    comparison = compare_study(directory)
    print(comparison.format())
    return draw_all(comparison.path, Path(directory) / "figures")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python analysis/glass_vs_network.py RESULTS_DIR")
    try:
        for path in main(sys.argv[1]):
            print(path)
    except SpinnetError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
