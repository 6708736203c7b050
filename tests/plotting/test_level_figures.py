"""Figures of the studies of levels are drawn from what their reports contain, and hold every curve."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results
from reports.test_data_correlations import point as network
from reports.test_data_correlations import trained
from reports.test_freezing import point as levels
from reports.test_level_ageing import traps

from spinnet.landscapes import GeneralizedREM, LogCorrelatedREM, PSpinIsing, RandomEnergyModel
from spinnet.plotting import report_data_correlations, report_freezing, report_level_ageing, style
from spinnet.plotting.loaded import Group, LoadedReport
from spinnet.reports.data_correlations import DataCorrelationsReport
from spinnet.reports.freezing import FreezingReport
from spinnet.reports.level_ageing import LevelAgeingReport

T = np.array([0.25, 0.3, 0.8, 1.0, 1.5])
TWO = [[0.7, 0.5], [0.3, 0.5]]


def loaded(content):
    """The content of a report as its file would give it to a figure."""
    groups = {name: [{}, dict(attributes)] for name, attributes in content.groups.items()}
    for name, variable in content.variables.items():
        group, _, own = name.rpartition("/")
        groups.setdefault(group, [{}, {}])[0][own] = np.asarray(variable.data)
    return LoadedReport({}, {name: Group(*parts) for name, parts in groups.items()})


def report(kind, path, arms, **settings):
    return loaded(kind(**settings).build(made_results(path / "c.h5", arms), lambda line: None))


def rem(n):
    return levels(lambda s: RandomEnergyModel(n, 1, s), {"kind": "RandomEnergyModel", "n": n}, {"n": n}, samples=12,
                  temperatures=T)  # fmt: skip


def grem(n):
    return levels(lambda s: GeneralizedREM(n, TWO, 1, s), {"kind": "GeneralizedREM", "n": n, "levels": TWO}, {"n": n},
                  samples=12, temperatures=T, overlap="tree")  # fmt: skip


def circle(n):
    return levels(lambda s: LogCorrelatedREM(n, "circle", 1, s), {"kind": "LogCorrelatedREM", "n": n}, {"n": n},
                  samples=12, temperatures=T)  # fmt: skip


def ising(p):
    return levels(lambda s: PSpinIsing(7, p, 1, s), {"kind": "PSpinIsing", "n": 7, "p": p}, {"p": p, "n": 7},
                  samples=12, temperatures=T)  # fmt: skip


def saved(figure, path):
    files = style.save(figure, path / "figure")
    assert all(file.stat().st_size > 10_000 for file in files)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([rem(6), rem(8), rem(10)], "freezing temperature"),
        ([grem(6), grem(8)], "probability"),
        ([circle(5), circle(7), circle(9)], "E_{\\min}"),
        ([ising(3), ising(5)], "E\\ln Z"),
    ],
    ids=["random energies", "two generations", "circle", "Ising"],
)
def test_freezing_has_four_panels_of_curves(tmp_path, points, words):
    found = report_freezing.draw(report(FreezingReport, tmp_path, {"main": points}, exact=2))
    assert list(found) == [""]
    axes = found[""].axes
    assert len(axes) == 4 and words in axes[3].get_ylabel()
    assert all(len(ax.lines) >= 2 for ax in axes[:3])


def test_data_correlations_have_six_panels(tmp_path):
    arms = {
        "true": [network([4], lambda q: 0.5 * q**2, 1, pairs=40), network([4, 4], lambda q: 0.5 * q**4, 2, pairs=40)],
        "null": [network([4], lambda q: 0.5 * q**2, 3, pairs=40), network([4, 4], lambda q: 0.5 * q**2, 4, pairs=40)],
        "trained": [trained([4], np.random.default_rng(5).standard_normal(20))],
    }
    settings = {"arm": "true", "null": "null", "trained": "trained", "degrees": 5, "set_size": 32}
    figure = report_data_correlations.draw(report(DataCorrelationsReport, tmp_path, arms, **settings))
    assert len(figure.axes) == 6
    assert [text.get_text() for text in figure.axes[4].get_xticklabels()] == ["4", "4-4"]
    assert any("trained" in text.get_text() for text in figure.axes[5].get_legend().get_texts())
    saved(figure, tmp_path)


def test_ageing_has_a_panel_for_each_point_and_one_of_indices(tmp_path):
    arms = {"main": [traps(0.4, samples=6), traps(0.6, samples=6)]}
    figure = report_level_ageing.draw(report(LevelAgeingReport, tmp_path, arms, waiting=[100, 1000]))
    assert len(figure.axes) == 3 and "index" in figure.axes[2].get_ylabel()


def test_an_empty_report_draws_nothing():
    empty = LoadedReport({}, {})
    assert report_data_correlations.draw(empty) is None and report_level_ageing.draw(empty) is None
    assert report_freezing.draw(empty) == {}
