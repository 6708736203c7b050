"""The dense spectrum: known eigenvalues, index and zero modes on flat space and on the sphere."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, LinearRegression, QuadraticForm, goe, two_spin_glass

from spinnet.estimators.spectra import GOE_SPACING_RATIO
from spinnet.landscapes import DenseNetwork
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe


def measure(landscape, x, **parameters):
    return HessianSpectrumProbe(**parameters).measure(landscape, x, np.random.default_rng(0))


def test_a_known_saddle_has_its_eigenvalues_index_and_zero_modes():
    found = measure(HarmonicWell([3.0, -1.0, 0.0, 2.0, -1e-12]), np.zeros((2, 5)))
    np.testing.assert_allclose(found["spectrum/eigenvalue"].data, [[-1.0, -1e-12, 0.0, 2.0, 3.0]] * 2, atol=1e-15)
    assert found["spectrum/index"].data.tolist() == [1, 1]
    assert found["spectrum/zero_modes"].data.tolist() == [2, 2]
    np.testing.assert_allclose(found["spectrum/zero_threshold"].data, 3e-9)
    assert found["spectrum/index"].attributes["zero_tolerance"] == 1e-9


def test_the_index_of_a_point_counts_its_unstable_directions():
    found = measure(DoubleWell(4), np.array([[1.0, -1.0, 1.0, 1.0], [0.0, 1.0, 0.0, -1.0]]))
    assert found["spectrum/index"].data.tolist() == [0, 2]


def test_an_underdetermined_regression_has_a_zero_mode_for_each_missing_pattern():
    rng = np.random.default_rng(0)
    found = measure(LinearRegression(rng.standard_normal((7, 12)), np.ones(7)), rng.standard_normal((1, 12)))
    assert found["spectrum/zero_modes"].data[0] == 5 and found["spectrum/index"].data[0] == 0


def test_at_an_eigenvector_the_sphere_sees_the_other_eigenvalues_shifted():
    # At x = √n v_k the Riemannian Hessian of ½x'Ax is diag(λ_i − λ_k), i ≠ k: the index is k.
    matrix = goe(30, np.random.default_rng(3))
    values, vectors = np.linalg.eigh(matrix)
    x = np.sqrt(30) * vectors.T[[0, 4, 29]]
    found = measure(QuadraticForm(matrix), x)
    for a, k in enumerate((0, 4, 29)):
        np.testing.assert_allclose(found["spectrum/eigenvalue"].data[a], np.delete(values, k) - values[k], atol=1e-13)
    assert found["spectrum/index"].data.tolist() == [0, 4, 29]


def test_the_flat_hessian_on_the_sphere_fails():
    # Deliberately wrong: without the curvature term −(x·∇H/n) the index of the ground state is not 0.
    matrix = goe(30, np.random.default_rng(3))
    x = np.sqrt(30) * np.linalg.eigh(matrix)[1].T[:1]
    wrong = measure(QuadraticForm(matrix, sphere=False), x)
    assert wrong["spectrum/index"].data[0] > 10


@pytest.mark.parametrize("first", [1.0, -1.0, 0.0])
def test_the_tangent_matrix_is_that_of_an_explicit_basis(first):
    glass = two_spin_glass(15, 5)
    x = glass.start(1, np.random.default_rng(2))[0]
    x[0] = first * abs(x[0])
    x = glass.space.retract(x[None])[0]
    gradient = glass.gradient(x[None])[0]
    matrix = glass.space.tangent_hessian(x, gradient, glass.hessian(x))
    basis = glass.space.tangent_basis(x)
    expected = basis @ glass.matrix @ basis.T - (x @ gradient) / 15 * np.eye(14)
    np.testing.assert_allclose(matrix, expected, atol=1e-14)
    np.testing.assert_allclose(glass.space.from_tangent(x, np.arange(14.0)), np.arange(14.0) @ basis, atol=1e-13)


def test_the_residuals_are_of_the_order_of_rounding():
    glass = two_spin_glass(60, 5)
    found = measure(glass, glass.start(3, np.random.default_rng(0)))
    for name in ("trace_residual", "moment_residual", "operator_residual"):
        assert found[f"spectrum/{name}"].data.max() < 1e-13


def test_a_matrix_that_is_not_the_operator_is_caught_by_its_residual():
    class Wrong(QuadraticForm):
        def hessian(self, x):
            return 1.001 * self.matrix

    glass = Wrong(goe(40, np.random.default_rng(0)))
    found = measure(glass, glass.start(1, np.random.default_rng(0)))
    assert found["spectrum/operator_residual"].data[0] > 1e-4


def test_flat_directions_of_a_network_are_zeros_of_its_spectrum():
    net = DenseNetwork(hidden=3, data_options={"n_train": 30})  # 30 patterns in 65 dimensions, the biases among them
    x = net.start(2, np.random.default_rng(0))
    found = measure(net, x)
    for a, row in enumerate(x):
        expected = np.linalg.eigvalsh(net.hessian(row))
        np.testing.assert_allclose(found["spectrum/eigenvalue"].data[a], expected, atol=1e-13 * np.abs(expected).max())
    assert (found["spectrum/eigenvalue"].data == 0.0).sum(axis=1).tolist() == [3 * 35, 3 * 35]
    for name in ("trace_residual", "moment_residual", "operator_residual"):
        assert found[f"spectrum/{name}"].data.max() < 1e-13


def test_a_direction_wrongly_taken_for_flat_is_caught_by_the_operator():
    net = DenseNetwork(hidden=3, data_options={"n_train": 30})
    span = net._input_span
    span.basis, span.dimension = np.ascontiguousarray(span.basis[:, 1:]), span.dimension - 3
    found = measure(net, net.start(1, np.random.default_rng(0)))
    assert found["spectrum/operator_residual"].data[0] > 0.1


def test_the_two_spin_hessian_has_goe_spacings():
    ratios = []
    for seed in range(40):
        glass = two_spin_glass(150, seed)
        x = glass.start(1, np.random.default_rng(seed))
        ratios.append(measure(glass, x)["spectrum/spacing_ratio"].data[0])
    z = (np.mean(ratios) - GOE_SPACING_RATIO) / (np.std(ratios, ddof=1) / np.sqrt(40))
    assert abs(z) < 4


def test_a_hessian_that_overflows_is_nan_and_not_an_error():
    found = measure(DoubleWell(2), np.array([[1e200, 1.0], [1.0, 1.0]]))
    assert np.isnan(found["spectrum/eigenvalue"].data[0]).all() and found["spectrum/index"].data.tolist() == [-1, 0]


def test_above_the_dense_limit_quadrature_takes_its_place_without_an_index():
    glass = two_spin_glass(30, 1)
    found = measure(glass, glass.start(1, np.random.default_rng(0)), dense_limit=20)
    assert "spectrum/node" in found and "spectrum/index" not in found and "spectrum/eigenvalue" not in found


def test_threads_share_the_replicas_and_leave_the_bits_alone():
    glass = two_spin_glass(15, 5)
    x = glass.start(5, np.random.default_rng(2))
    stored = glass.hessian(x[0]).copy()
    one, two = measure(glass, x), measure(glass, x, threads=2)
    assert all(np.array_equal(one[name].data, two[name].data, equal_nan=True) for name in one)
    np.testing.assert_array_equal(glass.hessian(x[0]), stored)
    assert "threads" not in HessianSpectrumProbe.resolve({})
