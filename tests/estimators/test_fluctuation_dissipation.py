"""Slope of χ against C: known lines come back within their errors, and what cannot be fitted is refused."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.fluctuation_dissipation import dissipation_slope, equilibrium_residual


def broken_line(samples=40, ratio=0.6, temperature=0.5, plateau=0.7, noise=0.02, seed=0, delays=30):
    """χ(C) of a system that ages with one ratio below its plateau; noise common to the delays of a sample, and not."""
    rng = np.random.default_rng(seed)
    c = np.linspace(1.0, 0.1, delays)
    chi = np.where(c > plateau, 1.0 - c, (1.0 - plateau) + ratio * (plateau - c)) / temperature
    correlation = c + noise * (rng.standard_normal((samples, 1)) + 0.5 * rng.standard_normal((samples, delays)))
    response = chi + 2.0 * noise * (rng.standard_normal((samples, 1)) * c + rng.standard_normal((samples, delays)))
    return correlation, response


def test_the_ratio_below_the_plateau_and_the_equilibrium_one_above_it_are_found():
    correlation, response = broken_line()
    ageing = dissipation_slope(correlation, response, 0.5, upper=0.65)
    assert abs(ageing.ratio - 0.6) < 4 * ageing.ratio_error and ageing.ratio_error < 0.05
    assert abs(ageing.intercept - (0.3 + 0.6 * 0.7) / 0.5) < 4 * ageing.intercept_error
    assert abs(ageing.curvature_z) < 4 and ageing.n_samples == 40
    fast = dissipation_slope(correlation, response, 0.5, upper=1.1, lower=0.75)
    assert abs(fast.ratio - 1.0) < 4 * fast.ratio_error
    # Deliberately wrong: equilibrium below the plateau.
    assert abs(ageing.ratio - 1.0) / ageing.ratio_error > 8


def test_errors_are_those_of_repeated_experiments():
    found = [dissipation_slope(*broken_line(seed=s, samples=20), 0.5, upper=0.65) for s in range(60)]
    z = np.array([(f.ratio - 0.6) / f.ratio_error for f in found])
    assert 0.8 < z.std() < 1.35 and abs(z.mean()) * np.sqrt(60) < 4


def test_a_window_across_the_plateau_is_seen_to_be_no_line():
    found = dissipation_slope(*broken_line(noise=0.005), 0.5, upper=1.1)
    assert abs(found.curvature_z) > 4


def test_at_zero_temperature_the_slope_is_an_inverse_temperature_and_there_is_no_ratio():
    correlation, response = broken_line(temperature=1.0, ratio=2.0)
    found = dissipation_slope(correlation, response, 0.0, upper=0.65)
    assert abs(found.slope - 2.0) < 4 * found.slope_error and np.isnan(found.ratio)


def test_delays_that_a_sample_has_not_reached_are_left_out():
    correlation, response = broken_line()
    correlation[3, -5:] = np.nan
    found = dissipation_slope(correlation, response, 0.5, upper=0.65)
    assert not found.used[-5:].any() and abs(found.ratio - 0.6) < 4 * found.ratio_error


def test_the_residual_is_zero_in_equilibrium_and_negative_below_the_plateau():
    found = equilibrium_residual(*broken_line(), 0.5)
    z = found.value / found.error
    assert np.abs(z[:8]).max() < 4 and (z[-8:] < -4).all()


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"upper": 0.12}, "a slope needs 4"),
        ({"lower": 0.7, "upper": 0.6}, "lower < upper"),
        ({"temperature": -1.0}, "temperature"),
        ({"samples": 3}, "at least 5"),
        ({"shape": True}, "twice"),
    ],
)
def test_what_gives_no_slope_is_refused_in_one_line(change, fragment):
    correlation, response = broken_line(samples=change.get("samples", 10))
    if "shape" in change:
        response = response[:, 1:]
    with pytest.raises(InputError, match=fragment) as caught:
        dissipation_slope(
            correlation, response, change.get("temperature", 0.5), change.get("upper", 0.65), change.get("lower", 0.0)
        )
    assert "\n" not in str(caught.value)
