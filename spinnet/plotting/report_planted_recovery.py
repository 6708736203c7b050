"""Recovery of a hidden signal: overlap against its strength, the two identities of the Nishimori line, and searches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_THEORY = {"color": style.INK, "ls": (0, (4, 1.6)), "lw": 1.0}
_NAMES = {"informed": "sphere", "ising": "Ising"}


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """One figure: what was measured of the panels."""
    kept = {role: _points(report, role) for role in _NAMES}
    searches = _points(report, "uninformed")
    makers = []
    if kept["informed"]:
        makers.append(lambda ax: _overlaps(ax, report, kept["informed"]))
    if any(kept.values()):
        makers += [lambda ax: _reversal(ax, kept), lambda ax: _energies(ax, kept)]
    if searches:
        makers.append(lambda ax: _searches(ax, searches))
    if not makers:
        return None
    figure, axes = style.panels(len(makers), height=2.5)
    for ax, make in zip(axes, makers, strict=True):
        make(ax)
    style.letter(axes)
    return figure


def _points(report: LoadedReport, role: str) -> list[Group]:
    return [group for group in report.below(role).values() if "n" in group.attributes]


def _sizes(groups: list[Group]) -> list[float]:
    return sorted({group.number("n") for group in groups})


def _overlaps(ax: Axes, report: LoadedReport, groups: list[Group]) -> None:
    sizes = _sizes(groups)
    for size, shade in zip(sizes, style.shades(style.COLOURS[0], len(sizes)), strict=True):
        some = [group for group in groups if group.number("n") == size]
        ax.errorbar([one.number("strength") for one in some], [one.number("overlap") for one in some],
                    [one.number("overlap_error") for one in some], color=shade, marker="o", ls="none",
                    label=f"$N$ = {size:.0f}")  # fmt: skip
    limits = [group for group in report.below("informed").values() if "limit" in group.attributes]
    if limits:
        ax.errorbar([one.number("strength") for one in limits], [one.number("limit") for one in limits],
                    [one.number("limit_error") for one in limits], color=style.COLOURS[1], marker="D", mfc="white",
                    ls="none", label=r"$N\to\infty$, $a + b/N$")  # fmt: skip
    curve = report.group("informed")
    ax.plot(curve["theory_strength"], curve["theory_overlap"], **_THEORY, label="posterior")
    ax.axvline(curve.number("information"), color=style.GREY, lw=0.8, ls=(0, (1, 1.2)))
    ax.set_xlabel(r"signal-to-noise ratio $\beta_0$")
    ax.set_ylabel(r"overlap with the signal $m$")
    ax.legend(loc="lower right")


def _reversal(ax: Axes, kept: dict[str, list[Group]]) -> None:
    """q₁₂(t) against m(2t), for all t whose double was measured."""
    low = 1.0
    for (role, name), colour, marker in zip(_NAMES.items(), style.COLOURS, style.MARKERS, strict=False):
        label = f"{name}"
        for one in kept[role]:
            time = one["time"]
            first, double = _doubles(time)
            ax.errorbar(one["overlap"][double], one["pair"][first], one["pair_error"][first],
                        one["overlap_error"][double], color=colour, marker=marker, ms=3, ls="none", lw=0.7,
                        label=label)  # fmt: skip
            label = None
            if len(first):
                low = min(low, float(one["overlap"][double].min()))
    ax.plot([low, 1.0], [low, 1.0], **_THEORY)
    ax.set_xlabel(r"$m(2t)$")
    ax.set_ylabel(r"$q_{12}(t)$")
    ax.legend(loc="upper left")


def _doubles(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of times and of their doubles."""
    pairs = [(i, int(np.abs(time - 2.0 * t).argmin())) for i, t in enumerate(time)]
    good = [(i, j) for i, j in pairs if np.isclose(time[j], 2.0 * time[i]) and i != j]
    return np.array([i for i, _ in good], dtype=int), np.array([j for _, j in good], dtype=int)


def _energies(ax: Axes, kept: dict[str, list[Group]]) -> None:
    """(E H/N + β₀ f(1))/β₀f(1) at the end of runs against 1/N."""
    for (role, name), colour, marker in zip(_NAMES.items(), style.COLOURS, style.MARKERS, strict=False):
        groups = kept[role]
        strengths = sorted({one.number("strength") for one in groups})
        for k, strength in enumerate(strengths):
            some = [one for one in groups if one.number("strength") == strength]
            x = 1.0 / np.array([one.number("n") for one in some]) * (1.0 + 0.03 * (k - 0.5 * (len(strengths) - 1)))
            ax.errorbar(x, [2.0 * one.number("energy") / strength + 1.0 for one in some],
                        [2.0 * one.number("energy_error") / strength for one in some], marker=marker, ls="none",
                        color=style.shades(colour, len(strengths))[k],
                        label=rf"{name}, $\beta_0$ = {strength:g}")  # fmt: skip
    ax.axhline(0.0, **_THEORY)
    ax.set_xlabel(r"$1/N$")
    ax.set_ylabel(r"$1 + \mathrm{E}H/[N\beta_0 f(1)]$")
    style.headroom(ax, 3)
    ax.legend(loc="upper left", ncols=2, columnspacing=1.0)


def _searches(ax: Axes, groups: list[Group]) -> None:
    sizes = _sizes(groups)
    for size, shade in zip(sizes, style.shades(style.COLOURS[2], len(sizes)), strict=True):
        some = [group for group in groups if group.number("n") == size]
        ax.errorbar([one.number("strength") for one in some], [one.number("recovered") for one in some],
                    [one.number("recovered_error") for one in some], color=shade, marker="s",
                    label=f"$N$ = {size:.0f}")  # fmt: skip
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel(r"signal-to-noise ratio $\beta_0$")
    ax.set_ylabel("random starts that find the signal")
    ax.legend(loc="upper left")
