"""Hessian spectra at the end points."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedComparison

_LAWS = {
    "semicircle": {"ls": "-", "lw": 1.2},
    "marchenko_pastur": {"ls": (0, (5, 2)), "lw": 1.1},
    "marchenko_pastur_ratio": {"ls": (0, (1, 1.3)), "lw": 1.3},
}


@style.styled
def hessian_spectra(comparison: LoadedComparison) -> Figure | None:
    """One panel per arm: density of the eigenvalues of the shown point with errors, and the laws beside it."""
    shown = [(arm, comparison.shown_point(arm)) for arm in comparison.arms]
    shown = [(arm, point) for arm, point in shown if point and comparison.group("points", arm, point, "spectrum")]
    if not shown:
        return None
    figure, axes = style.panels(len(shown))
    for (arm, point), ax in zip(shown, axes, strict=True):
        colour = style.COLOURS[comparison.arms.index(arm) % len(style.COLOURS)]
        spectrum = comparison.group("points", arm, point, "spectrum")
        laws = comparison.below("points", arm, point, "spectrum")
        _draw_spectrum(ax, spectrum, laws, colour)
        ax.set_title(f"{arm}, {style.point_label(point)}")
    style.letter(axes)
    return figure


def _draw_spectrum(ax: Axes, spectrum: Group, laws: dict[str, Group], colour: str) -> None:
    edges, density, error = spectrum["edge"], spectrum["density"], spectrum["density_error"]
    logarithmic = bool(spectrum.attributes.get("logarithmic", False))
    present = density > 0
    floor = 0.3 * density[present].min() if logarithmic else 0.0
    ax.stairs(np.where(present, density, floor), edges, baseline=floor, fill=True, lw=0, alpha=0.25, color=colour)
    ax.stairs(np.where(present, density, np.nan), edges, baseline=None, color=colour, lw=0.9)
    centres = 0.5 * (edges[1:] + edges[:-1])
    if logarithmic:
        core = spectrum.number("core")
        u = np.arcsinh(edges / core)
        centres = core * np.sinh(0.5 * (u[1:] + u[:-1]))
        error = np.minimum(error, 0.9 * density)
    ax.errorbar(centres[present], density[present], error[present], fmt="none", ecolor=colour, elinewidth=0.8)
    for name in _LAWS:
        law = laws.get(name)
        if not law:
            continue
        visible = law["density"] > floor
        values = np.where(visible, law["density"], np.nan if logarithmic else law["density"])
        ax.plot(law["eigenvalue"], values, color=style.INK, label=law.attributes["label"], zorder=3,
                **_LAWS[name])  # fmt: skip
    if logarithmic:
        ax.set_xscale("symlog", linthresh=float(2.0 * core), linscale=0.6)
        ax.set_yscale("log")
        top = density[present].max()
        ax.set_ylim(floor, 1.5 * top)
        margin = 1.6
        ax.set_xlim(edges[0] * margin if edges[0] < 0 else edges[0] / margin, edges[-1] * margin)
        _symlog_ticks(ax)
    else:
        peak = max([density.max(), *(law["density"].max() for law in laws.values() if law)])
        ax.set_ylim(0.0, 1.05 * min(peak, 2.0 * density.max()))
        width = edges[-1] - edges[0]
        ends = [law["eigenvalue"][[0, -1]] for law in laws.values() if law]
        low = min([edges[0], *(end[0] for end in ends)])
        high = max([edges[-1], *(end[1] for end in ends)])
        ax.set_xlim(max(low, edges[0] - 0.4 * width) - 0.03 * width, min(high, edges[-1] + 0.4 * width) + 0.03 * width)
        if ax.get_xlim()[0] < 0 < ax.get_xlim()[1]:
            ax.axvline(0.0, color=style.GREY, lw=0.6, zorder=0)
    of = spectrum.attributes.get("hessian_of", "the energy")
    ax.set_xlabel(rf"eigenvalue $\lambda$ of the Hessian of {of}")
    ax.set_ylabel(r"density $\rho(\lambda)$")
    drawn = len(ax.get_legend_handles_labels()[0])
    if drawn:  # nothing is drawn where no spectrum is finite
        style.headroom(ax, drawn)
        ax.legend(loc="upper right")


def _symlog_ticks(ax: Axes) -> None:
    """Decades only, and at most four on each side of zero."""
    low, high = ax.get_xlim()
    start = ax.xaxis.get_transform().linthresh

    def decades(end: float) -> list[float]:
        found = [10.0**k for k in range(int(np.ceil(np.log10(start))), int(np.floor(np.log10(max(end, start)))) + 1)]
        step = max(1, -(-len(found) // 4))
        return found[::-1][::step]

    positive = decades(high)
    negative = [-value for value in decades(-low)] if low < 0 else []
    ticks = sorted([*negative[:2], 0.0, *positive])
    ax.set_xticks(ticks)
    ax.set_xticks([], minor=True)
