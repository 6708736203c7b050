"""Error signals: attenuation with depth, dilution with width, opposition and targets along training, the committee."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_DASHES = (0, (4, 1.6))


@style.styled
def draw(report: LoadedReport) -> Figure:
    """Six panels, one claim each."""
    figure, axes = style.new_figure(1.45 * style.PAGE, 5.4, 3, 2)
    _attenuation(axes[0], report)
    _dilution(axes[1], report.group("width"))
    stages = _stages(report)
    _opposition(axes[2], stages)
    _lines(axes[3], stages, "moving_target", "change of $\\delta_j$ by the other units")
    axes[3].axhline(1.0, color=style.GREY, lw=0.8)
    _lines(axes[4], stages, "selectivity", "selectivity of hidden units")
    _committee(axes[5], report.group("committee"))
    style.letter(axes)
    return figure


def _attenuation(ax: Axes, report: LoadedReport) -> None:
    series = [one for arm in sorted({name.split("/")[1] for name in report.groups if name.startswith("depth/")})
              for one in report.below("depth", arm).values()]  # fmt: skip
    for one, colour in zip(series, style.COLOURS * 3, strict=False):
        ax.errorbar(one["layer"], np.exp(one["log_attenuation"]), np.exp(one["log_attenuation"]) *
                    one["log_attenuation_error"], color=colour, marker="o", ms=3.0, ls="none",
                    label=str(one.attributes["label"]).split(",")[0].replace("_", " "))  # fmt: skip
        ax.plot(one["layer"], np.exp(one["log_theory"]), color=colour, lw=0.9)
    ax.set_yscale("log")
    ax.set_xlabel("layer $l$")
    ax.set_ylabel(r"$A_l$, lines mean field")
    style.headroom(ax, len(series))
    ax.legend(loc="upper left", fontsize=7.0)


def _dilution(ax: Axes, group: Group) -> None:
    root = np.sqrt(group["width"])
    ax.errorbar(group["width"], group["rms"] * root, group["rms_error"] * root, color=style.COLOURS[0], marker="o",
                ms=3.4, label=r"$\sqrt{n}\,\mathrm{rms}\,\delta$")  # fmt: skip
    ax.errorbar(group["width"], group["participation"], group["participation_error"], color=style.COLOURS[1],
                marker="s", ms=3.4, label="participation")  # fmt: skip
    ax.axhline(2 / math.pi, color=style.COLOURS[1], lw=0.9, ls=_DASHES, label=r"$2/\pi$")
    ax.set_xscale("log")
    ax.set_ylim(0.0, None)
    ax.set_xlabel("width $n$")
    ax.legend(loc="best")


def _stages(report: LoadedReport) -> dict[int, list[Group]]:
    """Per width, the stages in order; the null last."""
    found: dict[int, list[Group]] = {}
    for number in report.below("stages") or sorted({
        name.split("/")[1] for name in report.groups if name.startswith("stages/")
    }):
        for width, group in report.below("stages", number).items():
            found.setdefault(int(width), []).append(group)
    return dict(sorted(found.items()))


def _place(ax: Axes, groups: list[Group]) -> np.ndarray:
    names = [str(group.attributes["arm"]).replace("_", " ") for group in groups]
    ax.set_xticks(range(len(names)), names)
    ax.minorticks_off()
    return np.arange(len(names))


def _lines(ax: Axes, stages: dict[int, list[Group]], name: str, told: str) -> None:
    for (width, groups), shade in zip(stages.items(), style.shades(style.COLOURS[0], max(len(stages), 1)), strict=True):
        values, errors = ([group.number(key) for group in groups] for key in (name, f"{name}_error"))
        ax.errorbar(_place(ax, groups), values, errors, color=shade, marker="o", ms=3.4, lw=0.9, label=rf"$n={width}$")
    ax.set_ylabel(told)
    ax.legend(loc="best")


def _opposition(ax: Axes, stages: dict[int, list[Group]]) -> None:
    _lines(ax, stages, "opposite", r"$1-|\sum g|/\sum|g|$")
    if stages:
        groups = list(stages.values())[-1]
        ax.plot(range(len(groups)), [group.number("opposite_null") for group in groups], color=style.INK, ls=_DASHES,
                lw=0.9, label="random signs")  # fmt: skip
        ax.legend(loc="best")


def _committee(ax: Axes, group: Group) -> None:
    ax.plot(group["time"][1:], group["error"][1:], color=style.COLOURS[2], label=r"$\epsilon$")
    ax.axhline(group.number("plateau"), color=style.INK, lw=0.9, ls=_DASHES, label=r"$\epsilon^*$")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-6, None)
    ax.set_xlabel("time of gradient flow")
    ax.set_ylabel(rf"soft committee, $K={group.number('units'):.0f}$")
    ax.legend(loc="best")
