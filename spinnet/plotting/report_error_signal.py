"""Figure of the error-signal report: attenuation by layer, dilution, opposition, moving target, specialisation."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

#: Names of structures that fit into a legend.
_SHORT = {
    "plain": "plain", "skip connections": "skip", "batch normalisation": "batch", "layer normalisation": "layer",
    "batch normalisation and skip connections": "batch, skip",
    "layer normalisation and skip connections": "layer, skip",
}  # fmt: skip


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Eight panels; colours are activations, the widest network of one hidden layer stands for its activation.

    Dotted lines with open symbols are the same networks on shuffled labels.
    """
    networks = list(report.below("networks").values())
    if not networks:
        return None
    kinds = list(dict.fromkeys(str(one.attributes["activation"]) for one in networks))
    figure, axes = style.new_figure(style.PAGE, 4.4, 4, 2)
    _attenuation(axes[0], networks, kinds)
    for ax, value, error, label in (
        (axes[1], lambda one: one.number("gradient"), lambda one: one.number("gradient_error"), "rms gradient"),
        (axes[2], lambda one: one["moving_target"][0], lambda one: one["moving_target_error"][0], "moving target"),
    ):
        _against_width(ax, networks, kinds, value, error, label)
    axes[1].set_yscale("log")
    axes[2].axhline(1.0, color=style.INK, lw=0.7, ls=(0, (1, 1.5)))
    chosen = [_widest(networks, kind) for kind in kinds]
    dealt = {str(one.attributes["label"]): one for one in report.below("shuffled").values()}
    nulls = [dealt.get(str(one.attributes["label"])) if one else None for one in chosen]
    structures = list(report.below("structures").values())
    if structures:
        _structures(axes[3], structures)
    else:
        axes[3].set_axis_off()
    for ax, name, label in ((axes[4], "opposed", "opposition of single gradients"),
                            (axes[5], "pair_cosine", "cosine of pairs of gradients"),
                            (axes[6], "signal_to_noise", "signal to noise"),
                            (axes[7], "class_share", "variance between classes")):  # fmt: skip
        _along(ax, chosen, name, label)
        _along(ax, nulls, name, label, ls=(0, (1, 1.2)), mfc="white")
    if any(nulls):
        axes[7].plot([], [], color=style.GREY, ls=(0, (1, 1.2)), marker="o", mfc="white", ms=3.4, lw=0.9,
                     label="shuffled labels")  # fmt: skip
        axes[7].legend(fontsize=7, loc="best")
    axes[4].plot([], [], color=style.GREY, ls=(0, (4, 1.6)), lw=0.8, label="random signs")
    axes[4].legend(fontsize=7, loc="best")
    axes[5].axhline(0.0, color=style.INK, lw=0.7, ls=(0, (1, 1.5)))
    if any(chosen):
        axes[6].axhline(1.0 / next(one for one in chosen if one).number("patterns"), color=style.INK, lw=0.7,
                        ls=(0, (4, 1.6)), label="1/patterns")  # fmt: skip
        axes[6].set_yscale("log")
        axes[6].legend(fontsize=7, loc="best")
    style.letter(axes)
    return figure


def _widest(networks: list[Group], kind: str) -> Group | None:
    known = [one for one in networks if one.attributes["activation"] == kind and one.number("depth") == 1]
    return max(known, key=lambda one: one.number("width"), default=None)


def _attenuation(ax: Axes, networks: list[Group], kinds: list[str]) -> None:
    for number, kind in enumerate(kinds):
        deep = [one for one in networks if one.attributes["activation"] == kind and "attenuation" in one.arrays]
        if not deep:
            continue
        one = max(deep, key=lambda group: group.number("depth"))
        layer = np.arange(1, len(one["attenuation"]) + 1)
        ax.errorbar(layer, one["attenuation"], one["attenuation_error"], color=style.COLOURS[number],
                    marker=style.MARKERS[number], ls="none", ms=3.6, label=kind)  # fmt: skip
        ax.plot(layer, one["foretold"], color=style.COLOURS[number], ls=(0, (4, 1.6)), lw=0.9)
    ax.plot([], [], color=style.GREY, ls=(0, (4, 1.6)), lw=0.9, label="wide layers")
    ax.set_xlabel(r"hidden layer $l$")
    ax.set_ylabel(r"error signal over that of the last")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    ax.legend(loc="upper left", fontsize=6, ncol=2, columnspacing=0.8, handletextpad=0.2, handlelength=1.5)


def _structures(ax: Axes, structures: list[Group]) -> None:
    """Error signals by layer at the start; the slope of theory through the last layer."""
    for number, one in enumerate(structures):
        layer = np.arange(1, len(one["attenuation"]) + 1)
        colour = style.COLOURS[number % len(style.COLOURS)]
        ax.errorbar(layer, one["attenuation"], one["attenuation_error"], color=colour, marker=style.MARKERS[number],
                    ls="none", ms=2.6, label=_SHORT.get(str(one.attributes["label"])))  # fmt: skip
        foretold = one.number("foretold")
        if np.isfinite(foretold):
            ax.plot(layer, np.exp(foretold * (layer[-1] - layer)), color=colour, ls=(0, (4, 1.6)), lw=0.8)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(low * (low / high) ** 0.4, high)  # room for the legend
    ax.set_xlabel(r"hidden layer $l$")
    ax.set_ylabel("error signal over that of the last")
    ax.legend(fontsize=6, loc="lower center", ncol=2, handletextpad=0.2, columnspacing=0.8)


def _against_width(ax: Axes, networks: list[Group], kinds: list[str], value, error, label: str) -> None:
    for number, kind in enumerate(kinds):
        ones = [one for one in networks if one.attributes["activation"] == kind and one.number("depth") == 1]
        ones.sort(key=lambda one: one.number("width"))
        ax.errorbar([one.number("width") for one in ones], [value(one) for one in ones], [error(one) for one in ones],
                    color=style.COLOURS[number], marker=style.MARKERS[number], ms=3.4, lw=0.9)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xlabel(r"width $n$")
    ax.set_ylabel(label)


def _along(ax: Axes, chosen: list[Group | None], name: str, label: str, **look) -> None:
    ticks = None
    for number, one in enumerate(chosen):
        if one is None:
            continue
        time, ticks = np.array(one["time"], dtype=float), None
        if len(time) > 1 and time[0] == 0.0:
            # The start has a place of its own on the logarithmic axis.
            time[0] = time[1] ** 2 / time[2] if len(time) > 2 else 0.1 * time[1]
            ticks = time[0]
        ax.errorbar(time, one[name], one[f"{name}_error"], color=style.COLOURS[number], marker=style.MARKERS[number],
                    ms=3.4, lw=0.9, **look)  # fmt: skip
        if name == "opposed" and not look:
            ax.plot(time, one["opposed_chance"], color=style.COLOURS[number], ls=(0, (4, 1.6)), lw=0.8)
    ax.set_xscale("log")
    if any(chosen) and ticks is not None:
        ax.set_xticks([ticks, *time[1:]], ["0", *(f"{t:g}" for t in time[1:])])
        ax.minorticks_off()
    ax.set_xlabel("time (steps)")
    ax.set_ylabel(label)
