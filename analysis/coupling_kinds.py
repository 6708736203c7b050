"""Kinds of couplings of the p = 3 glass beside the exact one: report and figure of the study ``coupling_kinds``.

    python analysis/coupling_kinds.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/coupling_kinds.h5 and RESULTS_DIR/figures, prints the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spinnet.campaign.report_step import report_study
from spinnet.cli.report import show_report
from spinnet.errors import SpinnetError
from spinnet.plotting import draw_report


def main(directory: str | Path) -> list[Path]:
    """Report, print, draw; return the figures."""
    figures = []
    for report in report_study(directory):
        show_report(report)
        figures += draw_report(report.path, Path(directory) / "figures")
    return figures


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python analysis/coupling_kinds.py RESULTS_DIR")
    try:
        for path in main(sys.argv[1]):
            print(path)
    except SpinnetError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
