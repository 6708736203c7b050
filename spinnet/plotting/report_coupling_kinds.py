"""Kinds of couplings beside the exact one: energies at infinite temperature, relaxation, differences against size."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_ORDER = ("dense", "dense strict", "hashed", "binary", "diluted")


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Variance and kurtosis of H, e(t) of the largest common size, differences at the last time."""
    states, kinds = report.below("states"), report.below("relaxation")
    looks = _looks([str(group.attributes["kind"]) for group in (*states.values(), *kinds.values())])
    drawn = 2 * bool(states) + 2 * bool(kinds)
    if not drawn:
        return None
    figure, axes = style.panels(drawn)
    if states:
        _moment(axes[0], states, looks, "variance", r"$\mathrm{E}\langle H^2\rangle\,/\,N f(1)$")
        _moment(axes[1], states, looks, "kurtosis", r"excess kurtosis of $H$")
        if not kinds:
            style.headroom(axes[0], len(states))
            axes[0].legend(loc="upper right")
    if kinds:
        _curves(axes[-2], report, kinds, looks)
        _differences(axes[-1], kinds, looks)
    style.letter(axes)
    return figure


def _looks(kinds: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each kind: the same in all panels."""
    known = {name: k for k, name in enumerate(_ORDER)}
    ordered = sorted(dict.fromkeys(kinds), key=lambda kind: known.get(kind.split(",")[0], len(known)))
    return {
        kind: (style.COLOURS[k % len(style.COLOURS)], style.MARKERS[k % len(style.MARKERS)])
        for k, kind in enumerate(ordered)
    }


def _moment(ax: Axes, states: dict[str, Group], looks, name: str, label: str) -> None:
    """Measured with errors, exact as lines."""
    shift = np.geomspace(0.97, 1.03, max(len(states), 2))
    for group, step in zip(states.values(), shift, strict=False):
        kind = str(group.attributes["kind"])
        colour, marker = looks[kind]
        n = group["n"]
        ax.plot(group["curve_n"], group[f"curve_{name}"], color=colour, lw=0.9)
        ax.errorbar(n * step, group[name], group[f"{name}_error"], color=colour, marker=marker, ms=3.2, ls="none",
                    label=kind)  # fmt: skip
    ax.set_xscale("log", base=2)
    ticks = sorted({int(n) for group in states.values() for n in group["n"]})
    ax.set_xticks(ticks, [str(n) for n in ticks], minor=False)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel(label)


def _curves(ax: Axes, report: LoadedReport, kinds: dict[str, Group], looks) -> None:
    common = set.intersection(*(set(report.below("relaxation", key)) for key in kinds))
    shown = max(common, key=lambda name: report.group("relaxation", next(iter(kinds)), name).number("n"), default=None)
    theory = report.group("theory")
    for key, group in kinds.items() if shown else ():
        one, kind = report.group("relaxation", key, shown), str(group.attributes["kind"])
        after = one["time"] > 0
        time, mean, error = (one[name][after] for name in ("time", "energy_density", "energy_density_error"))
        colour, _ = looks[kind]
        ax.fill_between(time, mean - error, mean + error, color=colour, alpha=0.3, lw=0)
        ax.plot(time, mean, color=colour, label=kind)
    ax.plot(theory["time"], theory["energy_density"], color=style.INK, ls=(0, (4, 1.6)), label=r"$N\to\infty$")
    ax.set_xscale("log")
    ax.set_xlim(theory["time"][0], theory["time"][-1])
    ax.set_xlabel(r"time $t$")
    size = f" at {style.point_label(shown).replace('n', 'N')}" if shown else ""
    ax.set_ylabel(rf"energy per spin $e(t)${size}")
    ax.legend(loc="upper right")


def _differences(ax: Axes, kinds: dict[str, Group], looks) -> None:
    """|e − e of the reference| at the last time against N; an arrow where it is below two errors."""
    sizes, reference, moment = [], "", np.nan
    for group in kinds.values():
        kind, reference = str(group.attributes["kind"]), str(group.attributes["reference"])
        if "difference" not in group.arrays:
            continue
        colour, marker = looks[kind]
        n, value, error = group["n"], np.abs(group["difference"][-1]), group["difference_error"][-1]
        moment = group["moment"][-1]
        sizes += list(n)
        clear = value > 2 * error
        low = np.minimum(error, 0.9 * value)
        ax.errorbar(n[clear], value[clear], [low[clear], error[clear]], color=colour, marker=marker, ms=3.4,
                    ls="none")  # fmt: skip
        # What is not resolved is shown as the bound that two errors give.
        ax.plot(n[~clear], (value + 2 * error)[~clear], color=colour, marker=r"$\downarrow$", ms=6.0, ls="none")
        if np.isfinite(group["exponent"][-1]):
            line = np.array([group["from_size"][-1], n[-1]])
            ax.plot(line, np.exp(group["log_prefactor"][-1]) * line ** group["exponent"][-1], color=colour, lw=0.9)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    if sizes:
        low, high = min(sizes), max(sizes)
        _, top = ax.get_ylim()
        line = np.array([low, high])
        ax.plot(line, 0.8 * top * low / line, color=style.GREY, ls=":", lw=1.0, label=r"$1/N$")
        ticks = sorted({int(n) for n in sizes})
        ax.set_xticks(ticks, [str(n) for n in ticks], minor=False)
    ax.set_xlabel(r"$N$")
    ax.set_ylabel(rf"$|e(t)-e_{{\mathrm{{{reference}}}}}(t)|$ at $t={moment:.3g}$")
    ax.legend(loc="upper right")
