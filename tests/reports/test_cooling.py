"""The cooling report finds the slope that was put in, and no slope where there is none."""

import re

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.cooling import CoolingReport

TIME = np.array([0.0, 0.5, 1.0])


def point(duration, slope, samples=20, n=64):
    rng = np.random.default_rng(7)  # the same disorder at every duration
    shared = 0.05 * rng.standard_normal((samples, 1, 1))
    own = 0.005 * np.random.default_rng(int(10 * duration)).standard_normal((samples, 2, 3))
    energy = -1.0 + slope * np.log10(duration) + shared + own
    numbers = Variable(np.arange(samples), ("sample",))
    variables = {
        "trajectory/energy_density": energy, "trajectory/time": Variable(TIME, ("time",)),
        "trajectory/sample": numbers,
    }  # fmt: skip
    physics = {
        "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}},
        "dynamics": {"kind": "Cooling", "duration": duration},
        "probes": {"energy": {}},
        "last": 1.0,
    }
    return {"parameters": {"n": n, "duration": duration}, "physics": physics, "variables": variables}


def build(tmp_path, slope, durations=(1.0, 10.0, 100.0)):
    results = made_results(tmp_path / "c.h5", {"main": [point(d, slope) for d in durations]})
    return CoolingReport().build(results, lambda line: None)


def test_a_slope_far_below_the_scatter_between_samples_is_found(tmp_path):
    content = build(tmp_path, -0.02)
    slope, error = map(float, re.search(r"slowest cooling: (\S+) ± (\S+)", content.findings[0]).groups())
    assert abs(slope + 0.02) < 4 * error and error < 0.002
    assert len(content.rows) == 3
    assert "no bend is seen" in content.findings[0]
    assert content.groups["theory"]["threshold_energy"] == pytest.approx(-1.1547005)


def test_no_slope_is_called_none(tmp_path):
    assert "shows no certain change" in build(tmp_path, 0.0).findings[0]


def test_runs_that_end_early_and_single_durations_are_refused():
    made = point(1.0, 0.0)["physics"]
    with pytest.raises(InputError, match="end before the cooling does"):
        CoolingReport.check({"arm": ""}, {"main": [{**made, "last": 0.5}]})
    with pytest.raises(InputError, match="at least three durations"):
        CoolingReport.check({"arm": ""}, {"main": [made]})
