"""Folding on landscapes with a native state: free energy, native weight, the law of T_f/T_g, folding times, ln g(E)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_THEORY = {"color": style.INK, "ls": (0, (4, 1.6)), "lw": 1.0}
_ROLES = (("hole", "golf-hole"), ("funnel", "funnel"))


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """One figure: what was measured of the six panels."""
    static = {role: list(report.below(role).values()) for role, _ in _ROLES}
    kinetics = {role: report.group("kinetics", role) for role, _ in _ROLES}
    sampled = list(report.below("sampled").values())
    makers = []
    if any(static.values()):
        makers += [lambda ax: _free_energy(ax, static), lambda ax: _native(ax, static["hole"] or static["funnel"])]
    if static["hole"]:
        makers.append(lambda ax: _law(ax, static))
    if any(group and group.arrays for group in kinetics.values()):
        makers.append(lambda ax: _times(ax, kinetics))
    if sampled:
        makers.append(lambda ax: _density(ax, sampled[0]))
    walked = [group for group in report.below("walked").values() if "free_energy" in group.arrays]
    if walked:
        makers.append(lambda ax: _walked(ax, walked[0]))
    elif sampled:
        makers.append(lambda ax: _overlap(ax, sampled[0]))
    if not makers:
        return None
    figure, axes = style.panels(len(makers), height=2.4)
    for ax, make in zip(axes, makers, strict=True):
        make(ax)
    style.letter(axes)
    return figure


def _largest(groups: list[Group]) -> list[Group]:
    """Those of the largest size, by increasing stability."""
    size = max(group.number("n") for group in groups)
    return sorted((group for group in groups if group.number("n") == size), key=lambda group: group.number("stability"))


def _free_energy(ax: Axes, static: dict[str, list[Group]]) -> None:
    """F(Q)/T at the temperature nearest to T_f, less its value at Q = 0, of the stability that both arms have."""
    common = [group.number("stability") for group in _largest(static["funnel"])] if static["funnel"] else []
    for (role, name), colour in zip(_ROLES, style.COLOURS, strict=False):
        groups = [one for one in (_largest(static[role]) if static[role] else []) if "nearest" in one.attributes]
        chosen = [one for one in groups if one.number("stability") in common] or groups
        if not chosen:
            continue
        one = chosen[-1]
        row = int(one.number("nearest"))
        free = one["free_energy"][row] / one["temperature"][row]
        middle = free[len(free) // 2]
        label = rf"{name}, $T$ = {one['temperature'][row]:.3g}"
        ax.plot(one["overlap"], free - middle, color=colour, marker="o", ms=2.8, label=label)
    ax.set_xlabel(r"overlap with the native state $Q$")
    ax.set_ylabel(r"$[F(Q) - F(0)]/T$")
    style.headroom(ax, 2)
    ax.legend(loc="upper left")


def _native(ax: Axes, groups: list[Group]) -> None:
    chosen = _largest(groups)
    shades = style.shades(style.COLOURS[0], len(chosen))
    for one, shade in zip(chosen, shades, strict=True):
        unfolded = "" if one.number("folded") else ", unfolded"
        ax.errorbar(one["temperature"], one["native_weight"], one["native_weight_error"], color=shade, lw=1.0,
                    label=rf"$\Lambda$ = {one.number('stability'):g}{unfolded}")  # fmt: skip
        at = one.number("nominal_temperature")
        if np.isfinite(at):
            ax.plot([at], [0.5], marker="x", ls="none", color=style.INK, ms=5, mew=0.9, zorder=5)
    ax.plot([], [], marker="x", ls="none", color=style.INK, ms=5, mew=0.9, label=r"$T_f$, $N\to\infty$")
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(rf"native weight, $N$ = {chosen[0].number('n'):.0f}")
    ax.set_ylim(-0.02, 1.02)
    ax.legend(loc="upper right")


def _law(ax: Axes, static: dict[str, list[Group]]) -> None:
    for (role, name), colour, marker in zip(_ROLES, style.COLOURS, style.MARKERS, strict=False):
        sizes = sorted({one.number("n") for one in static[role] if "ratio" in one.attributes})
        shades = style.shades(colour, max(len(sizes), 1))
        for size, shade in zip(sizes, shades, strict=False):
            found = [one for one in static[role] if one.number("n") == size and "ratio" in one.attributes]
            ax.errorbar(
                [one.number("frustration_index") for one in found], [one.number("ratio") for one in found],
                [one.number("ratio_error") for one in found], color=shade, ls="none", marker=marker,
                label=rf"{name}, $N$ = {size:.0f}",
            )  # fmt: skip
    index = np.linspace(1.0, max(2.05, ax.get_xlim()[1]), 200)
    ax.plot(index, index + np.sqrt(index**2 - 1.0), **_THEORY, label=r"$\Lambda + \sqrt{\Lambda^2 - 1}$")
    ax.set_xlabel(r"frustration index $\Lambda$")
    ax.set_ylabel(r"$T_f/T_g$")
    ax.legend(loc="best")


def _times(ax: Axes, kinetics: dict[str, Group | None]) -> None:
    for (role, name), colour, marker in zip(_ROLES, style.COLOURS, style.MARKERS, strict=False):
        group = kinetics[role]
        if group is None or not group.arrays:
            continue
        if "exact_log_time" in group.arrays:
            mean, error = group["exact_log_time"], group["exact_log_time_error"]
            ax.plot(group["exact_temperature"], np.exp(mean), color=colour, label=f"{name}, exact")
            ax.fill_between(group["exact_temperature"], np.exp(mean - error), np.exp(mean + error), color=colour,
                            alpha=0.3, lw=0)  # fmt: skip
        if "walk_log_time" in group.arrays:
            t, mean, error = (group[f"walk_{key}"] for key in ("temperature", "log_time", "log_time_error"))
            bound = group["walk_bound"] > 0
            some = ~bound
            middle = np.exp(mean[some])
            ends = middle - np.exp(mean[some] - error[some]), np.exp(mean[some] + error[some]) - middle
            ax.errorbar(t[some], middle, ends, color=colour, ls="none", marker=marker, label=f"{name}, walks")
            if bound.any():
                ax.plot(t[bound], np.exp(mean[bound]), color=colour, ls="none", marker="^", mfc="white",
                        label=f"{name}, lower bound")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"temperature $T$")
    ax.set_ylabel(r"typical folding time (sweeps)")
    ax.legend(loc="best")


def _density(ax: Axes, one: Group) -> None:
    label = "Wang–Landau" if one.number("converged") else "Wang–Landau, not converged"
    ax.errorbar(one["energy"], one["log_density"], one["log_density_error"], color=style.COLOURS[0], marker="o", ms=2.6,
                ls="none", label=label)  # fmt: skip
    ax.plot(one["energy"], one["exact_log_density"], **_THEORY, label=f"all levels, $N$ = {one.number('n'):.0f}")
    ax.set_xlabel(r"energy $E$")
    ax.set_ylabel(r"$\ln g(E)$")
    ax.legend(loc="upper left")


def _walked(ax: Axes, one: Group) -> None:
    """F(Q)/T of sizes that cannot be listed, less its value at the native state."""
    first = one["theory"][0]
    label = f"walks, $N$ = {one.number('n'):.0f}, $T$ = {one.number('temperature'):g}"
    ax.errorbar(one["overlap"], one["free_energy"] - first, one["free_energy_error"], color=style.COLOURS[1],
                marker="o", ms=2.6, ls="none", label=label)  # fmt: skip
    ax.plot(one["overlap"], one["theory"] - first, **_THEORY, label="random energies")
    ax.set_xlabel(r"overlap with the native state $Q$")
    ax.set_ylabel(r"$[F(Q) - F(1)]/T$")
    ax.legend(loc="upper right")


def _overlap(ax: Axes, one: Group) -> None:
    ax.plot(one["energy"], one["overlap"], color=style.COLOURS[0], marker="o", ms=2.6, ls="none", label="Wang–Landau")
    ax.plot(one["energy"], one["exact_overlap"], **_THEORY, label="all levels")
    ax.set_xlabel(r"energy $E$")
    ax.set_ylabel(r"mean overlap $\langle Q\rangle_E$")
    ax.legend(loc="upper right")
