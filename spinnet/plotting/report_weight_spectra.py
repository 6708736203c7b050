"""Figure of the report on weight spectra: the widest layer's spectra, spikes and stable rank along training."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_ROLES = ("arm", "shuffled", "untrained")


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """For the layer with most eigenvalues: bulk with its law, ranked eigenvalues, spikes and stable rank."""
    layers = {role: report.below(role) for role in _ROLES if report.below(role)}
    if not layers:
        return None
    chosen = {role: _widest(groups) for role, groups in layers.items()}
    chosen = {role: group for role, group in chosen.items() if group is not None}
    if not chosen:
        return None
    figure, axes = style.panels(4, height=2.5)
    _bulk(axes[0], chosen)
    _ranked(axes[1], chosen)
    _along(axes[2], chosen, "spikes", "spikes beyond the edge")
    _along(axes[3], chosen, "stable_rank", "stable rank")
    style.letter(axes)
    return figure


def _widest(groups: dict[str, Group]) -> Group | None:
    known = [group for group in groups.values() if "density" in group.arrays]
    return max(known, key=lambda group: min(group.number("rows"), group.number("columns")), default=None)


def _bulk(ax: Axes, chosen: dict[str, Group]) -> None:
    group = next(iter(chosen.values()))
    centre = 0.5 * (group["edges"][1:] + group["edges"][:-1])
    for number, one in enumerate(chosen.values()):
        ax.stairs(one["density"], one["edges"], color=style.COLOURS[number], lw=0.9, label=str(one.attributes["label"]))
    law = np.where(group["marchenko_pastur"] > 0, group["marchenko_pastur"], np.nan)
    ax.plot(centre, law, color=style.INK, ls=(0, (4, 1.6)), lw=0.9, label="Marchenko–Pastur")
    ax.axvline(group.number("edge"), color=style.GREY, lw=0.7)
    ax.set_yscale("log")
    ax.set_xlabel(r"eigenvalue of $W^{T}W/N$")
    ax.set_ylabel("density")
    style.headroom(ax, len(chosen) + 1, 2.0)
    ax.legend(loc="upper right", fontsize=7.2)


def _ranked(ax: Axes, chosen: dict[str, Group]) -> None:
    for number, one in enumerate(chosen.values()):
        values = one["rank_value"]
        ax.plot(values, np.arange(1, len(values) + 1) / len(values), color=style.COLOURS[number], lw=1.1)
    ax.axvline(next(iter(chosen.values())).number("edge"), color=style.GREY, lw=0.7)
    ax.set_xscale("log")
    ax.set_yscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(max(low, 1e-4 * high), high)
    ax.set_xlabel(r"eigenvalue $\lambda$")
    ax.set_ylabel(r"share above $\lambda$")


def _along(ax: Axes, chosen: dict[str, Group], name: str, label: str) -> None:
    started = False
    for number, one in enumerate(chosen.values()):
        time = np.array(one["time"], dtype=float)
        if len(time) < 3:  # what does not move
            ax.axhline(one[name][-1], color=style.COLOURS[number], lw=0.9, ls=(0, (4, 1.6)))
            continue
        if time[0] == 0.0:
            started = True
            time[0] = time[1] ** 2 / time[2]
        ax.errorbar(time, one[name], one[f"{name}_error"], color=style.COLOURS[number],
                    marker=style.MARKERS[number], ms=3.4, lw=0.9, label=str(one.attributes["label"]))  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("time (steps; leftmost: the start)" if started else "time (steps)")
    ax.set_ylabel(label)
