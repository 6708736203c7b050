"""Perceptron with a teacher and storage capacities: equations by other quadratures, enumeration, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import perceptron as theory
from spinnet.theory import storage


def gaussian(function, reach=12):
    density = lambda t: math.exp(-t * t / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return quad(lambda t: density(t) * function(t), -reach, reach, epsabs=1e-14, epsrel=1e-12, limit=400)[0]


def tail_log_average(q):
    """G_E(q) = 2 int Dt H ln H by adaptive quadrature."""
    k = math.sqrt(q / (1 - q))
    return 2 * gaussian(lambda t: ndtr(-k * t) * log_ndtr(-k * t), min(12, 12 / k))


def test_reference_values_of_the_sphere():
    state = theory.perceptron_state(2.0)
    assert state.overlap == pytest.approx(0.728298, abs=5e-7)
    assert state.generalisation_error_gibbs == pytest.approx(0.240312, abs=5e-7)
    assert state.generalisation_error_bayes == pytest.approx(0.174534, abs=6e-7)


def test_reference_values_of_ising_weights():
    state = theory.perceptron_state(0.5, "ising")
    assert (state.overlap, state.entropy) == pytest.approx((0.293089, 0.372133), abs=5e-7)
    assert theory.ising_transition() == pytest.approx((1.244684, 0.69376), abs=5e-6)
    assert theory.ising_spinodal() == pytest.approx((1.492632, 0.89366), abs=5e-6)
    before = theory.perceptron_state(theory.ising_transition()[0] - 1e-9, "ising")
    assert before.generalisation_error_gibbs == pytest.approx(0.25595, abs=5e-6)
    end = theory.perceptron_state(theory.ising_spinodal()[0], "ising", metastable=True)
    assert end.generalisation_error_gibbs == pytest.approx(0.14813, abs=5e-6)


@pytest.mark.parametrize("q", [1e-6, 0.1, 0.7, 0.99, 1 - 1e-6])
def test_the_energy_term_and_its_slope_agree_with_adaptive_quadrature(q):
    s = math.log(q / (1 - q))
    assert theory.energy_term(s) == pytest.approx(tail_log_average(q), abs=1e-9)
    h = 1e-4
    # d G_E/d s = q (1-q) G_E'
    slope = (theory.energy_term(s + h) - theory.energy_term(s - h)) / (2 * h)
    assert q * theory.energy_slope(s) == pytest.approx(slope, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 1.0, 5.0, 40.0])
def test_the_spherical_state_maximises_its_entropy(alpha):
    def entropy(q):
        return 0.5 * (math.log1p(-q) + q) + alpha * tail_log_average(q)

    state = theory.perceptron_state(alpha)
    h = 1e-4 * min(state.overlap, state.complement)
    values = [entropy(state.overlap + k * h) for k in (-1, 0, 1)]
    assert values[1] == pytest.approx(state.entropy, abs=1e-8)
    assert (values[2] - values[0]) / (2 * h) == pytest.approx(0, abs=1e-4 / min(state.overlap, state.complement))


@pytest.mark.parametrize("kind", ["spherical", "ising"])
def test_the_entropy_falls_by_the_information_of_each_label(kind):
    # s is stationary, so ds/d alpha = G_E(q)
    alpha, h = 0.9, 1e-4
    low, high = (theory.perceptron_state(alpha + d, kind).entropy for d in (-h, h))
    q = theory.perceptron_state(alpha, kind).overlap
    assert (high - low) / (2 * h) == pytest.approx(tail_log_average(q), abs=1e-7)


def test_the_ising_branch_solves_its_equations_by_another_quadrature():
    state = theory.perceptron_state(1.1, "ising")
    q, k = state.overlap, math.sqrt(state.overlap / state.complement)
    slope = gaussian(lambda t: math.exp(-((k * t) ** 2) - log_ndtr(-k * t))) / (2 * math.pi * (1 - q))
    field = 2 * 1.1 * slope
    assert gaussian(lambda z: math.tanh(math.sqrt(field) * z + field)) == pytest.approx(q, abs=1e-9)


def test_learning_curves_of_the_sphere_end_as_one_over_alpha():
    state = theory.perceptron_state(1e6)
    assert 1e6 * state.generalisation_error_gibbs == pytest.approx(0.6247, abs=2e-4)
    assert 1e6 * state.generalisation_error_bayes == pytest.approx(0.4417, abs=2e-4)
    assert state.generalisation_error_gibbs / state.generalisation_error_bayes == pytest.approx(math.sqrt(2), rel=1e-6)


def test_few_examples_give_a_linear_overlap():
    for kind in theory.KINDS:
        # q = 2 alpha G_E'(0) = 2 alpha/pi
        assert theory.perceptron_state(1e-6, kind).overlap == pytest.approx(2e-6 / math.pi, rel=1e-5)
        assert theory.perceptron_state(0.0, kind).overlap == 0


def sphere_volume(alpha_n, n, rng, students=40_000):
    """Overlaps with the teacher of random students that pass all patterns, by rejection."""
    teacher = rng.standard_normal(n)
    patterns = rng.standard_normal((alpha_n, n))
    patterns *= np.sign(patterns @ teacher)[:, None]
    weights = rng.standard_normal((students, n))
    good = weights[np.all(weights @ patterns.T > 0, axis=1)]
    return good @ teacher / (np.linalg.norm(good, axis=1) * np.linalg.norm(teacher)), good.shape[0] / students


def test_rejection_sampling_on_small_spheres_extrapolates_to_the_theory():
    rng, alpha = stream(1, "sphere"), 0.5
    means, errors = [], []
    for n in (8, 16):
        runs = [sphere_volume(int(alpha * n), n, rng)[0].mean() for _ in range(60)]
        means.append(np.mean(runs))
        errors.append(np.std(runs) / math.sqrt(len(runs)))
    extrapolated, error = 2 * means[1] - means[0], math.hypot(2 * errors[1], errors[0])
    assert abs(extrapolated - theory.perceptron_state(alpha).overlap) < 4 * error


def enumerated(n, count, samples, rng):
    """Mean entropy per weight and overlap of all Ising students that pass, with their teacher."""
    states = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    entropies, overlaps = [], []
    for _ in range(samples):
        patterns = rng.standard_normal((count, n))
        patterns *= np.sign(patterns.sum(axis=1))[:, None]
        good = states[np.all(states @ patterns.T > 0, axis=1)]
        entropies.append(math.log(len(good)) / n)
        overlaps.append(good.sum() / good.size)
    return np.array(entropies), np.array(overlaps)


def test_enumeration_of_small_ising_students_extrapolates_to_the_theory():
    rng, alpha = stream(2, "ising"), 0.5
    small, large = (enumerated(n, int(alpha * n), 600, rng) for n in (6, 12))
    for part, expected in (
        (0, theory.perceptron_state(alpha, "ising").entropy),
        (1, theory.perceptron_state(alpha, "ising").overlap),
    ):
        values = [sample[part].mean() for sample in (small, large)]
        errors = [sample[part].std() / math.sqrt(sample[part].size) for sample in (small, large)]
        # corrections of order 1/n, the next ones allowed for
        estimate, error = 2 * values[1] - values[0], math.hypot(2 * errors[1], errors[0])
        assert abs(estimate - expected) < 4 * error + 0.01


def test_beyond_the_transition_the_teacher_alone_is_left():
    state = theory.perceptron_state(1.3, "ising")
    assert state.is_perfect and state.overlap == 1 and state.entropy == 0
    assert state.generalisation_error_gibbs == 0 and state.generalisation_error_bayes == 0
    stuck = theory.perceptron_state(1.3, "ising", metastable=True)
    assert not stuck.is_perfect and stuck.overlap < 0.8 and stuck.entropy < 0


def test_the_metastable_branch_ends_at_the_spinodal():
    alpha, q = theory.ising_spinodal()
    overlaps = [theory.perceptron_state(alpha * (1 - e), "ising", metastable=True).overlap for e in (1e-6, 4e-6)]
    assert (q - overlaps[1]) / (q - overlaps[0]) == pytest.approx(2, rel=0.02)
    with pytest.raises(InputError, match="spinodal"):
        theory.perceptron_state(alpha * 1.001, "ising", metastable=True)


@pytest.mark.parametrize("alpha", [-1, math.inf, math.nan, 1e9])
def test_loads_that_are_not_allowed_are_refused(alpha):
    with pytest.raises(InputError):
        theory.perceptron_state(alpha)


def test_unknown_kinds_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="ising"):
        theory.perceptron_state(1.0, "isin")


# storage


def test_the_spherical_capacity_is_two_by_counting():
    assert storage.spherical_capacity() == pytest.approx(2)
    # Cover: half of the dichotomies of 2N patterns can be stored, at every N
    for n in (1, 5, 20):
        assert 2 * sum(math.comb(2 * n - 1, k) for k in range(n)) / 2 ** (2 * n) == pytest.approx(0.5)


def test_the_capacity_with_a_margin_is_gardners_integral():
    for margin in (0.5, 2.0):
        integral = gaussian(lambda t, k=margin: max(t + k, 0.0) ** 2)
        assert storage.spherical_capacity(margin) == pytest.approx(1 / integral, rel=1e-7)


def test_the_ising_capacity_is_that_of_krauth_and_mezard():
    alpha, q = storage.ising_capacity()
    assert (alpha, q) == pytest.approx((0.833079, 0.56395), abs=1e-6)


def test_the_ising_entropy_is_stationary_at_the_capacity():
    alpha, q = storage.ising_capacity(0.3)

    def entropy(overlap, field):
        u = lambda t: (0.3 + math.sqrt(overlap) * t) / math.sqrt(1 - overlap)  # noqa: E731
        log_cosh = gaussian(lambda z: np.logaddexp(math.sqrt(field) * z, -math.sqrt(field) * z))
        return -0.5 * field * (1 - overlap) + log_cosh + alpha * gaussian(lambda t: log_ndtr(-u(t)))

    field = storage._field(q)
    assert entropy(q, field) == pytest.approx(0, abs=1e-9)
    h = 1e-4
    assert (entropy(q + h, field) - entropy(q - h, field)) / (2 * h) == pytest.approx(0, abs=1e-6)
    assert (entropy(q, field + h) - entropy(q, field - h)) / (2 * h) == pytest.approx(0, abs=1e-6)


def test_bad_margins_are_refused():
    for call in (
        lambda: storage.spherical_capacity(-1),
        lambda: storage.ising_capacity(-0.1),
        lambda: storage.ising_capacity(50),
    ):
        with pytest.raises(InputError):
            call()
