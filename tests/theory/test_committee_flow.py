"""Gradient flow of the soft committee: derivatives against differences, the plateau, and specialisation."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.committee_flow import _derivatives, gradient_flow
from spinnet.theory.soft_committee import generalisation_error, symmetric_plateau


def committee_error(overlap, square):
    return generalisation_error(square, overlap, np.eye(len(overlap)))


def test_derivatives_are_those_of_differences():
    rng = np.random.default_rng(1)
    student = rng.standard_normal((3, 5)) / 2
    q, r, h = student @ student.T, student[:, :3].copy(), 1e-6
    by_q, by_r = _derivatives(r, q)
    for i in range(3):
        for k in range(3):
            step = np.zeros((3, 3))
            step[i, k] += h
            assert by_r[i, k] == pytest.approx((committee_error(r + step, q) - committee_error(r - step, q)) / (2 * h),
                                               abs=1e-8)  # fmt: skip
            step = step + step.T
            slope = (committee_error(r, q + step) - committee_error(r, q - step)) / (2 * h)
            assert by_q[i, k] + by_q[k, i] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("units, visited", [(2, 0.011674), (3, 0.020498)])
def test_gradient_flow_stays_on_the_plateau_and_then_specialises(units, visited):
    rng = np.random.default_rng(units)
    r = 1e-4 * rng.standard_normal((units, units))
    q = 0.25 * np.eye(units)
    path = gradient_flow(r, q, np.concatenate([[0.0], np.geomspace(0.1, 600, 400)]))
    plateau = symmetric_plateau(units)[2]
    assert (np.abs(path.error / plateau - 1) < 0.05).sum() > 15  # of 400 times, evenly spaced in ln t
    assert abs(path.error - visited).min() < 0.01 * visited
    assert path.error[-1] < 1e-8 and np.abs(path.overlap[-1]).max() == pytest.approx(1.0, abs=1e-3)


def test_alike_units_stay_alike_for_ever():
    ones = np.ones((3, 3))
    path = gradient_flow(0.1 * ones, 0.2 * ones, np.linspace(0.0, 400.0, 30))
    assert path.error[-1] == pytest.approx(symmetric_plateau(3)[2], abs=1e-8)
    assert np.ptp(path.overlap[-1]) < 1e-10


def test_matrices_of_other_shapes_are_refused():
    with pytest.raises(InputError, match="two"):
        gradient_flow(np.ones((2, 3)), np.eye(2), [0.0, 1.0])
