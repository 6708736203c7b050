"""Figures: one per function, drawn from loaded results; nothing is computed here.

``draw_all(comparison_path, out_dir)`` draws every figure that the file has data for.
"""

from spinnet.plotting.draw import FIGURES, REPORT_FIGURES, draw_all, draw_report
from spinnet.plotting.loaded import LoadedComparison, LoadedReport, load_comparison, load_report

__all__ = [
    "FIGURES",
    "REPORT_FIGURES",
    "LoadedComparison",
    "LoadedReport",
    "draw_all",
    "draw_report",
    "load_comparison",
    "load_report",
]
