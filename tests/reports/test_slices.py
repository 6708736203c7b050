"""The report on random slices finds the shapes that were put in, and tells a valley from a slope and a rough one."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.slices import SlicesReport

A = np.linspace(-1.0, 1.0, 41)
NETWORK = {"independent_unit": "replica", "unit": "pattern", "n_dof": 100}
GLASS = {"kind": "SphericalGlass", "covariance": {"3": 1.0}}


def side(shape, units=8, noise=0.02, landscape=None, point=None):
    """Lines e(0) + shape(a) + noise·a, of a network unless a landscape is given."""
    rng = np.random.default_rng(0)
    line = 1.0 + shape(A) * (1.0 + 0.05 * rng.standard_normal((units, 1))) + noise * rng.standard_normal((units, 1)) * A
    line = line[:, None] if landscape else line[None]
    side = np.linspace(-1.0, 1.0, 5)
    plane = np.broadcast_to(1.0 + shape(np.hypot(side[:, None], side)), (*line.shape[:2], 5, 5))
    physics = {"landscape": landscape or {"kind": "DenseNetwork"}, "dynamics": {"kind": "Still"}, "probes": {}}
    attributes = {} if landscape else NETWORK
    return {
        "parameters": point or {"hidden": 4}, "physics": physics, "attributes": attributes,
        "variables": {"slice/a": Variable(A, ("a",)), "slice/side": Variable(side, ("side",)), "slice/line": line,
                      "slice/plane": Variable(plane, ("sample", "replica", "side", "other"))},
    }  # fmt: skip


def build(tmp_path, arms, **settings):
    return SlicesReport(**settings).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def parabola(a):
    return a**2


def law(a):
    return 1.0 - (1.0 + a**2) ** -1.5


def test_half_widths_of_a_paraboloid_and_of_a_glass_are_found(tmp_path):
    arms = {"net": [side(parabola)], "null": [side(lambda a: a**4)]}
    arms["glass"] = [side(law, landscape=GLASS, point={"n": 16})]
    content = build(tmp_path, arms, arm="net", shuffled="null", glass="glass")
    trained, null, glass = content.rows
    assert trained["half_width"] == pytest.approx(0.5**0.5, abs=2e-3)
    assert null["half_width"] == pytest.approx(0.5**0.25, abs=2e-3)
    assert glass["half_width_law"] == pytest.approx(glass["half_width"], abs=1e-6)
    assert "e(0) q^p has 0.545: agrees" in content.findings[2]
    assert trained["falls"] == 0.0 and trained["rise"] == pytest.approx(1.0, abs=0.1)


def test_a_glass_of_another_law_is_called_so(tmp_path):
    rows = side(lambda a: a**2 + 0.1 * a**4, landscape=GLASS, point={"n": 16}, units=20)
    rng = np.random.default_rng(1)
    rows["variables"]["slice/line"] = rows["variables"]["slice/line"] + 0.05 * rng.standard_normal((20, 1, 1)) * A**4
    content = build(tmp_path, {"net": [side(parabola)], "glass": [rows]}, arm="net", glass="glass")
    assert "DIFFERS" in content.findings[1]


def test_a_slope_leads_below_the_end_and_a_rough_valley_falls_on_its_way(tmp_path):
    arms = {"net": [side(lambda a: 0.5 * a + a**2)], "null": [side(lambda a: a**2 + 0.3 * np.sin(12 * a) ** 2)]}
    content = build(tmp_path, arms, arm="net", shuffled="null")
    slope, rough = content.rows
    assert slope["lower"] == 1.0 and slope["depth"] == pytest.approx(0.0625, abs=0.02) and slope["falls"] == 0.0
    assert rough["falls"] > 0.3 and "at 0 of 1 points" in content.findings[1]
    assert "lead below the end in up to 100 % of units" in content.findings[0]


def test_diverged_runs_are_left_out(tmp_path):
    lost = side(parabola)
    lost["variables"]["slice/line"] = lost["variables"]["slice/line"].copy()
    lost["variables"]["slice/line"][0, 0] = np.nan
    gone = side(parabola)
    gone["variables"]["slice/line"] = np.full_like(gone["variables"]["slice/line"], np.nan)
    content = build(tmp_path, {"net": [lost], "null": [gone]}, arm="net", shuffled="null")
    assert content.rows[0]["units"] == 7 and "every run diverged" in content.findings[1]


def test_a_study_without_the_probe_is_refused():
    physics = {"landscape": GLASS, "dynamics": {"kind": "Still"}, "probes": {}}
    settings = {"arm": "net", "shuffled": "", "untrained": "", "glass": ""}
    with pytest.raises(InputError, match="without the probe random_slice"):
        SlicesReport.check(settings, {"net": [physics]})
    SlicesReport.check(settings, {"net": [{**physics, "probes": {"random_slice": {}}}]})
