"""The Hessian of a pure glass at a given energy density e: a GOE matrix of N − 1 dimensions shifted by −p e."""

from __future__ import annotations

import numpy as np
import pytest
from reference.relaxation import extrapolated, follow
from reference.simple_landscapes import goe

from spinnet.dynamics import GradientFlow
from spinnet.estimators.spectra import GOE_SPACING_RATIO
from spinnet.landscapes import SphericalGlass
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe


def spectra(p, n, samples, x_of):
    """Eigenvalues (samples, n − 1), energy densities and spacing ratios at one point of each sample."""
    values, energies, ratios = [], [], []
    for sample in range(samples):
        glass = SphericalGlass(n=n, covariance={p: 1.0}, seed=5, sample=sample)
        x = x_of(glass, np.random.default_rng(sample))
        found = HessianSpectrumProbe().measure(glass, x, np.random.default_rng(sample))
        values.append(found["spectrum/eigenvalue"].data[0])
        ratios.append(found["spectrum/spacing_ratio"].data[0])
        energies.append(glass.energy_density(x)[0])
    return np.array(values), np.array(energies), np.array(ratios)


def z_score(values, expected):
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(len(values)))


@pytest.fixture(scope="module", params=[(2, 40), (3, 40), (4, 24)], ids=["p=2", "p=3", "p=4"])
def at_random_points(request):
    p, n = request.param
    return p, n, *spectra(p, n, 120, lambda glass, rng: glass.start(1, rng))


def test_moments_at_random_points_are_exact_at_every_size(at_random_points):
    # Shifted by p e the matrix is GOE with variance f''(1)/N: E tr = 0 and E tr² = f''(1)(N − 1) with f'' = p(p−1)/2.
    p, _, values, energies, _ = at_random_points
    shifted = values + p * energies[:, None]
    assert abs(z_score(shifted.mean(axis=1), 0.0)) < 4
    assert abs(z_score((shifted**2).mean(axis=1), p * (p - 1) / 2)) < 4
    # The flat Hessian (no shift) fails: its trace does not vanish together with −p e.
    assert abs(z_score((values**2).mean(axis=1), p * (p - 1) / 2)) > 4 or p == 2


def test_edges_at_random_points_are_those_of_sampled_goe_matrices(at_random_points):
    p, n, values, energies, _ = at_random_points
    shifted = values + p * energies[:, None]
    rng = np.random.default_rng(3)
    # goe(k) has variance 1/k: scale to p(p−1)/2 over N.
    scale = np.sqrt(p * (p - 1) / 2 * (n - 1) / n)
    expected = scale * np.linalg.eigvalsh(np.array([goe(n - 1, rng) for _ in range(600)]))
    for edge in (0, -1):
        a, b = shifted[:, edge], expected[:, edge]
        error = np.hypot(a.std(ddof=1) / np.sqrt(len(a)), b.std(ddof=1) / np.sqrt(len(b)))
        assert abs(a.mean() - b.mean()) < 4 * error


def test_spacings_at_random_points_are_those_of_the_goe(at_random_points):
    if at_random_points[1] < 40:
        pytest.skip("the constant is that of large matrices")
    assert abs(z_score(at_random_points[4], GOE_SPACING_RATIO)) < 4


def test_where_gradient_flow_ends_the_semicircle_is_centred_at_minus_p_times_the_energy():
    # The flow selects its end point: the centre is off by O(1/N), and so is the width √f''(1) = √3.
    flow, sizes = GradientFlow(tolerance=1e-3), (32, 64, 96)
    centre, width = {}, {}
    for n in sizes:
        values, energies, _ = spectra(3, n, 24, lambda glass, rng: follow(flow, glass, glass.start(1, rng), [10.0])[0])
        centre[n] = values.mean(axis=1, keepdims=True) + 3.0 * energies[:, None]
        width[n] = values.std(axis=1, keepdims=True)
    for found, expected in ((centre, 0.0), (width, np.sqrt(3.0))):
        limit, error, _ = extrapolated(found)
        assert abs(limit[0] - expected) < 4 * error[0] and error[0] < 0.02
