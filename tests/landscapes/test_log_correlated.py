"""The log-correlated levels have their covariance exactly, and the free energy of Fyodorov and Bouchaud."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference.indexed_levels_twin import circulant_field

from spinnet.errors import InputError
from spinnet.landscapes.base import Energy, Levels, LocalMoves
from spinnet.landscapes.log_correlated import DOMAINS, LogCorrelatedREM
from spinnet.randomness import stream
from spinnet.theory import log_correlated as theory


def matrix(landscape):
    place = np.arange(landscape.n_levels)
    return landscape.covariance(np.abs(place[:, None] - place))


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_fourier_transform_is_the_sum_of_waves(domain, n):
    landscape = LogCorrelatedREM(n, domain, seed=3, sample=2)
    spectrum = landscape.spectrum()
    g, h = stream(3, "log-correlated levels", domain, n, 2).standard_normal((2, len(spectrum)))
    expected = circulant_field(spectrum, g, h)[: 2**n]
    np.testing.assert_allclose(landscape.all_levels(), expected, atol=1e-12)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("n", [1, 3, 6, 12])
def test_the_embedding_is_not_negative_so_that_the_covariance_is_exact(domain, n):
    landscape = LogCorrelatedREM(n, domain)
    row = landscape.covariance(np.arange(2**n))
    if domain == "interval":
        row = np.concatenate([row, [0.0], row[:0:-1]])
    assert np.fft.rfft(row).real.min() > -1e-12 * 2**n
    # the covariance matrix itself, from what the levels are drawn with
    again = np.fft.irfft(landscape.spectrum())[: 2**n]
    np.testing.assert_allclose(again, landscape.covariance(np.arange(2**n)), atol=1e-11)


@pytest.mark.parametrize("domain", DOMAINS)
def test_samples_have_the_stated_covariance(domain):
    samples, landscape = 4000, LogCorrelatedREM(5, domain)
    levels = np.array([LogCorrelatedREM(5, domain, 1, s).all_levels() for s in range(samples)])
    exact = matrix(landscape)
    found = levels.T @ levels / samples
    # in the basis of its own modes the entries are independent (the circle has one mode less: its mean is zero)
    size, modes = np.linalg.eigh(exact)
    modes = modes[:, size > 1e-9] / np.sqrt(size[size > 1e-9])
    unit = modes.T @ found @ modes
    z = (unit - np.eye(len(unit))) / np.sqrt((1 + np.eye(len(unit))) / samples)
    assert np.abs(z).max() < 4.5 and 0.9 < z.std() < 1.1  # 528 numbers
    # Deliberately wrong: uncorrelated neighbours are seen.
    assert np.abs(found[0, 1] - 0.0) / math.sqrt(exact[0, 0] ** 2 / samples) > 4
    if domain == "circle":
        assert np.abs(levels.sum(axis=1)).max() < 1e-11


def test_the_circle_has_the_covariance_of_the_theory():
    landscape = LogCorrelatedREM(8)
    angle = 2 * np.pi * np.arange(1, 256) / 256
    np.testing.assert_allclose(landscape.covariance(np.arange(1, 256)), theory.covariance(angle), rtol=1e-12)
    assert landscape.covariance(np.array(0)) == pytest.approx(2 * math.log(256))


def test_the_free_energy_is_that_of_fyodorov_and_bouchaud():
    n, gamma, samples = 12, 0.2, 2500
    log_z = []
    for sample in range(samples):
        v = LogCorrelatedREM(n, "circle", 5, sample).all_levels()
        log_z.append(np.log(np.mean(np.exp(-math.sqrt(gamma) * v - gamma * n * math.log(2)))))
    log_z = np.array(log_z)
    error = log_z.std(ddof=1) / math.sqrt(samples)
    assert abs(log_z.mean() - theory.mean_log_partition(gamma)) < 4 * error
    spread = (log_z - log_z.mean()) ** 2
    error = spread.std(ddof=1) / math.sqrt(samples)
    assert abs(spread.mean() - theory.variance_log_partition(gamma)) < 4 * error
    # the law at another gamma is excluded
    assert abs(spread.mean() - theory.variance_log_partition(1.3 * gamma)) > 4 * error


def test_the_second_moment_on_the_interval_tends_to_selbergs_integral():
    # E Z² = Σ e^{γ C}/M² → ∫∫|x−y|^{−2γ} = 2/((1−2γ)(2−2γ)) for the normalised partition sum
    gamma = 0.15
    exact = [np.exp(gamma * matrix(LogCorrelatedREM(n, "interval"))).mean() for n in (7, 8, 9)]
    limit = 2 / ((1 - 2 * gamma) * (2 - 2 * gamma))
    gaps = np.abs(np.array(exact) / limit - 1)
    assert gaps[2] < 0.01 and np.all(np.diff(gaps) < 0)


def test_levels_are_quenched_and_samples_differ():
    one = LogCorrelatedREM(10, seed=1)
    assert (one.level(np.array([5, 1023, 5])) == LogCorrelatedREM(10, seed=1).all_levels()[[5, 1023, 5]]).all()
    assert one.level(7).shape == () and not one.all_levels().flags.writeable
    others = LogCorrelatedREM(10, seed=1, sample=1), LogCorrelatedREM(10, seed=2), LogCorrelatedREM(10, "interval", 1)
    for other in others:
        assert np.abs(np.corrcoef(one.all_levels(), other.all_levels())[0, 1]) < 0.9


def test_the_configuration_is_the_address_of_a_point():
    landscape = LogCorrelatedREM(6, seed=1)
    assert isinstance(landscape, Levels) and isinstance(landscape, Energy) and not isinstance(landscape, LocalMoves)
    x = landscape.configuration(np.arange(64))
    assert (landscape.energy(x) == landscape.all_levels()).all()


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("2\\^24", lambda: LogCorrelatedREM(25)),
        ("n = 0", lambda: LogCorrelatedREM(0)),
        ("did you mean 'circle'", lambda: LogCorrelatedREM(5, "circel")),
        ("index", lambda: LogCorrelatedREM(3).level(8)),
        ("distance", lambda: LogCorrelatedREM(3).covariance(np.array([8]))),
        ("distance", lambda: LogCorrelatedREM(3).covariance(0.5)),
    ],
)
def test_bad_input_is_refused_in_one_line(fragment, call):
    with pytest.raises(InputError, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)
