"""The exponent that was put in is found, beside that of N → ∞; a form that is no power law is named."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.estimators.relaxation_fit import power_of_curve
from spinnet.records import Variable
from spinnet.reports import load
from spinnet.reports.relaxation_exponent import RelaxationExponentReport, final_energy, final_exponent
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_two_time import dynamics

PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}},
    "dynamics": {"kind": "GradientFlow"},
    "probes": {"energy": {}},
}
TIME = np.concatenate([[0.0], np.geomspace(0.2, 40.0, 24)])
DESCENTS = np.array([0.0, 1.0, 10.0])


@pytest.fixture(scope="module")
def theory():
    return np.append(0.0, dynamics({3: 1.0}, 0.0, TIME[1:], tolerance=1e-5).energy_density)


def glass(n, curve, samples=30, seed=0, correction=0.0):
    rng = np.random.default_rng([seed, n])
    shared, own = rng.standard_normal((samples, 2, 1)), rng.standard_normal((samples, 2, len(TIME)))
    noise = 0.02 / np.sqrt(n) * (shared + 0.1 * own)
    minima = np.array([-1.10, -1.11, -1.13]) + 0.05 / np.sqrt(n) * rng.standard_normal((samples, 2, 3))
    variables = {
        "trajectory/energy_density": curve + correction / n + noise,
        "trajectory/time": Variable(TIME, ("time",), "1"),
        "inherent_trajectory/energy_density": minima,
        "inherent_trajectory/converged": np.ones((samples, 2, 3)),
        "inherent_trajectory/time": Variable(DESCENTS, ("time",), "1"),
        "inherent_structure/energy_density": minima[:, :, -1] - 0.01,
        "inherent_structure/converged": np.ones((samples, 2)),
    }
    return {"parameters": {"n": n}, "physics": PHYSICS, "variables": variables, "last": 40.0}


def report(path, curve, sizes=(64, 128, 256), correction=0.0, **settings):
    points = [glass(n, curve, correction=correction) for n in sizes]
    results = made_results(path / "collected.h5", {"main": points})
    return RelaxationExponentReport(start=2.0, **settings).build(results, lambda line: None)


def test_the_exponent_of_theory_is_found_where_the_energies_are_those_of_theory(theory, tmp_path):
    content = report(tmp_path, theory)
    for row in content.rows:
        assert abs(row["z"]) < 4 and row["exponent_error"] < 0.05
        assert row["theory_exponent"] == pytest.approx(2 / 3, abs=0.08)
        assert row["asymptotic"] == pytest.approx(2 / 3)
        assert row["verdict"] == "power"
    assert any("meet the exponent of the N → ∞ theory" in line for line in content.findings)


def test_a_correction_to_the_energies_that_bends_every_power_law_is_extrapolated_away(theory, tmp_path):
    content = report(tmp_path, theory, correction=3.0)
    assert all(row["exponent"] < row["theory_exponent"] - 0.05 for row in content.rows)
    group = content.groups["series/0"]
    assert abs(group["limit_z"]) < 4 and 0 < group["limit_exponent_error"] < 0.05
    assert group["limit_exponent"] == pytest.approx(group["limit_theory_exponent"], abs=0.1)


def test_another_power_is_called_wrong_and_no_power_is_named(tmp_path):
    threshold = -np.sqrt(4 / 3)
    (tmp_path / "slow").mkdir(), (tmp_path / "exponential").mkdir()
    t = np.maximum(TIME, 0.1)
    content = report(tmp_path / "slow", threshold + 0.3 * t**-0.3)
    assert [row["exponent"] for row in content.rows] == pytest.approx([0.3] * 3, abs=0.02)
    assert all(abs(row["z"]) > 4 for row in content.rows)
    assert any("MISS the exponent" in line for line in content.findings)
    content = report(tmp_path / "exponential", threshold + 0.4 * np.exp(-t / 8))
    assert all(row["verdict"] in ("exponential", "none") for row in content.rows)


def test_energies_of_the_minima_below_are_a_further_curve(theory, tmp_path):
    content = report(tmp_path, theory)
    mean = content.variables["series/0/n=256/inherent_energy_density"].data
    assert mean == pytest.approx([-1.10, -1.11, -1.13, -1.14], abs=0.004)  # the last one of the end-point
    told = [line for line in content.findings if line.startswith("N = 256: inherent structures")]
    assert len(told) == 1 and "threshold of N → ∞ is -1.1547" in told[0] and "at t = 40 (change -0.0" in told[0]


def test_the_curve_of_theory_is_fitted_like_the_measured_one():
    t = np.geomspace(1, 100, 20)
    limit, amplitude, exponent = power_of_curve(t, -1 + 0.5 * t**-0.7, np.full(20, 0.01), 1.0)
    assert (limit, amplitude, exponent) == pytest.approx((-1, 0.5, 0.7), abs=1e-4)
    assert power_of_curve(t, -1 + 0.5 * t**-0.7, np.full(20, 0.01), 1.0, limit=-1.0)[2] == pytest.approx(0.7)
    with pytest.raises(InputError, match="positive errors"):
        power_of_curve(t, t, np.zeros(20), 1.0)


def test_final_energies_and_exponents_are_stated_only_where_they_are_known():
    three, mixed = Covariance({3: 1.0}), Covariance({3: 1.0, 4: 1.0})
    assert final_energy(three, 0.0) == pytest.approx(-np.sqrt(4 / 3))
    assert final_energy(three, 0.5) == pytest.approx(-0.88669277)
    assert final_energy(three, 1.0) == pytest.approx(-0.5)
    assert np.isnan(final_energy(mixed, 0.0)) and np.isnan(final_exponent(mixed, 0.0))
    assert final_exponent(Covariance({2: 1.0}), 0.5) == 1.0 and np.isnan(final_exponent(three, 0.4))


def test_a_window_that_the_runs_do_not_reach_is_refused():
    assert load("relaxation_exponent") is RelaxationExponentReport
    settings = RelaxationExponentReport.resolve({"start": 10.0}, "report.relaxation_exponent")
    with pytest.raises(InputError, match="beyond the runs"):
        RelaxationExponentReport.check(settings, {"main": [{**PHYSICS, "last": 50.0}]})
    with pytest.raises(InputError, match="shorter than a factor of 10"):
        RelaxationExponentReport(start=1.0, end=5.0)
    with pytest.raises(InputError, match="give theory or fit"):
        RelaxationExponentReport(limit="guess")
