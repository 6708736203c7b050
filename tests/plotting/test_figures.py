"""Figures of synthetic comparisons: every one draws, in both formats, with the same bytes each time."""

import matplotlib
import numpy as np
import pytest
from comparison.synthetic_study import (
    GLASS_PHYSICS,
    NETWORK_PHYSICS,
    glass_point,
    network_point,
    write_collected,
    write_study,
)
from matplotlib.figure import Figure

from spinnet.campaign.compare_step import compare_collected
from spinnet.comparison.points import PointData
from spinnet.errors import InputError, ResultFileError, StorageError
from spinnet.plotting import FIGURES, draw_all, load_comparison, style
from spinnet.plotting.style import COLOURS, point_label, save, shades, with_error

QUICK = {"permutations": 99, "splits": 0}
PHYSICS = {"glass": GLASS_PHYSICS, "network": NETWORK_PHYSICS}


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return compare_collected(write_study(folder / "collected.h5"), QUICK, folder / "comparison.h5")


@pytest.fixture(scope="module")
def loaded(comparison):
    return load_comparison(comparison.path)


def test_the_same_data_give_the_same_bytes(loaded, tmp_path):
    draw = FIGURES["spacing_ratios"]
    first, second = (save(draw(loaded), tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert b"CreationDate" not in first[0].read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_drawing_leaves_no_trace_in_matplotlib(loaded, name):
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    assert isinstance(FIGURES[name](loaded), Figure)
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_in_a_figure_overlaps_its_legend_or_leaves_the_page(loaded, name):
    figure = FIGURES[name](loaded)
    figure.draw_without_rendering()
    page = figure.bbox
    for ax in figure.axes:
        assert ax.get_xlabel() and (ax.get_ylabel() or name == "comparison_table")
        box = ax.get_tightbbox()
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 and box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
        if ax.get_legend() is None:
            assert figure.legends
            continue
        legend = ax.get_legend().get_window_extent()
        assert legend.x0 >= ax.bbox.x0 - 1 and legend.x1 <= ax.bbox.x1 + 1
        for line in ax.lines:
            points = ax.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))
            if line.get_label().startswith("$e_") or line.get_transform() != ax.transData:
                continue
            inside = legend.shrunk(0.96, 0.9).contains
            hidden = [inside(*point) for point in points[np.isfinite(points).all(axis=1)]]
            assert not any(hidden), f"{name}: {line.get_label()} runs through the legend"


def test_an_arm_has_one_colour_in_all_figures(loaded):
    spectra = FIGURES["hessian_spectra"](loaded)
    curves = FIGURES["relaxation"](loaded)
    for k in range(2):
        assert any(patch.get_edgecolor()[:3] == matplotlib.colors.to_rgb(COLOURS[k]) for patch in
                   spectra.axes[k].patches if patch.get_alpha() is None)  # fmt: skip
        assert curves.axes[k].lines[2].get_color() == pytest.approx(matplotlib.colors.to_rgb(COLOURS[k]))


def test_figures_show_the_numbers_of_the_file(loaded):
    final = FIGURES["final_energies"](loaded)
    drawn = next(c for c in final.axes[0].containers if c.get_label() == "mean and its error").lines[0]
    arm = loaded.group("arms", "glass")
    np.testing.assert_allclose(drawn.get_xdata(), [24, 32, 48])
    np.testing.assert_allclose(drawn.get_ydata(), arm["energy"])
    theory = loaded.group("references", "relaxation", "glass", "0")
    line = next(line for line in FIGURES["relaxation"](loaded).axes[0].lines if "infty" in line.get_label())
    np.testing.assert_allclose(line.get_ydata()[-1], theory["energy_density"][-1])


def drawn_figures(tmp_path, points):
    """Names of the figures that are drawn, laid out and all, of a study with these points."""
    path = write_collected(tmp_path / "collected.h5", points, PHYSICS)
    loaded = load_comparison(compare_collected(path, QUICK, tmp_path / "comparison.h5").path)
    names = set()
    for name, draw in FIGURES.items():
        if (figure := draw(loaded)) is not None:
            figure.draw_without_rendering()
            names.add(name)
    return names


def test_a_study_of_one_arm_and_one_size_is_drawn(tmp_path):
    assert drawn_figures(tmp_path, [glass_point(24, 3, samples=3)]) == set(FIGURES) - {"comparison_table"}


def test_what_was_not_measured_is_left_out(tmp_path):
    glass = glass_point(24, 4)
    bare = {k: v for k, v in glass.arrays.items() if k.startswith("trajectory")}
    names = drawn_figures(tmp_path, [PointData("glass", "n=24", bare, glass.attributes)])
    assert names == {"final_energies", "relaxation"}


def test_a_single_sample_without_error_bars_is_drawn(tmp_path):
    points = [glass_point(n, 5, samples=1, replicas=1) for n in (24, 32)]
    assert drawn_figures(tmp_path, [*points, network_point(2, 5, 1, 1)]) == set(FIGURES) - {"comparison_table"}


def test_runs_that_all_diverged_do_not_stop_a_figure(tmp_path):
    network = network_point(2, 6)
    for name in ("trajectory/energy_density", "spectrum/eigenvalue"):
        network.arrays[name][...] = np.nan
    assert drawn_figures(tmp_path, [glass_point(24, 6), network]) == set(FIGURES)


def test_each_temperature_has_its_own_limit_and_theory(tmp_path):
    points, physics = [], {}
    for n in (16, 24, 32):
        for temperature in (0.0, 0.5):
            point = glass_point(n, 7, samples=6, replicas=1)
            arrays = {k: v for k, v in point.arrays.items() if k.startswith("trajectory")}
            arrays["trajectory/energy_density"] = arrays["trajectory/energy_density"] + temperature
            name = f"n={n},temperature={temperature}"
            points.append(PointData("glass", name, arrays, point.attributes))
            physics[name] = GLASS_PHYSICS | {"dynamics": {"kind": "Langevin", "temperature": temperature}}
    path = write_collected(tmp_path / "collected.h5", points, PHYSICS, by_point=physics)
    loaded = load_comparison(compare_collected(path, QUICK, tmp_path / "comparison.h5").path)
    final = FIGURES["final_energies"](loaded).axes[0]
    fits = [line for line in final.lines if str(line.get_label()).startswith("$a+b/N")]
    assert len(fits) == 2
    np.testing.assert_allclose(fits[1].get_ydata() - fits[0].get_ydata(), 0.5)
    # The threshold bounds the cold series only, and stands there once.
    assert sum("e_{" in str(line.get_label()) for line in final.lines) == 2
    labels = [text.get_text() for text in FIGURES["relaxation"](loaded).axes[0].get_legend().get_texts()]
    assert any("infty" in label and "temperature = 0.5" in label for label in labels)


def test_chosen_figures_only_and_unknown_ones_refused(comparison, tmp_path):
    assert len(draw_all(comparison.path, tmp_path, ["spacing_ratios"])) == 2
    with pytest.raises(InputError, match="did you mean 'relaxation'"):
        draw_all(comparison.path, tmp_path, ["relaxatoin"])
    with pytest.raises(ResultFileError, match="does not exist"):
        draw_all(tmp_path / "no.h5", tmp_path)


def test_a_figure_that_cannot_be_written_says_so_and_leaves_the_old_one(loaded, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot be written"):
        save(FIGURES["spacing_ratios"](loaded), tmp_path / "file" / "figure")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.52984, 0.0012, "0.5298(12)"), (-1.1432, 0.0171, "−1.143(17)"), (123.4, 12.0, "123(12)"),
     (0.5, np.nan, "0.5"), (np.nan, 0.1, "–"), (0.5, 0.0996, "0.50(10)")],
)  # fmt: skip
def test_errors_stand_in_brackets(value, error, text):
    assert with_error(value, error) == text


def test_labels_and_shades():
    assert point_label("n=64") == "$N$ = 64"
    assert point_label("hidden=8,temperature=0.5") == "hidden = 8, temperature = 0.5"
    assert point_label("all") == "all"
    assert shades("#000000", 1) == [(0.0, 0.0, 0.0)]
    light, _, full = shades("#0072B2", 3)
    assert full == pytest.approx(matplotlib.colors.to_rgb("#0072B2"))
    assert sum(light) > sum(full)


@pytest.mark.parametrize(
    ("limits", "shown"),
    [((0.1, 9.0), ["0.1", "1", "0.2", "0.5", "2", "5"]), ((1e-6, 1e3), []), ((2.0, 8.0), ["2", "5"])],
)
def test_labels_of_a_logarithmic_axis_are_few_and_plain_where_it_is_short(limits, shown):
    figure, (ax,) = style.new_figure(3.0, 2.0)
    ax.set_xscale("log")
    ax.set_xlim(*limits)
    style.label_log_axes(figure)
    figure.draw_without_rendering()
    low, high = limits
    minor = [label.get_text() for label in ax.xaxis.get_minorticklabels()]
    major = [label.get_text() for label in ax.xaxis.get_majorticklabels()]
    inside = [text for text in major + minor if text and "$" not in text and low <= float(text) <= high]
    assert sorted(inside) == sorted(shown)
