"""All figures of a comparison or of a report."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from spinnet.errors import InputError, nearest_name
from spinnet.plotting.comparison_table import comparison_table
from spinnet.plotting.final_energies import final_energies
from spinnet.plotting.hessian_spectra import hessian_spectra
from spinnet.plotting.loaded import LoadedComparison, load_comparison, load_report
from spinnet.plotting.relaxation import relaxation
from spinnet.plotting.spacing_ratios import spacing_ratios
from spinnet.plotting.style import save

#: Name of a figure to the function that draws it from a loaded comparison; None where there is nothing to draw.
FIGURES: dict[str, Callable[[LoadedComparison], Figure | None]] = {
    "final_energies": final_energies,
    "hessian_spectra": hessian_spectra,
    "spacing_ratios": spacing_ratios,
    "relaxation": relaxation,
    "comparison_table": comparison_table,
}

#: Kind of a report to "module:function"; the function takes a LoadedReport and returns a figure, None where there is
#: nothing to draw, or several figures by the endings of their names ("" for the report's own name).
REPORT_FIGURES: dict[str, str] = {
    "ageing": "spinnet.plotting.report_ageing:draw",
    "barriers": "spinnet.plotting.report_barriers:draw",
    "classification": "spinnet.plotting.report_classification:draw",
    "complexity": "spinnet.plotting.report_complexity:draw",
    "cooling": "spinnet.plotting.report_cooling:draw",
    "coupling_kinds": "spinnet.plotting.report_coupling_kinds:draw",
    "data_correlations": "spinnet.plotting.report_data_correlations:draw",
    "equilibrium": "spinnet.plotting.report_equilibrium:draw",
    "error_signal": "spinnet.plotting.report_error_signal:draw",
    "folding": "spinnet.plotting.report_folding:draw",
    "freezing": "spinnet.plotting.report_freezing:draw",
    "franz_parisi": "spinnet.plotting.report_franz_parisi:draw",
    "heterogeneity": "spinnet.plotting.report_heterogeneity:draw",
    "funnel": "spinnet.plotting.report_funnel:draw",
    "hessian": "spinnet.plotting.report_hessian:draw",
    "hessian_spectra": "spinnet.plotting.report_hessian_spectra:draw",
    "hessian_structure": "spinnet.plotting.report_hessian_structure:draw",
    "index_energy": "spinnet.plotting.report_index_energy:draw",
    "initial_line": "spinnet.plotting.report_initial_line:draw",
    "level_concentration": "spinnet.plotting.report_level_concentration:draw",
    "level_ageing": "spinnet.plotting.report_level_ageing:draw",
    "jamming": "spinnet.plotting.report_jamming:draw",
    "network_index_energy": "spinnet.plotting.report_network_index_energy:draw",
    "network_cooling": "spinnet.plotting.report_network_cooling:draw",
    "network_ageing": "spinnet.plotting.report_network_ageing:draw",
    "minima": "spinnet.plotting.report_minima:draw",
    "memory_retrieval": "spinnet.plotting.report_memory_retrieval:draw",
    "perceptron_learning": "spinnet.plotting.report_perceptron_learning:draw",
    "phase_diagram": "spinnet.plotting.report_phase_diagram:draw",
    "planted_recovery": "spinnet.plotting.report_planted_recovery:draw",
    "relaxation": "spinnet.plotting.report_relaxation:draw",
    "relaxation_exponent": "spinnet.plotting.report_relaxation_exponent:draw",
    "sgd_temperature": "spinnet.plotting.report_sgd_temperature:draw",
    "signal_recovery": "spinnet.plotting.report_signal_recovery:draw",
    "slices": "spinnet.plotting.report_slices:draw",
    "slowing_down": "spinnet.plotting.report_slowing_down:draw",
    "well_masses": "spinnet.plotting.report_well_masses:draw",
    "weight_spectra": "spinnet.plotting.report_weight_spectra:draw",
    "zero_modes": "spinnet.plotting.report_zero_modes:draw",
}


def draw_report(report_path: str | os.PathLike, out_dir: str | os.PathLike) -> list[Path]:
    """Draw the figures of a report file as PDF and PNG into ``out_dir``; return the files written.

    Raises
    ------
    ResultFileError, StorageError
        For a file that cannot be read or a folder that cannot be written.
    """
    report = load_report(report_path)
    if report.kind not in REPORT_FIGURES:
        return []
    module, _, function = REPORT_FIGURES[report.kind].partition(":")
    drawn = getattr(importlib.import_module(module), function)(report)
    figures = drawn if isinstance(drawn, dict) else {"": drawn}
    written: list[Path] = []
    for ending, figure in figures.items():
        if figure is not None:
            name = f"{report.name}_{ending}" if ending else report.name
            written += save(figure, Path(out_dir) / name)
    return written


def draw_all(
    comparison_path: str | os.PathLike, out_dir: str | os.PathLike, names: Sequence[str] | None = None
) -> list[Path]:
    """Draw the figures of a comparison file as PDF and PNG into ``out_dir``; return the files written.

    Parameters
    ----------
    names
        Names in :data:`FIGURES`; None or an empty list draws all. A figure whose data were not measured is left out.

    Raises
    ------
    InputError
        For an unknown figure, with the nearest known one.
    ResultFileError, StorageError
        For a file that cannot be read or a folder that cannot be written.
    """
    for name in names or ():
        if name not in FIGURES:
            raise InputError(
                f"there is no figure {name!r}{nearest_name(name, FIGURES)}; known are {', '.join(FIGURES)}"
            )
    comparison = load_comparison(comparison_path)
    written: list[Path] = []
    for name, draw in FIGURES.items():
        if not names or name in names:
            figure = draw(comparison)
            if figure is not None:
                written += save(figure, Path(out_dir) / name)
    return written
