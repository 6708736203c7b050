"""The report of minima: counts, gaps and trees of tables that were made up."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.plotting.loaded import Group
from spinnet.plotting.report_minima import draw
from spinnet.records import Variable
from spinnet.reports.minima import MinimaReport

PHYSICS = {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "Still"}, "probes": {"minima": {}}}


def point(energies, overlaps, saddle, label, samples=1, starts=20, orbit=8, more=None):
    m, room = len(energies), 6
    reached = np.arange(starts) % m
    if more:
        reached[:more] = -1

    def listed(values, fill):
        whole = np.full((samples, room), fill)
        whole[:, :m] = values
        return Variable(whole, ("sample", "minimum"))

    table = np.full((samples, room, room), np.nan)
    table[:, :m, :m] = saddle
    pair = ("sample", "minimum", "other")
    hits = np.array([(reached == k).sum() for k in range(m)])
    variables = {
        "minima/reached": np.tile(reached, (samples, 1)),
        "minima/energy_density": listed(energies, np.nan), "minima/overlap": listed(overlaps, np.nan),
        "minima/points": listed([orbit // 2] * m, 0), "minima/orbit": listed([orbit] * m, 0),
        "minima/hits": listed(hits, 0), "minima/line_saddle": Variable(table, pair),
        "minima/band_saddle": Variable(table, pair),
        "minima/band_converged": Variable(np.ones((samples, room, room), np.int8), pair),
        "minima/sample": Variable(np.arange(samples), ("sample",)),
    }  # fmt: skip
    return {"parameters": label, "physics": PHYSICS, "variables": variables}


def test_counts_gap_and_depths_are_told(tmp_path):
    arms = {"net": [point([0.1, 0.1, 0.5], [1.0, 0.9, 0.1], 0.8, {}, more=2)]}
    content = MinimaReport(arm="net").build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    counts, competition = content.findings
    assert "20 starts (2 lost)" in counts and "12 distinct minima of 2 energies in 3 classes" in counts
    assert "orbits (of 8) hold 24 minima" in counts and "every class was met more than once" in counts
    assert "stability gap 0.4 per unit" in competition and "0.3 deep" in competition
    assert "the climb is 0.7 (3 of 3 passes are certified" in competition
    assert content.rows[0]["in_all"] == 24 and content.rows[0]["gap"] == pytest.approx(0.4)
    tree = {name.rpartition("/")[2]: variable.data for name, variable in content.variables.items()}
    assert tree["merged"].shape == (2, 2) and tree["position"].shape == (5,)


def test_a_landscape_without_competitors_is_said_to_have_none(tmp_path):
    arms = {"net": [point([0.1], [1.0], np.nan, {})]}
    content = MinimaReport(arm="net").build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    assert "nothing competes" in content.findings[1] and content.rows[0]["gap"] is None


def test_means_over_samples_have_errors_and_two_arms_stand_side_by_side(tmp_path):
    arms = {
        "glass": [point([-1.0, -0.8], [1.0, 0.0], -0.5, {"n": 8}, samples=5, orbit=1)],
        "net": [point([0.1, 0.2], [1.0, 0.3], 0.4, {})],
    }
    report = MinimaReport(arm="glass", beside="net")
    content = report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    assert [row["point"] for row in content.rows] == ["glass n=8", "net"]
    assert "stability gap 0.2000 ± 0.0000" in content.findings[1]
    assert content.groups["trees/glass,n=8"]["classes"] == 2


def test_trees_are_drawn():
    class Report:
        def below(self, *path):
            two = {"energy": np.array([0.0, 0.5]), "overlap": np.array([1.0, 0.2]), "position": np.array([0, 1, 0.5]),
                   "merge_energy": np.array([1.0]), "merged": np.array([[0, 1]])}  # fmt: skip
            one = {"energy": np.array([0.1]), "overlap": np.ones(1), "position": np.zeros(1),
                   "merge_energy": np.empty(0), "merged": np.empty((0, 2))}  # fmt: skip
            return {"a": Group(two, {"label": "a"}), "b": Group(one, {"label": "b"})}

    figure = draw(Report())
    assert len(figure.axes) == 4  # two trees, two scales of colour
