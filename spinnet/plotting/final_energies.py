"""Final energies against size."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedComparison


@style.styled
def final_energies(comparison: LoadedComparison) -> Figure | None:
    """One panel per arm: mean final energy per unit with standard error, spread of runs, and what theory says.

    Points that differ in more than their size are drawn as series of their own, each with its own limit.
    """
    groups = {arm: comparison.group("arms", arm) for arm in comparison.arms}
    arms = [arm for arm, group in groups.items() if group and np.isfinite(group["energy"]).any()]
    if not arms:
        return None
    figure, axes = style.panels(len(arms))
    for arm, ax in zip(arms, axes, strict=True):
        k = comparison.arms.index(arm) % len(style.COLOURS)
        _draw_arm(ax, groups[arm], comparison.group("series", arm), style.COLOURS[k], style.MARKERS[k])
        ax.set_title(arm)
    style.letter(axes)
    return figure


def _draw_arm(ax: Axes, arm: Group, series: Group, colour: str, marker: str) -> None:
    is_spin = arm.attributes.get("unit") == "spin"
    size = np.unique(arm["n_dof"]).astype(float)
    ax.set_xscale("log")
    _size_ticks(ax, size)
    span = np.log(size.max() / size.min()) if len(size) > 1 else 1.0
    ax.set_xlim(size.min() * np.exp(-0.12 * max(span, 0.5)), size.max() * np.exp(0.12 * max(span, 0.5)))
    labels = [str(label) for label in series["label"]]
    shades = style.shades(colour, len(labels))
    # At most four series are named: the ends, and even steps between them.
    named = {round(k) for k in np.linspace(0, len(labels) - 1, min(len(labels), 4))}
    for number, shade in enumerate(shades):
        prefix = _prefix(labels[number]) if number in named else None
        _draw_points(ax, arm, arm["series"] == number, shade, marker, prefix, first=number == 0)
    for number, shade in enumerate(shades):
        _draw_fit(ax, series, number, shade, number in named)
    if is_spin:
        _draw_theory(ax, series)
    ax.set_xlabel("spins $N$" if is_spin else "parameters $W$")
    ax.set_ylabel(f"final energy per {arm.attributes.get('unit', 'unit')}" if is_spin else "final mean loss")
    if ax.get_ylim()[0] > 0:
        ax.set_ylim(bottom=0.0)
    handles, labels = ax.get_legend_handles_labels()
    style.headroom(ax, len(labels))
    # Measured first, then the spread, then fits and theory.
    order = sorted(range(len(labels)), key=lambda k: (0 if "mean" in labels[k] else 1 if "runs" in labels[k] else 2))
    ax.legend([handles[k] for k in order], [labels[k] for k in order], loc="upper right")


def _prefix(label: str) -> str:
    return f"{style.point_label(label)}: " if label else ""


def _draw_points(
    ax: Axes, arm: Group, chosen: np.ndarray, colour: tuple, marker: str, prefix: str | None, first: bool
) -> None:
    """Means with their errors, the spread of runs behind them, and test losses where there are any."""
    order = np.flatnonzero(chosen)[np.argsort(arm["n_dof"][chosen], kind="stable")]
    if not len(order):
        return
    size = arm["n_dof"][order].astype(float)
    energy, error, spread = (arm[name][order] for name in ("energy", "energy_error", "spread"))
    what = "mean and its error" if arm.attributes.get("unit") == "spin" else "training loss, mean"
    ax.errorbar(size, energy, spread, fmt="none", ecolor=style.shades(to_hex(colour), 3)[0], elinewidth=3.2, zorder=2,
                label="standard deviation of runs" if first else None)  # fmt: skip
    ax.errorbar(size, energy, error, fmt=marker, color=colour, capsize=2.0, elinewidth=0.9, zorder=4,
                label=None if prefix is None else prefix + what)  # fmt: skip
    if np.isfinite(arm["test_loss"][order]).any():
        ax.errorbar(size, arm["test_loss"][order], arm["test_loss_error"][order], fmt=marker, color=colour,
                    mfc="white", capsize=2.0, elinewidth=0.9, zorder=3,
                    label=None if prefix is None else prefix + "test loss, mean")  # fmt: skip


def _draw_fit(ax: Axes, series: Group, number: int, colour: tuple, named: bool) -> None:
    limit, error, slope = (series[name][number] for name in ("limit", "limit_error", "limit_slope"))
    if not (series["limit_shown"][number] and np.isfinite(limit)):
        return
    x = np.geomspace(*ax.get_xlim(), 100)
    label = rf"$a+b/N$, $a={style.with_error(limit, error)}$"
    ax.plot(x, limit + slope / x, color=colour, lw=0.8, zorder=1, label=label if named else None)


def _draw_theory(ax: Axes, series: Group) -> None:
    """Threshold and ground state, each value once."""
    for name, sign, dashes in (("threshold_energy", "th", (5, 2)), ("ground_state_energy", "gs", (1, 1.5))):
        for value in np.unique(series[name][np.isfinite(series[name])]):
            ax.axhline(value, color=style.INK, lw=0.9, ls=(0, dashes), zorder=1,
                       label=rf"$e_{{\rm {sign}}}={value:.4f}$")  # fmt: skip


def _size_ticks(ax: Axes, size: np.ndarray) -> None:
    shown = size
    while len(shown) > 6:
        shown = shown[::2]
    ax.set_xticks(shown, minor=False)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(shown, [f"{value:g}" for value in shown])
