"""Funnels of networks and glasses: profiles, the way home, returns, widths, and melting."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_NETWORKS = (("true", "true labels", 0), ("noisy", "noisy labels", 4), ("shuffled", "shuffled labels", 1),
             ("untrained", "untrained", 5))  # fmt: skip
_GLASSES = (("planted", "planted glass", 2), ("unplanted", "unplanted glass", 3))
_MELTINGS = (("true_melting", "true labels", 0), ("shuffled_melting", "shuffled labels", 1),
             ("planted_melting", "planted glass", 2), ("unplanted_melting", "unplanted glass", 3))  # fmt: skip

_POTENTIALS = (("true_potential", "true labels", 0), ("shuffled_potential", "shuffled labels", 1),
               ("planted_potential", "planted glass", 2))  # fmt: skip


@style.styled
def draw(report: LoadedReport) -> dict[str, Figure | None]:
    """One figure of profiles and basins, one of melting."""
    return {"": _funnels(report), "melting": _meltings(report), "potential": _potentials(report)}


def _funnels(report: LoadedReport) -> Figure | None:
    shown = [(role, name, number) for role, name, number in (*_NETWORKS, *_GLASSES) if report.below(role)]
    if not shown:
        return None
    figure, axes = style.panels(6, height=2.4)
    for role, name, number in shown:
        one, colour, marker = _reference(report, role), style.COLOURS[number], style.MARKERS[number]
        axes[1].errorbar(one["overlap"], one["cosine"], one["cosine_error"], color=colour, marker=marker, ms=3, lw=0.9,
                         label=name)  # fmt: skip
        depth = one.number("depth")
        if depth < 4 * one.number("depth_error"):  # no funnel to measure anything by
            continue
        rise = (one["energy"] - one.number("native")) / depth
        axes[0].errorbar(one["overlap"], rise, one["energy_error"] / abs(depth), color=colour, marker=marker, ms=3,
                         lw=0.9, label=f"{name}, {one.attributes['label']}")  # fmt: skip
        axes[2].plot(one["overlap"], one["spread"] / depth, color=colour, marker=marker, ms=3, lw=0.9, label=name)
        if "returned" in one.arrays:
            axes[3].errorbar(one["kick"], one["returned"], one["returned_error"], color=colour, marker=marker, ms=3,
                             lw=0.9, label=f"{name}: back")  # fmt: skip
            axes[3].plot(one["kick"], one["as_deep"], color=colour, lw=0.9, ls=(0, (2, 1.5)))
    for ax, text in ((axes[0], r"$[e(q)-e(1)]/$depth"), (axes[1], "cosine of force and way home"),
                     (axes[2], "roughness/depth")):  # fmt: skip
        ax.invert_xaxis()
        ax.set_xlabel(r"overlap $q$ with the native state")
        ax.set_ylabel(text)
    axes[0].legend(loc="upper left", fontsize=6.5)
    style.headroom(axes[0], len(shown))
    axes[1].legend(loc="upper right", fontsize=6.5)
    axes[3].set_xlabel("kick (rad)")
    axes[3].set_ylabel("returned (dashes: as deep)")
    axes[3].set_ylim(-0.04, 1.04)
    _widths(axes[4], report, "axis_n_train", "training patterns $P$")
    _widths(axes[5], report, "axis_hidden", "hidden units")
    style.letter(axes)
    return figure


def _reference(report: LoadedReport, role: str) -> Group:
    """The point in the middle of the axes of a role."""
    groups = list(report.below(role).values())
    return groups[len(groups) // 2]


def _widths(ax: Axes, report: LoadedReport, axis: str, label: str) -> None:
    """Half-return angle against one axis, the middle of the other; arms without that axis are left out."""
    drawn = False
    for role, name, number in _NETWORKS:
        groups = [g for g in report.below(role).values() if axis in g.attributes and "half_angle" in g.attributes]
        others = sorted({_rest(g, axis) for g in groups})
        if not groups:
            continue
        kept = sorted((g for g in groups if _rest(g, axis) == others[len(others) // 2]), key=lambda g: g.number(axis))
        ax.errorbar([g.number(axis) for g in kept], [g.number("half_angle") for g in kept],
                    [g.number("half_angle_error") for g in kept], color=style.COLOURS[number],
                    marker=style.MARKERS[number], ms=4, lw=0.9, label=name)  # fmt: skip
        drawn = True
    ax.set_xlabel(label)
    ax.set_ylabel(r"half-return angle $\theta_{1/2}$ (rad)")
    if drawn:
        ax.set_xscale("log")
        ax.set_ylim(0, None)
        ax.legend(loc="best")


def _rest(group: Group, axis: str) -> tuple[float, ...]:
    names = sorted(name for name in group.attributes if name.startswith("axis_") and name != axis)
    return tuple(group.number(name) for name in names)


def _meltings(report: LoadedReport) -> Figure | None:
    """Networks above, glasses below: energies from both starts, and overlaps at a quarter and at the end of the run."""
    rows = [[entry for entry in half if report.below(entry[0])] for half in (_MELTINGS[:2], _MELTINGS[2:])]
    rows = [row for row in rows if row]
    if not rows:
        return None
    figure, axes = style.panels(2 * len(rows), height=2.6)
    for place, shown in enumerate(rows):
        energies, overlaps = axes[2 * place], axes[2 * place + 1]
        for role, name, number in shown:
            one, colour = next(iter(report.below(role).values())), style.COLOURS[number]
            t = one["temperature"]
            for key, mark, label in (("heated", "o", "native"), ("cooled", "s", "random")):
                energies.errorbar(t, one[key][:, -1], one[f"{key}_error"][:, -1], color=colour, marker=mark, ms=3.5,
                                  lw=0.9, mfc=colour if key == "heated" else "white",
                                  label=f"{name}, from {label}")  # fmt: skip
            quarter = int(np.argmin(np.abs(one["time"] - 0.25 * one["time"][-1])))
            for k, fill in ((quarter, "white"), (-1, colour)):
                overlaps.errorbar(t, one["overlap"][:, k], one["overlap_error"][:, k], color=colour, mfc=fill,
                                  marker="o", ms=3.5, lw=0.9, label=f"{name}, $t={one['time'][k]:.3g}$")  # fmt: skip
        overlaps.axhline(0.5, color=style.GREY, lw=0.6)
        overlaps.set_ylim(-0.1, 1.05)
        for ax, text in ((energies, "energy density"), (overlaps, r"$\langle q\rangle$ from the native state")):
            ax.set_xscale("log")
            ax.set_xlabel("temperature")
            ax.set_ylabel(text)
            ax.legend(loc="best", fontsize=7)
    style.letter(axes)
    return figure


def _potentials(report: LoadedReport) -> Figure | None:
    shown = [(name, number, one) for role, name, number in _POTENTIALS for one in report.below(role).values()
             if "free_energy" in one.arrays]  # fmt: skip
    if not shown:
        return None
    figure, axes = style.panels(len(shown), height=2.4)
    for ax, (_, number, one) in zip(axes, shown, strict=True):
        t, colour = one.number("temperature"), style.COLOURS[number]
        free, error = one["free_energy"] / t, one["free_energy_error"] / t
        ax.fill_between(one["overlap"], free - error, free + error, color=colour, alpha=0.3, lw=0)
        ax.plot(one["overlap"], free, color=colour, label=str(one.attributes["label"]))
        if "entropic" in one.arrays:
            ax.plot(one["overlap"], one["entropic"] / t, color=style.INK, lw=0.9, ls=(0, (4, 1.6)), label="entropy")
            ax.plot(one["overlap"], one["energetic"] / t, color=style.GREY, lw=0.9, label="energy")
        ax.axhline(0.0, color=style.GREY, lw=0.5)
        ax.set_xlabel(r"overlap $Q$ with the native state")
        ax.set_ylabel(r"$F(Q)/nT$")
        ax.legend(loc="best")
    style.letter(axes)
    return figure
