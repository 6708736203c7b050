"""Disconnectivity graphs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """One tree per point: minima at the ends of lines, joined where the energy reaches a pass between them."""
    trees = {name: one for name, one in report.below("trees").items() if one}
    if not trees:
        return None
    figure, axes = style.panels(len(trees), 2.5)
    for ax, one in zip(axes, trees.values(), strict=True):
        _tree(ax, one)
        if len(trees) > 1:
            ax.set_title(style.point_label(str(one.attributes["label"])), fontsize=8)
    return figure


def _tree(ax: Axes, one: Group) -> None:
    energy, position = one["energy"], one["position"]
    level = np.concatenate([energy, one["merge_energy"]])
    span = max(np.ptp(level), 0.1 * np.abs(level).max(), 1e-12)
    top = level.max() + 0.06 * span
    ax.set_ylim(level.min() - 0.06 * span, top + 0.03 * span)
    joined = np.zeros(len(position), bool)
    for (a, b), height in zip(one["merged"].astype(int), one["merge_energy"], strict=True):
        for side in (a, b):
            ax.plot([position[side]] * 2, [level[side], height], color=style.INK, lw=0.9)
            joined[side] = True
        ax.plot([position[a], position[b]], [height, height], color=style.INK, lw=0.9)
    for node in np.flatnonzero(~joined):
        ax.plot([position[node]] * 2, [level[node], top], color=style.INK, lw=0.9)
    place = position[: len(energy)]
    shown = ax.scatter(place, energy, c=np.clip(np.abs(one["overlap"]), 0.0, 1.0), cmap="viridis", vmin=0.0, vmax=1.0,
                       s=16, zorder=3, edgecolors=style.INK, linewidths=0.4)  # fmt: skip
    ax.figure.colorbar(shown, ax=ax, label="|overlap| with the lowest", fraction=0.05, pad=0.02)
    ax.set_xlim(-0.7, len(energy) - 0.3)
    orbit = one["orbit"] if "orbit" in one.arrays else np.zeros(len(energy))
    told = bool((orbit > 1).any())
    # What the symmetries make of each class: how many minima it stands for.
    ax.set_xticks(place if told else [], [f"{size:g}" for size in orbit] if told else [], fontsize=7.0)
    ax.tick_params(axis="x", length=0, pad=1.5)
    ax.set_ylabel("energy per unit")
    classes = f"{len(energy)} classes of minima" if len(energy) > 1 else "one class of minima"
    ax.set_xlabel(f"{classes}, and the images of each" if told else classes)
