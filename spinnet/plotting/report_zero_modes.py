"""Figure of the zero-mode report: counted against foretold."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinnet.plotting import style
from spinnet.plotting.loaded import LoadedReport


@style.styled
def draw(report: LoadedReport) -> Figure | None:
    """Least and most zero modes of the runs of each network against the number that counting foretells."""
    counts = report.group("counts")
    if not counts:
        return None
    figure, (ax,) = style.new_figure(style.COLUMN, 2.9)
    kinds = [str(kind) for kind in counts["kind"]]
    for number, kind in enumerate(dict.fromkeys(kinds)):
        chosen = np.array([one == kind for one in kinds]) & (counts["least"] >= 0)
        x, low, high = (counts[name][chosen] for name in ("foretold", "least", "most"))
        ax.errorbar(x, low, [np.zeros(len(x)), high - low], color=style.COLOURS[number], ls="none", ms=4.5,
                    marker=style.MARKERS[number], label=kind)  # fmt: skip
    top = 1.3 * max(counts["foretold"].max(), counts["most"].max())
    # A glass has none: below 1 the axes are linear.
    none = bool(counts["foretold"].min() < 1)
    low = -0.3 if none else 0.7 * counts["foretold"].min()
    ax.plot([low, top], [low, top], color=style.INK, lw=0.8, ls=(0, (4, 1.6)), label="equality")
    scale = {"value": "symlog", "linthresh": 1.0} if none else {"value": "log"}
    ax.set_xscale(**scale)
    ax.set_yscale(**scale)
    ax.set_xlim(low, top)
    ax.set_ylim(low, top)
    ax.set_xlabel("zero modes foretold, at least")
    ax.set_ylabel("zero modes counted")
    ax.legend(loc="upper left")
    return figure
