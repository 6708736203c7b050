"""Planted glasses: thresholds from unrelated equations, the annealed complexity, and the matrix-tensor lines."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.kac_rice import complexity
from spinnet.theory.random_matrices import spiked_wigner_outlier
from spinnet.theory.spherical_one_step import NotOneStepError
from spinnet.theory.spiked import (
    annealed_complexity,
    dominant_energy,
    gradient_flow_line,
    information_threshold,
    isolated_state_threshold,
    langevin_line,
    matrix_tensor_covariance,
    maximum_likelihood_message_passing_line,
    maximum_likelihood_spinodal,
    maximum_likelihood_state,
    maximum_likelihood_threshold,
    message_passing_line,
    nishimori_overlap,
    planted_gain,
    spinodal_threshold,
)

CUBIC = Covariance({3: 1})
PURE = [CUBIC, Covariance({4: 1}), Covariance({3: 2.5}), Covariance({20: 1})]


@pytest.mark.parametrize("covariance", PURE)
def test_bayes_and_maximum_likelihood_thresholds_of_pure_models_coincide(covariance):
    # one from the replicated entropy at T > 0, the other from the glass ground state at T = 0
    assert maximum_likelihood_threshold(covariance) == pytest.approx(information_threshold(covariance), rel=1e-11)
    least, m = maximum_likelihood_spinodal(covariance)
    p = covariance.degrees[0]
    assert least == pytest.approx(spinodal_threshold(covariance), rel=1e-12)
    assert m == pytest.approx(math.sqrt((p - 2) / (p - 1)), rel=1e-10)
    assert isolated_state_threshold(covariance) == pytest.approx(spinodal_threshold(covariance), rel=1e-12)


def test_cubic_model_has_the_values_of_the_sheet():
    assert spinodal_threshold(CUBIC) == pytest.approx(1.63299316, abs=6e-9)
    assert information_threshold(CUBIC) == pytest.approx(1.70632748, abs=6e-9)
    assert nishimori_overlap(CUBIC, information_threshold(CUBIC)) == pytest.approx(0.64500745, abs=6e-9)
    assert nishimori_overlap(CUBIC, 2.0) == pytest.approx(0.78867513, abs=6e-9)
    state = maximum_likelihood_state(CUBIC, maximum_likelihood_threshold(CUBIC))
    # the sheet's last digit belongs to a threshold that was rounded first
    assert state.overlap == pytest.approx(0.80312357, abs=2e-8)
    # r_2nd and r_spin of the literature are p beta_0/2
    assert 1.5 * maximum_likelihood_threshold(CUBIC) == pytest.approx(2.55949123, abs=6e-9)
    assert 1.5 * spinodal_threshold(CUBIC) == pytest.approx(math.sqrt(6), rel=1e-12)
    assert 0.5 * isolated_state_threshold(CUBIC) == pytest.approx(0.81649658, abs=6e-9)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({3: 1, 4: 1}), Covariance({2: 1, 3: 1})])
def test_planted_state_wins_above_the_information_threshold_and_not_below(covariance):
    threshold = information_threshold(covariance)
    assert planted_gain(covariance, threshold) == pytest.approx(0.0, abs=1e-14)
    assert planted_gain(covariance, 0.999 * threshold) < 0 < planted_gain(covariance, 1.001 * threshold)
    assert nishimori_overlap(covariance, 0.99 * spinodal_threshold(covariance)) == 0.0
    snr = 1.3 * threshold
    m = nishimori_overlap(covariance, snr)
    assert snr**2 * covariance.first(m) == pytest.approx(m / (1 - m), rel=1e-10)
    # m is the minimum of the planted free energy over overlaps
    found = minimize_scalar(
        lambda q: -0.5 * (snr**2 * covariance(q) + math.log1p(-q) + q), bounds=(m / 2, 0.9999), method="bounded"
    )
    assert -found.fun == pytest.approx(planted_gain(covariance, snr), rel=1e-10)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({3: 1, 4: 1})])
def test_maximum_likelihood_state_is_stationary_with_the_stated_energy(covariance):
    snr = 1.1 * maximum_likelihood_spinodal(covariance)[0]
    state = maximum_likelihood_state(covariance, snr)

    def energy(m):
        return -snr * covariance(m) - math.sqrt((1 - m * m) * covariance.first(1.0))

    window = (state.overlap - 0.05, min(state.overlap + 0.05, 0.9999))
    found = minimize_scalar(energy, bounds=window, method="bounded", options={"xatol": 1e-11})
    assert found.fun == pytest.approx(state.energy_density, rel=1e-12)
    assert found.x == pytest.approx(state.overlap, abs=1e-6)
    assert state.is_stable
    assert maximum_likelihood_state(covariance, 1e4).overlap == pytest.approx(1.0, abs=1e-7)


def test_mixed_models_have_a_stable_branch_that_ends_before_its_spinodal():
    c = Covariance({3: 1, 4: 1})
    least, _ = maximum_likelihood_spinodal(c)
    assert not maximum_likelihood_state(c, least * (1 + 1e-6)).is_stable
    assert maximum_likelihood_state(c, 1.01 * least).is_stable
    assert maximum_likelihood_threshold(c) > information_threshold(c)


@pytest.mark.parametrize("snr", [1.2, 1.5, 2.0])
def test_quadratic_model_is_the_outlier_of_the_spiked_matrix(snr):
    # H = -s^T (J + snr v v^T) s/2
    value, overlap = spiked_wigner_outlier(snr)
    state = maximum_likelihood_state(Covariance({2: 1}), snr)
    assert state.energy_density == pytest.approx(-0.5 * value, rel=1e-12)
    assert state.overlap**2 == pytest.approx(overlap, rel=1e-11)
    assert nishimori_overlap(Covariance({2: 1}), snr) == pytest.approx(1 - snr**-2, rel=1e-12)
    assert maximum_likelihood_spinodal(Covariance({2: 1})) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("m", "energy", "snr"), [(0.0, -1.1, 0.0), (0.3, -1.1, 1.0), (0.9, -1.3, 2.0), (-0.5, 0.3, 1.0)]
)
@pytest.mark.parametrize("p", [3, 4])
def test_annealed_complexity_is_the_kac_rice_formula_with_the_determinant_done_by_quadrature(p, m, energy, snr):
    a = 1.3
    c = Covariance({p: a})
    energy, snr = a * energy, snr / a
    radius, centre = 2 * math.sqrt(c.second(1.0)), -p * energy
    inside = [math.acos(-centre / radius)] if abs(centre) < radius else None
    determinant, _ = quad(
        lambda t: 2 / math.pi * math.sin(t) ** 2 * math.log(abs(centre + radius * math.cos(t))),
        0,
        math.pi,
        points=inside,
        limit=400,
        epsabs=1e-12,
    )
    # volume of the latitude, density of a vanishing gradient N(pull, f'(1)) and of the energy, and the determinant
    pull = snr**2 * c.first(m) ** 2 * (1 - m * m) / (2 * c.first(1.0))
    noise_energy = energy + snr * c(m)
    expected = 0.5 + 0.5 * math.log(1 - m * m) - 0.5 * math.log(c.first(1.0)) - pull
    expected += determinant - noise_energy**2 / (2 * c(1.0))
    assert annealed_complexity(c, snr, m, energy) == pytest.approx(expected, abs=1e-9)


def test_annealed_complexity_without_signal_is_that_of_the_glass():
    for energy in (-1.17, -1.0, 0.5):
        assert annealed_complexity(CUBIC, 0.0, 0.0, energy) == pytest.approx(complexity(CUBIC, energy), abs=1e-14)
    # at any signal the equator is untouched
    assert annealed_complexity(CUBIC, 3.0, 0.0, -1.0) == pytest.approx(complexity(CUBIC, -1.0), abs=1e-14)


@pytest.mark.parametrize("covariance", PURE)
@pytest.mark.parametrize("factor", [1.0, 1.1, 1.6])
def test_annealed_complexity_vanishes_exactly_at_the_state_around_the_signal(covariance, factor):
    snr = factor * isolated_state_threshold(covariance)
    state = maximum_likelihood_state(covariance, snr)
    assert annealed_complexity(covariance, snr, state.overlap, state.energy_density) == pytest.approx(0.0, abs=1e-11)
    assert dominant_energy(covariance, snr, state.overlap) == pytest.approx(state.energy_density, rel=1e-10)


@pytest.mark.parametrize("covariance", [CUBIC, Covariance({4: 1})])
def test_stationary_point_near_the_signal_is_isolated_from_its_threshold_on(covariance):
    critical = isolated_state_threshold(covariance)
    start = maximum_likelihood_spinodal(covariance)[1]

    def profile(snr):
        overlaps = np.linspace(start + 0.02, 0.995, 8001)
        energies = [dominant_energy(covariance, snr, m) for m in overlaps]
        values = [annealed_complexity(covariance, snr, m, e) for m, e in zip(overlaps, energies, strict=True)]
        return overlaps, np.array(values)

    assert profile(0.98 * critical)[1].max() < -1e-5
    for factor in (1.05, 1.2):
        overlaps, values = profile(factor * critical)
        assert values.max() == pytest.approx(0.0, abs=1e-6)
        at = maximum_likelihood_state(covariance, factor * critical).overlap
        assert overlaps[np.argmax(values)] == pytest.approx(at, abs=1e-3)
        assert values[np.abs(overlaps - at) > 0.02].max() < -1e-6


@pytest.mark.parametrize("p", [2, 3, 4])
@pytest.mark.parametrize(("snr", "m"), [(0.0, 0.0), (0.5, 0.4), (3.0, 0.8), (3.0, -0.8), (8.0, 0.99)])
def test_dominant_energy_is_the_maximum_found_by_search(p, snr, m):
    c = Covariance({p: 0.8})
    best = annealed_complexity(c, snr, m, dominant_energy(c, snr, m))
    found = minimize_scalar(
        lambda e: -annealed_complexity(c, snr, m, e), bounds=(-12, 12), method="bounded", options={"xatol": 1e-9}
    )
    assert best >= -found.fun - 1e-12
    assert best == pytest.approx(-found.fun, abs=1e-9)


def test_matrix_tensor_lines_have_the_values_of_the_sheet():
    assert message_passing_line() == 1.0
    for noise, inverse_flow in ((0.5, 2.561553), (1.0, 2.0), (2.0, 1.618034), (4.0, 1.366025)):
        assert 1 / gradient_flow_line(noise) == pytest.approx(inverse_flow, abs=6e-7)
    assert 1 / langevin_line(0.5) == pytest.approx(2.0)
    assert 1 / langevin_line(1.0) == pytest.approx(math.sqrt(2))
    assert langevin_line(2.0) is None
    assert 1 / gradient_flow_line(1.0, 4) == pytest.approx(2.302776, abs=6e-7)
    assert 1 / gradient_flow_line(4.0, 4) == pytest.approx(1.5)


@pytest.mark.parametrize(("noise", "degree"), [(0.3, 3), (1.2, 3), (0.05, 4), (0.3, 4), (0.1, 6)])
def test_matrix_tensor_lines_obey_the_conditions_that_define_them(noise, degree):
    flow = gradient_flow_line(noise, degree)
    c = matrix_tensor_covariance(flow, noise, degree)
    assert c(0.5) == pytest.approx(0.125 / flow + 0.5**degree / (degree * noise), rel=1e-13)
    assert 1 / flow == pytest.approx(math.sqrt(c.second(1.0)), rel=1e-12)
    likelihood = maximum_likelihood_message_passing_line(noise, degree)
    c = matrix_tensor_covariance(likelihood, noise, degree)
    assert 1 / likelihood == pytest.approx(math.sqrt(c.first(1.0)), rel=1e-12)
    line = langevin_line(noise, degree)
    if line is not None:
        # the marginal plateau of ageing at T = 1 on the line: largest root of f''(q)(1-q)^2 = 1
        c = matrix_tensor_covariance(line, noise, degree)
        q = brentq(lambda q: c.second(q) * (1 - q) ** 2 - 1, 1 - line - 0.05, 1 - 1e-12, xtol=1e-15)
        assert (1 - q) / line == pytest.approx(1.0, rel=1e-9)


def test_langevin_line_is_absent_without_a_plateau():
    # for p = 4 the left side 3 x^2 (1 - x) has its maximum 4/9 at x = 2/3
    assert langevin_line(0.444, 4) is not None
    assert langevin_line(0.445, 4) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: nishimori_overlap(CUBIC, -1.0),
        lambda: nishimori_overlap(CUBIC, float("nan")),
        lambda: maximum_likelihood_state(CUBIC, 1.0),
        lambda: annealed_complexity(CUBIC, 1.0, 1.0, -1.0),
        lambda: annealed_complexity(Covariance({3: 1, 4: 1}), 1.0, 0.5, -1.0),
        lambda: gradient_flow_line(0.0),
        lambda: langevin_line(1.0, 2),
        lambda: matrix_tensor_covariance(-1.0, 1.0),
    ],
)
def test_questions_without_an_answer_are_refused(call):
    with pytest.raises(InputError):
        call()


def test_likelihood_threshold_is_refused_where_the_glass_is_not_one_step():
    with pytest.raises(NotOneStepError):
        maximum_likelihood_threshold(Covariance({2: 1, 4: 0.1}))
