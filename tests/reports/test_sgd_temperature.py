"""The report calls the exact law met where it holds, finds a known ratio of temperatures, calls wrong ones wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.sgd_temperature import SgdTemperatureReport
from spinnet.theory.stochastic_gradient import gaussian_regression_variance

H, P, RATE, BATCH = np.array([2.0, 0.5, 0.1]), 1000, 0.1, 4
ARMS = {name: name for name in ("regression", "regression_langevin", "network", "network_langevin")}


def point(landscape, dynamics, variables, n_dof, unit="sample", parameters=None):
    physics = {"landscape": landscape, "dynamics": dynamics, "probes": {"energy": {}, "noise_trace": {}}, "last": 10.0}
    return {"parameters": parameters or {}, "physics": physics, "variables": variables,
            "attributes": {"n_units": P, "n_dof": n_dof, "independent_unit": unit}}  # fmt: skip


def regression(kind, variance, seed):
    x = np.random.default_rng(seed).standard_normal((12, 200, 3)) * np.sqrt(variance)
    sgd = {"kind": "SGD", "learning_rate": RATE, "batch": BATCH, "momentum": 0.0}
    langevin = {"kind": "Langevin", "temperature": P * RATE * H.sum() / (2 * BATCH * 3), "step": 1e-7}
    landscape = {"kind": "LinearRegression", "curvatures": H.tolist(), "patterns": P, "label_noise": 1.0}
    return point(landscape, sgd if kind == "SGD" else langevin, {"endpoint/configuration": x}, 3)


def network(temperature, loss, trace=2.0, units=10, seed=0, n=50, basins=0.0):
    """Langevin dynamics at a temperature per pattern, or SGD for None; starts end in basins of spread ``basins``."""
    rng = np.random.default_rng([seed, int(1000 * loss)])
    time = np.linspace(0.0, 10.0, 11)
    sgd = {"kind": "SGD", "learning_rate": RATE, "batch": BATCH, "momentum": 0.0}
    langevin = {"kind": "Langevin", "temperature": 0.0 if temperature is None else P * temperature, "step": 1e-3}
    # Of the start, but for a part of its own.
    bottom = basins * (np.random.default_rng(5).standard_normal((1, units)) + 0.3 * rng.standard_normal((1, units)))
    variables = {
        "inherent_structure/energy_density": 0.4 + bottom,
        "inherent_structure/converged": np.ones((1, units)),
        "trajectory/time": Variable(time, ("time",)),
        "trajectory/energy_density": loss + bottom[..., None] + 0.001 * rng.standard_normal((1, units, 11)),
        "trajectory/noise_trace": trace * (1 + 0.01 * rng.standard_normal((1, units, 11))),
        "endpoint/configuration": rng.standard_normal((1, units, n)),
    }
    own = {} if temperature is None else {"temperature": P * temperature}
    moves = sgd if temperature is None else langevin
    return point({"kind": "DenseNetwork", "hidden": [4]}, moves, variables, n, "replica", own)


def glass(temperature=1.0, shift=0.0, units=12, n=64):
    """Langevin dynamics on a p = 3 glass with the annealed energy and scatter between samples, shifted."""
    rng, time = np.random.default_rng(3), np.linspace(0.0, 10.0, 21)
    energy = -0.5 / temperature + shift + 0.01 * rng.standard_normal((units, 1, 1))
    energy = energy + 0.01 * rng.standard_normal((units, 4, 21))
    variables = {"trajectory/time": Variable(time, ("time",)), "trajectory/energy_density": energy}
    return {"parameters": {"temperature": temperature}, "variables": variables,
            "attributes": {"n_units": n, "n_dof": n},
            "physics": {"landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": n, "field": 0.0},
                        "dynamics": {"kind": "Langevin", "temperature": temperature, "step": 0.002},
                        "probes": {"energy": {}}, "last": 10.0}}  # fmt: skip


def build(tmp_path, variance=None, loss=0.6, basins=0.0, spoilt=0, glasses=()):
    exact = gaussian_regression_variance(H, 1.0, RATE, BATCH)
    boltzmann = RATE * H.sum() / (2 * BATCH * 3) / H
    arms = {
        "regression": [regression("SGD", exact if variance is None else variance, 1)],
        "regression_langevin": [regression("Langevin", boltzmann, 2)],
        "network": [network(None, loss, basins=basins, seed=9)],
        "network_langevin": [network(t, 0.5 + 200 * t, basins=basins) for t in (2e-4, 5e-4, 1e-3)],
    }
    for run in range(spoilt):
        arms["regression"][0]["variables"]["endpoint/configuration"][0, run] = np.inf
        arms["network"][0]["variables"]["trajectory/energy_density"][0, run] = np.nan
    named = ARMS | ({"glass": "glass"} if glasses else {})
    arms |= {"glass": list(glasses)} if glasses else {}
    return SgdTemperatureReport(**named).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_the_exact_law_is_met_and_the_ratio_of_temperatures_is_the_known_one(tmp_path):
    found = build(tmp_path).findings
    assert "variances meet the exact law" in found[0] and "variances meet Boltzmann's law" in found[1]
    line = next(one for one in found if "matched on the mean loss" in one)
    # Loss 0.6 lies at T = 5e-4; the noise gives 0.1·2/(2·4·50) = 5e-4.
    ratio, error = map(float, re.search(r", (\S+) ± (\S+) times that over 10 starts", line).groups())
    assert abs(ratio - 1.0) < 4 * error + 0.01 and "the two agree" in line
    assert all("drifts" not in one for one in found)


def test_seeds_that_end_at_other_depths_are_compared_above_their_own_minimum(tmp_path):
    line = next(one for one in build(tmp_path, basins=0.05).findings if "matched on the mean loss" in one)
    (loss, vague), (excess, sharp) = (map(float, pair) for pair in re.findall(r", (\S+) ± (\S+) times that", line))
    assert abs(excess - 1.0) < 4 * sharp + 0.01 and sharp < 0.02 < vague
    assert abs(loss - 1.0) < 4 * vague


def test_runs_that_diverged_are_counted_and_left_out(tmp_path):
    findings = build(tmp_path, spoilt=2).findings
    assert any("2 runs of SGD diverged and are left out" in one for one in findings)
    assert any("2 runs of SGD or Langevin dynamics diverged" in one for one in findings)
    assert not any("inf" in one or "nan" in one for one in findings)


def test_a_boltzmann_law_is_not_that_of_sgd(tmp_path):
    wrong = RATE * H.sum() / (2 * BATCH * 3) / H
    assert "variances MISS the exact law" in build(tmp_path, variance=wrong).findings[0]


def test_another_loss_is_another_temperature_and_one_outside_is_said_to_be(tmp_path):
    line = next(one for one in build(tmp_path, loss=0.65).findings if "matched on the mean loss" in one)
    assert "the two DIFFER" in line
    line = next(one for one in build(tmp_path, loss=0.9).findings if "on the mean loss none" in one)
    assert "above that of every temperature" in line


def test_langevin_dynamics_on_a_glass_meets_the_annealed_energy_and_a_wrong_one_is_told(tmp_path):
    content = build(tmp_path, glasses=[glass(1.2), glass(0.9)])
    assert "obeys Boltzmann's law on a glass too" in content.findings[-1]
    np.testing.assert_array_equal(content.variables["glass/temperature"].data, [0.9, 1.2])
    # The correction to -1/(2T) is of order 1/N².
    np.testing.assert_allclose(content.variables["glass/energy_known"].data, [-0.5 / 0.9, -0.5 / 1.2], atol=0.002)
    assert sum(str(row["part"]).startswith("glass") for row in content.rows) == 2
    assert "does NOT obey" in build(tmp_path, glasses=[glass(1.0, shift=0.03)]).findings[-1]
    assert "is not tested on the glass" in build(tmp_path, glasses=[glass(units=4)]).findings[-1]


def test_arms_of_another_kind_are_refused():
    sgd, langevin = network(None, 0.5)["physics"], network(0.1, 0.5)["physics"]
    regress = {k: regression(k, 1.0, 0)["physics"] for k in ("SGD", "Langevin")}
    arms = {"regression": [regress["SGD"]], "regression_langevin": [regress["Langevin"]], "network": [sgd],
            "network_langevin": [langevin]}  # fmt: skip
    no_glass = {**ARMS, "glass": ""}
    with pytest.raises(InputError, match="two temperatures"):
        SgdTemperatureReport.check(no_glass, arms)
    with pytest.raises(InputError, match="its dynamics is Langevin, not SGD"):
        SgdTemperatureReport.check(no_glass, {**arms, "network": [langevin]})
    arms |= {"network_langevin": [langevin, network(0.2, 0.5)["physics"]]}
    SgdTemperatureReport.check({**ARMS, "glass": "glass"}, {**arms, "glass": [glass()["physics"]]})
    with pytest.raises(InputError, match="not above T_d"):
        SgdTemperatureReport.check({**ARMS, "glass": "glass"}, {**arms, "glass": [glass(0.6)["physics"]]})
