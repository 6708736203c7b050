"""The look of every figure, in one place: sizes, fonts, colours, and how a figure is written.

Figures are made with matplotlib's objects, never with pyplot, so that no window system and no global state is touched.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, NullFormatter

from spinnet.results.storage import replacing

#: Width of one and of two columns of a journal page, inches.
COLUMN, PAGE = 3.4, 7.0

#: Okabe and Ito's colours, told apart with any colour vision and in grey: arms take them in this order.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK = "#1a1a1a"
GREY = "#8a8a8a"
MARKERS = ("o", "s", "D", "^", "v", "P")

FORMATS = ("pdf", "png")

STYLE = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9.0,
    "axes.labelsize": 9.5,
    "axes.titlesize": 9.5,
    "axes.titlepad": 5.0,
    "axes.linewidth": 0.7,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelpad": 3.0,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.minor.size": 1.9,
    "ytick.minor.size": 1.9,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "errorbar.capsize": 0.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "legend.handlelength": 1.7,
    "legend.handletextpad": 0.5,
    "legend.labelspacing": 0.3,
    "legend.borderaxespad": 0.4,
    "figure.dpi": 200,
    "savefig.dpi": 300,
    "figure.facecolor": "white",
    "pdf.fonttype": 42,
    "path.simplify": False,
}


def styled(draw: Callable) -> Callable:
    """Run a function with the style; the settings of the caller are as before when it ends."""

    @functools.wraps(draw)
    def wrapped(*arguments, **options):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return draw(*arguments, **options)

    return wrapped


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1, **options) -> tuple[Figure, list[Axes]]:
    """A figure of that size in inches, and its axes row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.04, hspace=0.05)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def panels(count: int, height: float = 2.6) -> tuple[Figure, list[Axes]]:
    """One panel per arm: side by side on a page, two in a row; a single one in a column."""
    columns = min(count, 2)
    rows = -(-count // columns)
    width = COLUMN if count == 1 else PAGE
    figure, axes = new_figure(width, height * rows, columns, rows)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def draw_panels(parts: Sequence[Callable[[Axes], None]], columns: int, height: float) -> Figure | None:
    """A figure with a lettered panel of that height for each part, row by row, on a page; None without parts."""
    if not parts:
        return None
    columns = min(columns, len(parts))
    rows = -(-len(parts) // columns)
    figure, axes = new_figure(PAGE if columns > 1 else COLUMN, height * rows, columns, rows)
    for part, ax in zip(parts, axes, strict=False):
        part(ax)
    for unused in axes[len(parts) :]:
        unused.remove()
    letter(axes[: len(parts)])
    return figure


def headroom(ax: Axes, lines: int, height: float = 2.0) -> None:
    """Raise the upper y-limit so that ``lines`` of legend fit above what is drawn in ``height`` inches of axes."""
    low, high = ax.get_ylim()
    share = min((0.08 + 0.143 * lines) / height, 0.6)
    if ax.get_yscale() == "log":
        ax.set_ylim(low, low * (high / low) ** (1.0 / (1.0 - share)))
    else:
        ax.set_ylim(low, low + (high - low) / (1.0 - share))


def letter(axes: Sequence[Axes]) -> None:
    """(a), (b), ... above the upper left corner of each panel, where there is more than one."""
    if len(axes) < 2:
        return
    for k, ax in enumerate(axes):
        ax.set_title(f"({chr(97 + k)})", loc="left", fontsize=9.5)


def shades(colour: str, count: int) -> list[tuple[float, float, float]]:
    """``count`` shades from light to the colour itself, for increasing sizes."""
    if count == 1:
        return [to_rgb(colour)]
    base = np.array(to_rgb(colour))
    return [tuple(1.0 - (1.0 - base) * weight) for weight in np.linspace(0.38, 1.0, count)]


def point_label(point: str) -> str:
    """A point's name for a legend: "n=64" becomes "N = 64", other one-letter names become symbols."""
    parts = []
    for part in point.split(","):
        name, equals, value = part.partition("=")
        symbol = "$N$" if name == "n" else rf"${name}$" if len(name) == 1 else name
        parts.append(f"{symbol} = {value}" if equals else part)
    return ", ".join(parts)


def with_error(value: float, error: float) -> str:
    """A value with the error of its last digits in brackets: "0.5298(12)"."""
    if not np.isfinite(value):
        return "–"
    if not np.isfinite(error) or error <= 0:
        return f"{value:.3g}".replace("-", "−")
    digits = 1 - int(np.floor(np.log10(float(f"{error:.1e}"))))
    if digits <= 0:
        return f"{value:.0f}({error:.0f})".replace("-", "−")
    return f"{value:.{digits}f}({round(error * 10**digits)})".replace("-", "−")


def label_log_axes(figure: Figure) -> None:
    """Labels of logarithmic axes that never overlap: powers of ten, or plain 1, 2, 5 where the axis is short."""
    for ax in figure.axes:
        for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            formatters = (axis.get_major_formatter(), axis.get_minor_formatter())
            if axis.get_scale() != "log" or not all(isinstance(one, LogFormatter) for one in formatters):
                continue  # linear, or labelled on purpose
            low, high = min(low, high), max(low, high)
            short = low > 0 and high / low < 200.0 and low > 1e-3 and high < 1e4
            if short:
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(FuncFormatter(_two_and_five if high / low < 110.0 else lambda value, _: ""))
            else:
                axis.set_minor_formatter(NullFormatter())


def _two_and_five(value: float, _: int) -> str:
    digit = round(value / 10.0 ** np.floor(np.log10(value) + 1e-9))
    return f"{value:g}" if digit in (2, 5) else ""


def _print(figure: Figure, buffer: io.BytesIO, suffix: str, metadata: dict[str, None] | None) -> None:
    """As savefig does, which draws everything once more beforehand for a layout that is made already."""
    if suffix == "pdf":
        FigureCanvasPdf(figure).print_pdf(buffer, metadata=metadata)
    elif suffix == "png":
        figure.dpi = matplotlib.rcParams["savefig.dpi"]
        FigureCanvasAgg(figure).print_png(buffer, metadata=metadata)
    else:
        figure.savefig(buffer, format=suffix, metadata=metadata)


@styled
def save(figure: Figure, path: str | os.PathLike, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write ``path`` with each suffix, atomically, without dates: the same data give the same bytes.

    Raises
    ------
    StorageError
        If the disk refuses; older files are then as they were.
    """
    # Without these entries matplotlib writes the time and its own version.
    metadata = {"pdf": {"CreationDate": None, "Producer": None, "Creator": None}, "png": {"Software": None}}
    label_log_axes(figure)
    # Lay out once: both formats then agree to the last point, and the layout is half of the work.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    written, canvas, dpi = [], figure.canvas, figure.dpi
    for suffix in formats:
        buffer = io.BytesIO()
        _print(figure, buffer, suffix, metadata.get(suffix))
        target = Path(path).with_name(f"{Path(path).name}.{suffix}")
        with replacing(target) as sink:
            sink.write(buffer.getvalue())
        written.append(target)
    figure.dpi = dpi
    figure.set_canvas(canvas)
    return written
