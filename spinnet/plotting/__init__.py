"""Figures: one per function, drawn from loaded results; nothing is computed here.

``draw_all(comparison_path, out_dir)`` draws every figure that the file has data for.
"""

from spinnet.plotting.draw import FIGURES, draw_all
from spinnet.plotting.loaded import LoadedComparison, load_comparison

__all__ = ["FIGURES", "LoadedComparison", "draw_all", "load_comparison"]
