"""The slowing-down report: known correlations give known relaxation times and chi_4."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.slowing_down import SlowingDownReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_two_time import dynamics
from spinnet.theory.mode_coupling import mode_coupling_exponents

TIME, TEMPERATURES, N = np.concatenate([[0.0], np.geomspace(0.1, 20, 16)]), (0.8, 1.0, 1.4), 64


def physics(temperature, **landscape):
    table = {"kind": "SphericalGlass", "covariance": {"3": 1}, "planted_temperature": temperature}
    return {
        "landscape": {**table, **landscape},
        "dynamics": {"kind": "Langevin", "temperature": temperature, "step": 0.02},
        "schedule": {"kind": "log"}, "probes": {"signal_overlap": {}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def limits():
    """C(t, 0) of N → ∞ at each temperature."""
    found = {}
    for t in TEMPERATURES:
        known = dynamics(Covariance({3: 1}), t, TIME[1:], initial_temperature=t, tolerance=1e-4)
        found[t] = np.concatenate([[1.0], known.correlation_with_start])
    return found


def point(temperature, mean, rng, samples=60, replicas=3):
    """Overlaps of samples that differ by 0.04 and replicas by 0.06, times 2√(C(1 − C))."""
    width = 2 * np.sqrt(np.clip(mean * (1 - mean), 0, 1))
    noise = 0.04 * rng.standard_normal((samples, 1, 1)) + 0.06 * rng.standard_normal((samples, replicas, 1))
    overlap = mean + width * noise
    variables = {"trajectory/signal_overlap": overlap, "trajectory/time": Variable(TIME, ("time",))}
    return {"parameters": {"n": N}, "physics": physics(temperature), "variables": variables}


def build(tmp_path, curves):
    rng = np.random.default_rng(4)
    arms = {f"t{k}": [point(t, curve, rng)] for k, (t, curve) in enumerate(curves.items())}
    return SlowingDownReport(list(arms)).build(made_results(tmp_path / "collected.h5", arms), lambda line: None)


def test_times_and_fluctuations_are_those_that_were_put_in(tmp_path, limits):
    content = build(tmp_path, limits)
    for row, (temperature, curve) in zip(content.rows, limits.items(), strict=True):
        assert row["temperature"] == temperature
        expected = np.exp(np.interp(-0.3, -curve[1:], np.log(TIME[1:])))
        assert row["infinite_n"] == pytest.approx(expected, rel=0.01)
        assert abs(row["relaxation_time"] - expected) < 4 * row["relaxation_time_error"]
        assert abs(row["chi4_peak"] - N * 0.0052) < 4 * row["chi4_peak_error"] + 0.1 * N * 0.0052
    grown = next(line for line in content.findings if line.startswith(f"N = {N}: τ grows"))
    assert "next to T_d: 1.765" in grown
    assert mode_coupling_exponents(Covariance({3: 1})).exponent == pytest.approx(1.765, abs=1e-3)
    assert (np.diff([row["relaxation_time"] for row in content.rows]) < 0).all()


def test_a_run_that_is_too_short_gives_no_time(tmp_path, limits):
    slow = {t: 0.5 + 0.5 * curve for t, curve in limits.items()}
    content = build(tmp_path, slow)
    assert all(row["relaxation_time"] is None for row in content.rows)
    assert any("does not fall to the level" in line for line in content.findings)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [({"planted_temperature": 0.9}, "give both the same"), ({"start_at": "random"}, "does not start")],
)
def test_studies_that_cannot_be_reported_are_refused_before_the_run(change, fragment):
    settings = SlowingDownReport.resolve({"arms": ["a"]})
    with pytest.raises(InputError, match=fragment):
        SlowingDownReport.check(settings, {"a": [physics(0.8, **change)]})
    with pytest.raises(InputError, match="no arm 'b'"):
        SlowingDownReport.check({**settings, "arms": ["b"]}, {"a": [physics(0.8)]})
    with pytest.raises(InputError, match="signal_overlap"):
        SlowingDownReport.check(settings, {"a": [{**physics(0.8), "probes": {}}]})
    with pytest.raises(InputError, match="level"):
        SlowingDownReport.resolve({"arms": ["a"], "level": 1.2})
