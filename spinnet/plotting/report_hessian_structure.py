"""Figure of the Hessian-structure report: four numbers against the number of parameters."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import Group, LoadedReport

_ROLES = ("arm", "untrained", "glass")


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Off-diagonal mass, interaction ratio, top eigenvalue over diagonal, and joint against single steps."""
    groups = {role: report.group(role) for role in _ROLES if report.group(role)}
    if not groups:
        return None
    figure, axes = style.panels(4, height=2.5)
    for ax, name, label in (
        (axes[0], "off_diagonal_mass", r"off-diagonal mass $m_{\rm off}$"),
        (axes[1], "interaction_ratio", r"median of $g^{T}Hg\,/\,g^{T}{\rm diag}(H)g$"),
        (axes[2], "top_over_diagonal", r"$\lambda_{\max}/\max_i H_{ii}$"),
    ):
        _against_size(ax, groups, name, label)
    for number, group in enumerate(groups.values()):
        axes[0].plot(group["parameters"], group["rotated_mass"], color=style.COLOURS[number], ls=(0, (4, 1.6)), lw=0.9)
    axes[0].plot([], [], color=style.GREY, ls=(0, (4, 1.6)), lw=0.9, label="mean over all bases")
    axes[0].set_ylim(0.0, 1.0)
    style.headroom(axes[0], len(groups) + 1, 2.0)
    axes[0].set_yticks(np.linspace(0.0, 1.0, 6))
    axes[0].legend(loc="upper left")
    for ax in axes[1:3]:
        ax.axhline(1.0, color=style.INK, lw=0.7, ls=(0, (1, 1.5)))
        ax.set_yscale("symlog" if ax is axes[1] else "log")
    _steps(axes[3], groups)
    style.letter(axes)
    return figure


def _against_size(ax: Axes, groups: dict[str, Group], name: str, label: str) -> None:
    for number, group in enumerate(groups.values()):
        ax.errorbar(group["parameters"], group[name], group[f"{name}_error"], color=style.COLOURS[number],
                    marker=style.MARKERS[number], ms=3.6, lw=0.9, label=str(group.attributes["label"]))  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("degrees of freedom")
    ax.set_ylabel(label)


def _steps(ax: Axes, groups: dict[str, Group]) -> None:
    """Joint over single changes: 1 for independent coordinates, negative where the joint step climbs."""
    for number, group in enumerate(groups.values()):
        ratio = group["joint_change"] / group["single_changes"]
        relative = np.hypot(
            group["joint_change_error"] / np.abs(group["joint_change"]),
            group["single_changes_error"] / np.abs(group["single_changes"]),
        )
        ax.errorbar(group["parameters"], ratio, np.abs(ratio) * relative, color=style.COLOURS[number],
                    marker=style.MARKERS[number], ms=3.6, lw=0.9, label=str(group.attributes["label"]))  # fmt: skip
    ax.axhline(1.0, color=style.INK, lw=0.7, ls=(0, (1, 1.5)))
    ax.axhline(0.0, color=style.GREY, lw=0.6)
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_xlabel("degrees of freedom")
    ax.set_ylabel("joint step over sum of single steps")
