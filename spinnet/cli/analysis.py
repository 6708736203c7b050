"""What the scripts in ``analysis/`` do: the reports of a study from its results, as table, file and figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from spinnet.campaign.report_step import report_study
from spinnet.cli.report import show_report
from spinnet.errors import SpinnetError
from spinnet.plotting import draw_report


def draw_reports(directory: str | Path) -> list[Path]:
    """Compute the reports of the campaign in ``directory``, print them, draw them; return the figures.

    Raises
    ------
    InputError, ResultFileError, StorageError
        As :func:`spinnet.campaign.report_step.report_study`.
    """
    figures = []
    for report in report_study(directory):
        show_report(report)
        figures += draw_report(report.path, Path(directory) / "figures")
    return figures


def run_script(script: str, arguments: Sequence[str]) -> int | str:
    """``python analysis/STUDY.py RESULTS_DIR``: what to give to ``sys.exit``."""
    if len(arguments) != 1:
        return f"usage: python analysis/{Path(script).name} RESULTS_DIR"
    try:
        for path in draw_reports(arguments[0]):
            print(path)
    except SpinnetError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0
