"""Cooling and heterogeneity reports find what was put in, and nothing where there is nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.heterogeneity import HeterogeneityReport
from spinnet.reports.network_cooling import NetworkCoolingReport

DURATIONS = (100, 300, 1000, 3000, 10000, 30000)
TIME = np.array([0.0, 1.0])


def network(duration, weights, form, held=False, units=16):
    """Seeds of relative spread (100/weights)^{1/2}/30 about a law of the duration; starts are shared."""
    shared = np.random.default_rng(weights).standard_normal((1, units, 1)) / 30 * np.sqrt(100 / weights)
    own = 0.001 * np.random.default_rng([weights, duration, held]).standard_normal((1, units, 2))
    mean = 0.5 + (2.0 * (duration / 100.0) ** -0.5 if form == "power" else 0.0) + (0.05 if held else 0.0)
    physics = {
        "landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "CooledSGD", "duration": duration},
        "probes": {"energy": {}}, "last": 1.0,
    }  # fmt: skip
    return {
        "parameters": {"hidden": weights, "duration": duration}, "physics": physics,
        "variables": {
            "trajectory/time": Variable(TIME, ("time",)), "trajectory/energy_density": mean * (1 + shared) + own,
        },
        "attributes": {"n_dof": weights, "n_units": 10, "independent_unit": "replica", "unit": "pattern"},
    }  # fmt: skip


def built(tmp_path, form):
    arms = {
        name: [network(d, w, form, name == "held") for w in (100, 400, 1600) for d in DURATIONS]
        for name in ("network", "held")
    }
    return NetworkCoolingReport("network", "held").build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_a_power_of_the_duration_the_gain_and_the_exponent_are_found(tmp_path):
    content = built(tmp_path, "power")
    line = next(one for one in content.findings if "a power of the duration" in one)
    exponent, error = map(float, re.search(r"exponent (\S+) ± (\S+)", line).groups())
    assert abs(exponent - 0.5) < 4 * error + 0.01
    gains = [one for one in content.findings if "is lower than that of the held rate" in one]
    assert len(gains) == 3 and all(re.search(r"\+0\.0[45]\d+ ± \S+ at 30000", one) for one in gains)
    exponent = content.groups["averaging/network"]["exponent"]
    assert abs(exponent - 1.0) < 4 * content.groups["averaging/network"]["exponent_error"]
    assert "strong self-averaging" in content.findings[-1]


def test_no_dependence_on_the_duration_is_called_none(tmp_path):
    findings = built(tmp_path, "flat").findings
    assert sum("shows no certain change" in one for one in findings) == 3
    assert not any("a power of the duration" in one for one in findings)


def test_other_dynamics_and_too_few_durations_are_refused():
    physics = [network(d, 10, "flat")["physics"] for d in DURATIONS]
    settings = {"network": "a", "held": "", "glass": ""}
    with pytest.raises(InputError, match="at least three durations"):
        NetworkCoolingReport.check(settings, {"a": physics[:2]})
    with pytest.raises(InputError, match="not Cooling"):
        NetworkCoolingReport.check({**settings, "glass": "a"}, {"a": physics})


def waiting(units=60, weights=400, wait=100.0):
    """Weights that diffuse freely: displacement and correlation of the last waiting time."""
    rng = np.random.default_rng(0)
    delay = np.concatenate([[0.0], np.round(10 ** np.arange(0, 3.1, 0.25))])
    begin = np.sqrt(wait) * rng.standard_normal((units, weights))
    steps = np.sqrt(np.diff(delay))[:, None, None] * rng.standard_normal((len(delay) - 1, units, weights))
    later = np.concatenate([begin[None], begin + np.cumsum(steps, axis=0)])
    correlation = (later * begin).mean(axis=2).T[None, :, None]
    displacement = ((later - begin) ** 2).mean(axis=2).T[None, :, None]
    physics = {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"},
               "probes": {"two_time": {"waiting_times": [wait]}}, "last": 2000.0}  # fmt: skip
    return {
        "parameters": {}, "physics": physics,
        "variables": {
            "two_time/waiting_time": Variable(np.array([wait]), ("waiting_time",)),
            "two_time/delay": Variable(delay, ("delay",)),
            "two_time/correlation": correlation, "two_time/displacement": displacement,
            "endpoint/configuration": later[-1][None],
        },
        "attributes": {"n_dof": weights, "n_units": 10, "independent_unit": "replica", "unit": "pattern"},
    }  # fmt: skip


def test_free_weights_relax_as_the_null_and_know_no_cooperation(tmp_path):
    results = made_results(tmp_path / "c.h5", {"main": [waiting()]})
    content = HeterogeneityReport(["main"], [0.5]).build(results, lambda line: None)
    row = content.rows[0]
    assert abs(row["relaxation_time"] - 300.0) < 4 * row["relaxation_time_error"] + 10  # (1 + t/100)^(−1/2) = 1/2
    got = {name.split("/")[-1]: variable.data for name, variable in content.variables.items()}
    z = (got["overlap"] - got["free"]) / got["overlap_error"]
    assert np.abs(z).max() < 4
    assert row["chi4_peak"] < 2.0
    # Independent directions have n·Var q = 1.
    assert abs(row["independent"] - 1.0) < 4 * row["independent_error"]


def test_levels_and_arms_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="one level for each"):
        HeterogeneityReport(["a", "b"], [0.5])
    with pytest.raises(InputError, match="below"):
        HeterogeneityReport(["a"], [1.0])
    with pytest.raises(InputError, match="no arm"):
        HeterogeneityReport.check({"arms": ["x"], "levels": [0.5]}, {"a": [waiting()["physics"]]})


def test_a_run_that_was_lost_on_one_side_leaves_the_other_pairs_alone(tmp_path):
    arms = {name: [network(d, 100, "power", name == "held") for d in DURATIONS] for name in ("network", "held")}
    for point in arms["held"]:
        point["variables"]["trajectory/energy_density"][0, 3] = np.nan
    content = NetworkCoolingReport("network", "held").build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    error = content.variables["series/network/n_dof=100/gain_error"].data
    # Of differences between equal starts: shifted rows would have the spread of the starts, about 0.03/sqrt(15).
    assert (error < 0.002).all()
