"""All figures of a comparison."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from spinnet.errors import InputError, nearest_name
from spinnet.plotting.comparison_table import comparison_table
from spinnet.plotting.final_energies import final_energies
from spinnet.plotting.hessian_spectra import hessian_spectra
from spinnet.plotting.loaded import LoadedComparison, load_comparison
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
