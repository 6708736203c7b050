"""SGD beside Langevin dynamics: variances against curvature, and the two temperatures of a network."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_DASHES = (0, (4, 1.6))
_SCALE = 1e4  # of temperatures per pattern on the axis
_MATCHED = {"loss": "loss", "excess": "loss above minimum"}
_SHOWN = (("loss", "mean loss"), ("noise_trace", r"$\mathrm{tr}\,C$"), ("hessian_trace", r"$\mathrm{tr}\,H$"),
          ("norm_square", r"$|w|^2$"))  # fmt: skip


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Variances on regression; of a network the loss against temperature, the same above the minimum below each run
    where that was measured, and SGD over Langevin at both matches."""
    networks = report.below("network")
    network = list(networks.values())[-1] if networks else None
    shown = [] if network is None else [name for name in ("loss", "excess") if name in network.arrays]
    wide = (1.45 if len(shown) < 2 else 1.9) * style.PAGE
    figure, axes = style.new_figure(wide if shown else style.COLUMN, 2.7, 1 + len(shown) + bool(shown))
    regressions = report.below("regression")
    _variances(axes[0], list(regressions.values())[-1])
    for ax, name in zip(axes[1:], shown, strict=False):
        _loss(ax, network, name)
    if shown:
        _ratios(axes[-1], network)
    style.letter(axes)
    return figure


def _variances(ax: Axes, group: Group) -> None:
    order = np.argsort(group["curvature"])
    h = group["curvature"][order]
    for name, told, colour in (("sgd", "SGD", style.COLOURS[0]), ("langevin", "Langevin", style.COLOURS[1])):
        ax.errorbar(h, group[name][order], group[f"{name}_error"][order], color=colour, marker="o", ms=3.6, ls="none",
                    label=told)  # fmt: skip
        ax.plot(h, group[f"{name}_known"][order], color=colour, lw=1.0, label=f"{told}, exact")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("curvature $h$ of the mean loss")
    ax.set_ylabel("stationary variance")
    ax.legend(loc="upper right")


def _loss(ax: Axes, group: Group, what: str) -> None:
    ax.errorbar(_SCALE * group["temperature"], group[what], group[f"{what}_error"], color=style.COLOURS[1], marker="o",
                ms=3.6, lw=0.9, label="Langevin")  # fmt: skip
    level, error = group.number(f"sgd_{what}"), group.number(f"sgd_{what}_error")
    ax.axhspan(level - error, level + error, color=style.COLOURS[0], alpha=0.3, lw=0)
    ax.axhline(level, color=style.COLOURS[0], lw=1.0, label="SGD")
    for name, told, dashes in (("noise", "equal noise", _DASHES), (what, f"equal {_MATCHED[what]}", (0, (1, 1.5)))):
        place = group.number(f"{name}_temperature")
        if np.isfinite(place):
            ax.axvline(_SCALE * place, color=style.INK, lw=0.9, ls=dashes, label=told)
    ax.set_xlabel(r"temperature per pattern $\times\,10^4$")
    ax.set_ylabel("mean loss (with decay)" if what == "loss" else "mean loss above the minimum below")
    ax.legend(loc="best")


def _ratios(ax: Axes, group: Group) -> None:
    """What SGD has over what Langevin dynamics has at both matched temperatures."""
    shown = [(name, told) for name, told in _SHOWN if name in group.arrays]
    for offset, match, told, marker in ((-0.1, "noise", "equal noise", "s"), (0.1, "loss", "equal loss", "o")):
        place = group.number(f"{match}_temperature")
        t = group["temperature"]
        if not np.isfinite(place) or not t[0] <= place <= t[-1]:
            continue
        for k, (name, _) in enumerate(shown):
            known, error = (np.interp(place, t, group[key]) for key in (name, f"{name}_error"))
            own, own_error = group.number(f"sgd_{name}"), group.number(f"sgd_{name}_error")
            ratio = own / known
            spread = ratio * np.hypot(own_error / own, error / known)
            ax.errorbar(k + offset, ratio, spread, marker=marker, ms=4.0, ls="none", label=None if k else told,
                        color=style.COLOURS[2 if match == "noise" else 3])  # fmt: skip
    ax.axhline(1.0, color=style.GREY, lw=0.8)
    ax.set_xticks(range(len(shown)), [told for _, told in shown])
    ax.set_xlim(-0.5, len(shown) - 0.5)
    ax.set_ylabel("SGD over Langevin")
    ax.minorticks_off()
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best")
