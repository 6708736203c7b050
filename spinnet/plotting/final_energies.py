"""Final energies against size."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedComparison


@style.styled
def final_energies(comparison: LoadedComparison) -> Figure | None:
    """One panel per arm: mean final energy per unit with standard error, spread of runs, and what theory says."""
    groups = {arm: comparison.group("arms", arm) for arm in comparison.arms}
    arms = [arm for arm, group in groups.items() if group and np.isfinite(group["energy"]).any()]
    if not arms:
        return None
    figure, axes = style.panels(len(arms))
    for arm, ax in zip(arms, axes, strict=True):
        k = comparison.arms.index(arm) % len(style.COLOURS)
        _draw_arm(ax, groups[arm], style.COLOURS[k], style.MARKERS[k])
        ax.set_title(arm)
    style.letter(axes)
    return figure


def _draw_arm(ax: Axes, arm: Group, colour: str, marker: str) -> None:
    order = np.argsort(arm["n_dof"], kind="stable")
    size = arm["n_dof"][order].astype(float)
    energy, error, spread = (arm[name][order] for name in ("energy", "energy_error", "spread"))
    is_spin = arm.attributes.get("unit") == "spin"
    ax.errorbar(size, energy, spread, fmt="none", ecolor=style.shades(colour, 3)[0], elinewidth=3.2, zorder=2,
                label="standard deviation of runs")  # fmt: skip
    ax.errorbar(size, energy, error, fmt=marker, color=colour, capsize=2.0, elinewidth=0.9, zorder=4,
                label="mean and its error" if is_spin else "training loss, mean")  # fmt: skip
    if np.isfinite(arm["test_loss"]).any():
        ax.errorbar(size, arm["test_loss"][order], arm["test_loss_error"][order], fmt=marker, color=colour,
                    mfc="white", capsize=2.0, elinewidth=0.9, zorder=3, label="test loss, mean")  # fmt: skip
    ax.set_xscale("log")
    _size_ticks(ax, size)
    span = np.log(size.max() / size.min()) if len(size) > 1 else 1.0
    ax.set_xlim(size.min() * np.exp(-0.12 * max(span, 0.5)), size.max() * np.exp(0.12 * max(span, 0.5)))
    if arm.attributes.get("limit_shown") and np.isfinite(arm.number("limit")):
        x = np.geomspace(*ax.get_xlim(), 100)
        label = rf"$a+b/N$, $a={style.with_error(arm.number('limit'), arm.number('limit_error'))}$"
        ax.plot(x, arm.number("limit") + arm.number("limit_slope") / x, color=colour, lw=0.8, zorder=1, label=label)
    if is_spin and np.isfinite(arm.number("threshold_energy")):
        ax.axhline(arm.number("threshold_energy"), color=style.INK, lw=0.9, ls=(0, (5, 2)), zorder=1,
                   label=rf"$e_{{\rm th}}={arm.number('threshold_energy'):.4f}$")  # fmt: skip
    if is_spin and np.isfinite(arm.number("ground_state_energy")):
        ax.axhline(arm.number("ground_state_energy"), color=style.INK, lw=0.9, ls=(0, (1, 1.5)), zorder=1,
                   label=rf"$e_{{\rm gs}}={arm.number('ground_state_energy'):.4f}$")  # fmt: skip
    ax.set_xlabel("spins $N$" if is_spin else "parameters $W$")
    ax.set_ylabel(f"final energy per {arm.attributes.get('unit', 'unit')}" if is_spin else "final mean loss")
    handles, labels = ax.get_legend_handles_labels()
    if ax.get_ylim()[0] > 0:
        ax.set_ylim(bottom=0.0)
    style.headroom(ax, len(labels))
    # Measured first, then fits and theory.
    first = [k for k, label in enumerate(labels) if "mean" in label or "runs" in label]
    order = first[::-1] + [k for k in range(len(labels)) if k not in first]
    order = sorted(first, key=lambda k: "runs" in labels[k]) + order[len(first) :]
    ax.legend([handles[k] for k in order], [labels[k] for k in order], loc="upper right")


def _size_ticks(ax: Axes, size: np.ndarray) -> None:
    shown = size
    while len(shown) > 6:
        shown = shown[::2]
    ax.set_xticks(shown, minor=False)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(shown, [f"{value:g}" for value in shown])
